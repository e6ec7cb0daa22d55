"""What can go wrong with Redis, in words that say what to do. None of it ever means "no match".

RedisError                      ``reason``: a short code for metrics; the text names the server, never its password
├── IndexUnavailableError       the index cannot be asked or written now: wait, and acknowledge nothing
│   └── ForeignIndexError       it was made with another key secret, or in another layout: we would find nothing in it
└── ViewUnavailableError        the ledger, the leases or another view cannot be asked or written now; the log has it all
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis.asyncio
from redis import exceptions


class RedisError(RuntimeError):
    """Any trouble with Redis."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class IndexUnavailableError(RedisError):
    """The index cannot be read or written now."""


class ForeignIndexError(IndexUnavailableError):
    """The index is not one that we would find anything in."""


class ViewUnavailableError(RedisError):
    """A view other than the index cannot be read or written now."""


_BY_TYPE: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (exceptions.BusyLoadingError, "loading", "is still loading its data"),
    (exceptions.AuthenticationError, "denied", "refuses the user or password"),
    (exceptions.AuthorizationError, "denied", "refuses the user or password"),
    (exceptions.NoPermissionError, "denied", "does not permit its user what the engine needs"),
    (exceptions.MaxConnectionsError, "no_connection", "has no free connection: raise CHAKONG_REDIS_CONNECTIONS_MAX"),
    (exceptions.TimeoutError, "timed_out", "did not answer in time"),
    (exceptions.ConnectionError, "unreachable", "cannot be reached: start it, or set CHAKONG_REDIS to where it is"),
    (exceptions.OutOfMemoryError, "out_of_memory", "has no memory left: raise its maxmemory"),
    (exceptions.ReadOnlyError, "read_only", "is a read-only replica: set CHAKONG_REDIS to the primary"),
    (TimeoutError, "timed_out", "did not answer in time"),
    (OSError, "unreachable", "cannot be reached: start it, or set CHAKONG_REDIS to where it is"),
)
_BY_TEXT: Final[tuple[tuple[str, str, str], ...]] = (
    ("OOM", "out_of_memory", "has no memory left: raise its maxmemory"),
    ("READONLY", "read_only", "is a read-only replica: set CHAKONG_REDIS to the primary"),
    ("LOADING", "loading", "is still loading its data"),
    ("MISCONF", "no_disk", "cannot save to its disk and takes no writes"),
    ("MASTERDOWN", "replica_cut_off", "is a replica that has lost its primary"),
    ("NOREPLICAS", "no_replicas", "has too few replicas to take writes"),
    ("NOPERM", "denied", "does not permit its user what the engine needs"),
    ("NOAUTH", "denied", "asks for a password"),
    ("BUSY", "busy", "is busy with a script"),
    ("LOST", "lost", "has no whole ledger; the workers build it again from the log"),
    ("WIPING", "wiping", "holds an index that is being wiped; if nobody is wiping it, wipe it again"),
    (
        "FOREIGN",
        "foreign",
        "holds views made with another key secret: set CHAKONG_KEY_SECRET_FILE to that secret, or rebuild them",
    ),
    ("DAMAGED", "damaged", "holds a damaged index: entries are missing; wipe it, and it is built anew"),
)


def server_name(client: redis.asyncio.Redis) -> str:
    """The server as it may stand in errors and logs: without user and password."""
    about: dict[str, Any] = client.connection_pool.connection_kwargs
    if "path" in about:
        return f"Redis at {about['path']}"
    return f"Redis at {about.get('host', 'localhost')}:{about.get('port', 6379)}/{about.get('db') or 0}"


@contextmanager
def translated(kind: type[RedisError], server: str) -> Iterator[None]:
    """Everything that Redis or the way to it can raise becomes one error of ours."""
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        if str(error).startswith("FOREIGN") and issubclass(ForeignIndexError, kind):
            raise ForeignIndexError("foreign", f"{server} {_FOREIGN}") from None
        reason, words = _explained(error)
        raise kind(reason, f"{server} {words}") from None


_FOREIGN: Final = (
    "holds an index made with another key secret, or by another version: set CHAKONG_KEY_SECRET_FILE to that secret, "
    "take another CHAKONG_REDIS_NAMESPACE, or wipe the index"
)


def _explained(error: Exception) -> tuple[str, str]:
    for kind, reason, words in _BY_TYPE:
        if isinstance(error, kind):
            return reason, words
    for start, reason, words in _BY_TEXT:
        if str(error).startswith(start):
            return reason, words
    return "failed", f"answered with an error ({type(error).__name__})"
