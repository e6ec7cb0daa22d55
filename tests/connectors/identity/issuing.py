"""A provider of the tests, with keys and tokens made by a library that the door knows nothing of."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from connectors.identity.access_tokens import AccessTokens
from connectors.identity.keyring import Keyring, Times
from connectors.identity.provider import ProviderError
from connectors.identity.settings import OidcSettings

ISSUER: Final = "https://id.court.example/realms/courts"
NOW: Final = dt.datetime(2026, 11, 24, 15, 0, tzinfo=dt.UTC)
GRANTS: Final = [{"role": "handler", "court": "440106"}]
TIMES: Final = Times(300.0, 10.0, 3600.0)
SECRET: Final = OctKey.generate_key(256, {"kid": "shared"})
RSA: Final = RSAKey.generate_key(2048, {"kid": "rsa"})
PSS: Final = RSAKey.generate_key(2048, {"kid": "pss", "alg": "PS256"})
EC: Final = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})
OKP: Final = OKPKey.generate_key("Ed25519", {"kid": "okp"})
STRANGER: Final = RSAKey.generate_key(2048, {"kid": "rsa"})


def published(*keys: Key) -> bytes:
    """The set of keys as a provider publishes it."""
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


SET: Final = published(RSA, PSS, EC, OKP)


def claims(**changes: Any) -> dict[str, Any]:
    """Those of a good token; None takes one away."""
    now = int(NOW.timestamp())
    good = {
        "iss": ISSUER,
        "sub": "u-1001",
        "aud": "chakong",
        "iat": now - 10,
        "exp": now + 300,
        "jti": "t-1",
        "client_id": "console",
        "name": "李法官",
        "chakong_grants": GRANTS,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def token(key: Key = RSA, alg: str = "RS256", header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A token that the key signs. ``header`` is put over a good one; None takes a member away."""
    whole = {"alg": alg, "typ": "at+jwt", "kid": key.kid, **(header or {})}
    members = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(members, claims(**changes), key, algorithms=[alg])


def by_hand(header: dict[str, Any], payload: bytes | None = None, signature: bytes = b"x") -> str:
    """A token of any parts, which nobody signed."""
    body = json.dumps(claims()).encode() if payload is None else payload
    return ".".join(encoded(part) for part in (json.dumps(header).encode(), body, signature))


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Publishing:
    """Where a provider publishes: what it says next, or that it is away."""

    def __init__(self, said: bytes | None = SET) -> None:
        self.said, self.asked = said, 0

    async def fetch(self) -> bytes:
        self.asked += 1
        if self.said is None:
            raise ProviderError("id.court.example: TimeoutError")
        return self.said


def access_tokens(source: Publishing | None = None, **settings: Any) -> AccessTokens:
    """The door's side of it, at ``NOW``."""
    chosen = OidcSettings(issuer=ISSUER, **settings)
    return AccessTokens(chosen, Keyring(source or Publishing(), chosen.algorithms.split(), TIMES), lambda: NOW)
