"""Codes of the local issuer: what a login leaves for the client that asked for it, to be fetched once and soon (RFC 6749, 4.1).

Clients are public ones on this machine, so each proves with PKCE (RFC 7636, S256) that it is who asked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Self

from yarl import URL

from connectors.courts.addresses import is_loopback
from connectors.identity.issuer.samples import Sample

CODE_S_MAX: Final = 60.0
CODES_MAX: Final = 1000
TEXT_MAX: Final = 1000
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Login(NamedTuple):
    """What a client asks for when it sends somebody to log in."""

    client: str
    redirect: str
    challenge: str
    state: str | None
    nonce: str | None

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Self | None:
        """None: it is not asked for as it must be, or somebody is to be sent beyond this machine."""
        client, redirect, challenge = (asked.get(name, "") for name in ("client_id", "redirect_uri", "code_challenge"))
        right = asked.get("response_type") == "code" and asked.get("code_challenge_method") == "S256"
        if not (right and client and _CHALLENGE.fullmatch(challenge) and _is_here(redirect)):
            return None
        return cls(client, redirect, challenge, asked.get("state"), asked.get("nonce"))

    def back(self, code: str) -> str:
        """Where the browser goes with the code."""
        state = {} if self.state is None else {"state": self.state}
        return str(URL(self.redirect).update_query({"code": code, **state}))


class _Kept(NamedTuple):
    login: Login
    sample: Sample
    made_at: float


class Codes:
    """Codes that were given and not yet used."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._kept: Final[OrderedDict[str, _Kept]] = OrderedDict()
        self._now_s = monotonic_s

    def give(self, login: Login, sample: Sample) -> str:
        code = secrets.token_urlsafe(32)
        self._kept[code] = _Kept(login, sample, self._now_s())
        if len(self._kept) > CODES_MAX:
            self._kept.popitem(last=False)
        return code

    def take(self, asked: Mapping[str, str]) -> tuple[Login, Sample] | None:
        """Who logged in, for the client that asked; whatever is asked, the code is used up."""
        kept = self._kept.pop(asked.get("code", ""), None)
        if kept is None or self._now_s() - kept.made_at > CODE_S_MAX:
            return None
        login = kept.login
        digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        proves = hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"="), login.challenge.encode())
        same = (asked.get("client_id"), asked.get("redirect_uri")) == (login.client, login.redirect)
        return (login, kept.sample) if proves and same else None


def _is_here(text: str) -> bool:
    try:
        url = URL(text)
    except ValueError:
        return False
    return len(text) <= TEXT_MAX and url.scheme == "http" and is_loopback(url.host or "") and not url.fragment
