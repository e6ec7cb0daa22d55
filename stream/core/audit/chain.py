"""A writer's chain as it grows: what links a record to the one before, and when a checkpoint is due."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any, Final, NamedTuple

from stream.core.audit.merkle import Tree, leaf_hash
from stream.core.audit.record import Begun, Checkpoint, Entry
from stream.core.audit.signing import Signer


def digest_of(raw: bytes) -> str:
    """What the next record holds of a stored one: its SHA-256, hexadecimal."""
    return hashlib.sha256(raw).hexdigest()


class Intervals(NamedTuple):
    """When a checkpoint is made: after so many records, or so many seconds after the first that none covers."""

    records: int
    seconds: float


class Chain:
    """The records of one writer, made one after the other. Whoever cannot store one abandons the chain."""

    def __init__(self, writer: str, signer: Signer, intervals: Intervals) -> None:
        self.writer: Final = writer
        self._signer, self._intervals = signer, intervals
        self._tree: Final = Tree()
        self._previous: str | None = None
        self._uncovered = 0
        self._uncovered_since: dt.datetime | None = None

    @property
    def size(self) -> int:
        """How many records it has."""
        return self._tree.size

    def begin(self, begun: Begun, at: dt.datetime) -> bytes:
        """Its first record, as it is to be stored."""
        if self.size:
            raise AssertionError("a chain begins once")
        return self._append("begun", begun.model_dump(mode="json", exclude_none=True), at)

    def append(self, entry: Entry, at: dt.datetime) -> bytes:
        """The next record, as it is to be stored.

        Raises:
            ValueError: the entry has no canonical bytes; the chain stays as it was.
        """
        return self._append("operation", entry.model_dump(mode="json", exclude_none=True), at)

    def checkpoint(self, at: dt.datetime) -> bytes:
        """A checkpoint over all records so far, as it is to be stored."""
        made = self._append("checkpoint", Checkpoint(size=self.size, root=self._tree.root().hex()).model_dump(), at)
        self._uncovered, self._uncovered_since = 0, None
        return made

    def due_at(self) -> dt.datetime | None:
        """When a checkpoint is due; None while one covers everything."""
        if self._uncovered_since is None:
            return None
        if self._uncovered >= self._intervals.records:
            return self._uncovered_since
        return self._uncovered_since + dt.timedelta(seconds=self._intervals.seconds)

    def _append(self, kind: str, part: dict[str, Any], at: dt.datetime) -> bytes:
        raw = self._signer.signed(
            {
                "writer": self.writer,
                "sequence": self.size,
                "previous": self._previous,
                "at": at.astimezone(dt.UTC).isoformat(),
                "kind": kind,
                kind: part,
            }
        )
        self._tree.append(leaf_hash(raw))
        self._previous = digest_of(raw)
        self._uncovered += 1
        self._uncovered_since = self._uncovered_since or at
        return raw
