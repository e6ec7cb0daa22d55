"""What is wrong with an audit log, and which record is."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Fault(StrEnum):
    """A kind of fault."""

    REMOVED = "removed"
    CHANGED = "changed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    FORKED = "forked"
    TRUNCATED = "truncated"
    CHECKPOINT_BROKEN = "checkpoint_broken"
    CHECKPOINT_MISSING = "checkpoint_missing"
    KEY_UNKNOWN = "key_unknown"


class Stored(NamedTuple):
    """A record of the topic, as it lies there."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes


class Found(NamedTuple):
    """A fault, and the records of a chain that it is about: ``first`` to ``last``. Places are null where nothing lies."""

    fault: Fault
    writer: str
    first: int | None
    last: int | None
    partition: int | None = None
    offset: int | None = None
    says: str = ""
