"""Who knocks: the bearer tokens of courts, as TOML files list them.

    [[token]]                         # in the file of CHAKONG_API_TOKENS: a court that answers, and fetches if it says so
    court = "440106"
    token_file = "440106.token"       # beside this file; or token_env = "NAME"
    inbox = true                      # it may fetch the court's inbox; without it, it may only answer

    [[endpoint]]                      # in the endpoints file: a court whose channel is an inbox
    court = "440106"
    channel = "inbox"
    token_file = "440106.token"

A court may have several tokens, so that one can be changed without a gap.

    ValueError
    └── TokensError    file, entry, and what is wrong with it; never a token
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from connectors.courts.endpoint import ANY_COURT
from connectors.courts.sources import from_environment, from_file
from matchers.wire import NonEmpty, reason

_TOKEN: Final = re.compile("[!-~]{32,256}")


class TokensError(ValueError):
    """The tokens cannot be used."""


class Caller(NamedTuple):
    """A court that showed its token. ``inbox``: it may fetch its notifications, besides answering.

    ``credential`` names the token in the audit log: its file's name, or ``env:`` and its variable's.
    """

    court: str
    inbox: bool
    credential: str = ""


class Callers(Protocol):
    """Who a token belongs to. Another implementation may ask an identity provider."""

    def caller(self, token: str) -> Caller | None: ...


class Tokens:
    """The tokens of a deployment, as digests under a key of this process: how long a look-up takes tells nothing of a token."""

    def __init__(self, tokens: Iterable[tuple[str, Caller]] = ()) -> None:
        self._key: Final = secrets.token_bytes(32)
        self._callers: Final[dict[bytes, Caller]] = {}
        for token, caller in tokens:
            if not _TOKEN.fullmatch(token):
                raise TokensError(f"court {caller.court}: a token has 32 to 256 visible ASCII characters")
            known = self._callers.get(self._digest(token), caller)
            if known.court != caller.court:
                raise TokensError(f"court {caller.court}: another court has the same token")
            self._callers[self._digest(token)] = Caller(caller.court, caller.inbox or known.inbox, known.credential)

    def caller(self, token: str) -> Caller | None:
        return self._callers.get(self._digest(token))

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._key, token.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def __len__(self) -> int:
        return len(self._callers)

    @classmethod
    def load(cls, *paths: Path, environ: Mapping[str, str] = os.environ) -> Tokens:
        """The tokens of all files, which may be token files and the endpoints file.

        Raises:
            TokensError: a file or one of its entries cannot be used.
        """
        return cls(pair for path in paths for pair in _listed(path, environ))


class _Entry(BaseModel):
    """One ``[[token]]``, or the part of an ``[[endpoint]]`` that is about tokens."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    court: NonEmpty
    token_file: Path | None = None
    token_env: NonEmpty | None = None
    inbox: bool = False

    @model_validator(mode="after")
    def _has_one_token(self) -> _Entry:
        if (self.token_file is None) == (self.token_env is None):
            raise ValueError("exactly one of token_file and token_env is needed")
        if self.court == ANY_COURT:
            raise ValueError("a token is one court's own: name the court")
        return self

    @property
    def credential(self) -> str:
        return f"env:{self.token_env}" if self.token_file is None else self.token_file.name

    def token(self, folder: Path, environ: Mapping[str, str]) -> str:
        """Raises ValueError."""
        if self.token_env is not None:
            return from_environment(self.token_env, "token_env", environ)
        if self.token_file is None:  # _has_one_token refuses it
            raise AssertionError
        return from_file(self.token_file, folder, "token_file")


def _listed(path: Path, environ: Mapping[str, str]) -> list[tuple[str, Caller]]:
    made = []
    for where, fields in _entries(path):
        try:
            entry = _Entry.model_validate(fields)
            made.append((entry.token(path.parent, environ), Caller(entry.court, entry.inbox, entry.credential)))
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
        (f"endpoint {number}", {**fields, "inbox": True})
        for number, fields in enumerate(listed["endpoint"], 1)
        if isinstance(fields, dict) and fields.get("channel") == "inbox"
    ]
    return tokens + inboxes
