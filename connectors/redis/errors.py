"""What can go wrong with Redis. It never means "no match": whoever meets it waits and acknowledges nothing.

RedisError
├── IndexUnavailableError   the index cannot be asked or written
└── ViewUnavailableError    the ledger, the leases or another view cannot be asked or written
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis.exceptions


class RedisError(RuntimeError):
    """Any trouble with Redis."""


class IndexUnavailableError(RedisError):
    """The index cannot be asked or written."""


class ViewUnavailableError(RedisError):
    """A view cannot be asked or written."""


@contextmanager
def translated(to: type[RedisError]) -> Iterator[None]:
    """The client's errors as ours; their texts may hold what was sent, so only their kind is told."""
    try:
        yield
    except (redis.exceptions.RedisError, OSError) as error:
        raise to(f"Redis: {type(error).__name__}") from None
