"""Who knocks: the bearer tokens of machines, as TOML files list them.

    [[token]]                         # in the file of CHAKONG_API_TOKENS: a court's system
    court = "440106"
    token_file = "440106.token"       # beside this file; or token_env = "NAME"
    inbox = true                      # role court_system; without it court_reply, which may only answer

    [[token]]                         # or any other role of the permission matrix, and where it is had
    role = "station"
    station = "440106-B-0001"
    province = "44"
    token_env = "STATION_TOKEN"

    [[endpoint]]                      # in the endpoints file: a court whose channel is an inbox
    court = "440106"
    channel = "inbox"
    token_file = "440106.token"

Somebody may have several tokens, so that one can be changed without a gap.

    ValueError
    └── TokensError    file, entry, and what is wrong with it; never a token
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError, model_validator

from connectors.courts.sources import from_environment, from_file
from connectors.door.access import Shown
from connectors.identity.grants import Placed, name_of
from matchers.wire import NonEmpty, reason
from stream.core.authority import Principal, Role

_TOKEN: Final = re.compile("[!-~]{32,256}")
_TOLD: Final = ("court", "token_file", "token_env")
"""What an endpoint's entry tells of its token; the rest is about the endpoint."""


class TokensError(ValueError):
    """The tokens cannot be used."""


class Entry(NamedTuple):
    """A token, and whose it is."""

    token: str
    principal: Principal


class Tokens:
    """The tokens of a deployment, as digests under a key of this process: how long a look-up takes tells nothing of a token."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._key: Final = secrets.token_bytes(32)
        self._principals: Final[dict[bytes, Principal]] = {}
        for token, principal in entries:
            if not _TOKEN.fullmatch(token):
                raise TokensError(f"{principal.id}: a token has 32 to 256 visible ASCII characters")
            digest = self._digest(token)
            known = self._principals.get(digest, principal)
            if known.id != principal.id:
                raise TokensError(f"{principal.id}: somebody else has the same token")
            grants = tuple(dict.fromkeys((*known.grants, *principal.grants)))
            self._principals[digest] = known._replace(grants=grants)

    async def of(self, shown: Shown) -> Principal | None:
        return None if shown.token is None else self.principal(shown.token)

    def principal(self, token: str) -> Principal | None:
        return self._principals.get(self._digest(token))

    def _digest(self, token: str) -> bytes:
        return hashlib.blake2b(token.encode("utf-8", "surrogatepass"), key=self._key, digest_size=32).digest()

    def __len__(self) -> int:
        return len(self._principals)

    @classmethod
    def load(cls, *paths: Path, environ: Mapping[str, str] = os.environ) -> Tokens:
        """The tokens of all files, which may be token files and the endpoints file.

        Raises:
            TokensError: a file or one of its entries cannot be used.
        """
        return cls(entry for path in paths for entry in _listed(path, environ))


class _Listed(Placed):
    """One ``[[token]]``, or the part of an ``[[endpoint]]`` that is about tokens."""

    role: Role | None = None
    token_file: Path | None = None
    token_env: NonEmpty | None = None
    inbox: bool = False

    @model_validator(mode="after")
    def _has_one_token_and_one_place(self) -> _Listed:
        if (self.token_file is None) == (self.token_env is None):
            raise ValueError("exactly one of token_file and token_env is needed")
        if self.role is not None and self.inbox:
            raise ValueError('inbox = true stands for role = "court_system": give one of the two')
        self.grant(self.granted)
        return self

    @property
    def granted(self) -> Role:
        return self.role or (Role.COURT_SYSTEM if self.inbox else Role.COURT_REPLY)

    def principal(self) -> Principal:
        credential = f"env:{self.token_env}" if self.token_file is None else self.token_file.name
        grant = self.grant(self.granted)
        return Principal(name_of(grant), (grant,), credential=credential)

    def token(self, folder: Path, environ: Mapping[str, str]) -> str:
        """Raises ValueError."""
        if self.token_env is not None:
            return from_environment(self.token_env, "token_env", environ)
        if self.token_file is None:  # _has_one_token_and_one_place refuses it
            raise AssertionError
        return from_file(self.token_file, folder, "token_file")


def _listed(path: Path, environ: Mapping[str, str]) -> list[Entry]:
    made = []
    for where, fields in _entries(path):
        try:
            listed = _Listed.model_validate(fields)
            made.append(Entry(listed.token(path.parent, environ), listed.principal()))
        except ValidationError as error:
            raise TokensError(f"{path}: {where}: {reason(error)}") from None
        except ValueError as error:
            raise TokensError(f"{path}: {where}: {error}") from None
    return made


def _entries(path: Path) -> list[tuple[str, Any]]:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise TokensError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TokensError(f"{path}: {error}") from None
    unknown = table.keys() - {"token", "endpoint"}
    listed = {name: table.get(name, []) for name in ("token", "endpoint")}
    if unknown or not all(isinstance(entries, list) for entries in listed.values()):
        raise TokensError(f"{path}: only [[token]] and [[endpoint]] entries are known, with two brackets")
    tokens = [(f"token {number}", fields) for number, fields in enumerate(listed["token"], 1)]
    inboxes = [
        (f"endpoint {number}", {**{name: fields[name] for name in _TOLD if name in fields}, "inbox": True})
        for number, fields in enumerate(listed["endpoint"], 1)
        if isinstance(fields, dict) and fields.get("channel") == "inbox"
    ]
    return tokens + inboxes
