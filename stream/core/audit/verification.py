"""Whether an audit log is whole, in two passes.

The first reads it in the order in which it lies, keeps 32 bytes a record, and checks every link and every checkpoint. A chain's
last signature and its links vouch for all that is before. Only chains that are not as they should be are read a second time,
record by record, to say what is wrong with which (``diagnosis``).

What a chain cannot tell by itself is that its end is missing. Two things tell: a later chain, whose first record names the last
records that it saw; and the heads that an auditor kept of an earlier verification.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import ValidationError

from matchers.wire import UnreadableError
from stream.core.audit.chain import digest_of
from stream.core.audit.diagnosis import diagnose
from stream.core.audit.fault import Fault, Found, Stored
from stream.core.audit.merkle import Tree, leaf_hash
from stream.core.audit.record import AuditRecord, Head, read_record
from stream.core.audit.signing import Keys

PROGRESS_EVERY: Final = 10_000


class Verified(NamedTuple):
    """What was found. ``heads``: how far each chain is, for an auditor to keep."""

    records: int
    checkpoints: int
    uncovered: int
    heads: tuple[Head, ...]
    faults: tuple[Found, ...]


def verify(
    read: Callable[[], Iterable[Stored]],
    keys: Keys,
    known: Sequence[Head] = (),
    *,
    partial: bool = False,
    progress: Callable[[int], object] = lambda _count: None,
) -> Verified:
    """Verify a log.

    Args:
        read: reads it from its beginning, each partition in order; called twice where something is wrong.
        known: heads that an earlier verification found; they must still be there.
        partial: it is a part of a log. Chains may begin in the middle, and then roots of checkpoints cannot be computed; what
            lies outside is not missed.
        progress: told how many records were read, now and then.
    """
    scan = _Scan(keys, partial)
    for count, stored in enumerate(read(), 1):
        scan.take(stored)
        if not count % PROGRESS_EVERY:
            progress(count)
    wanted = [*known, *scan.seen]
    suspects = scan.suspects(wanted)
    faults = _look_closer(read, suspects, keys, wanted, partial) if suspects else ()
    whole = {writer: chain for writer, chain in scan.chains.items() if writer not in suspects}
    return Verified(
        scan.records,
        sum(chain.checkpoints for chain in scan.chains.values()),
        sum(chain.uncovered for chain in whole.values()),
        tuple(
            Head(writer=writer, sequence=chain.last, sha256=chain.digest(chain.last) or "") for writer, chain in whole.items()
        ),
        faults,
    )


class _Chain:
    """A chain as far as it was read without anything odd."""

    def __init__(self, first: int, partition: int) -> None:
        self.first, self.partition = first, partition
        self._digests: Final = bytearray()
        self._tree: Final = Tree()
        self._interval = 0
        self.checkpoints = self.uncovered = 0
        self.last_raw, self.last_fields = b"", dict[str, Any]()

    @property
    def last(self) -> int:
        return self.first + len(self._digests) // 32 - 1

    def digest(self, sequence: int) -> str | None:
        start = (sequence - self.first) * 32
        return self._digests[start : start + 32].hex() if 0 <= start < len(self._digests) else None

    def take(self, record: AuditRecord, raw: bytes, keys: Keys) -> bool:
        """Whether it is what comes next."""
        if record.sequence != self.last + 1 or (self._digests and record.previous != self.digest(self.last)):
            return False
        if record.begun is not None:
            self._interval = record.begun.checkpoint_records
        fields = msgspec.json.decode(raw)
        if record.checkpoint is not None:
            if self.first == 0 and record.checkpoint.root != self._tree.root().hex():
                return False
            if not keys.signed(raw, fields):
                return False
            self.checkpoints, self.uncovered = self.checkpoints + 1, 0
        elif self._interval and self.uncovered >= self._interval:
            return False
        else:
            self.uncovered += 1
        self._tree.append(leaf_hash(raw))
        self._digests.extend(bytes.fromhex(digest_of(raw)))
        self.last_raw, self.last_fields = raw, fields
        return True


class _Scan:
    """The first pass."""

    def __init__(self, keys: Keys, partial: bool) -> None:
        self._keys, self._partial = keys, partial
        self.records = 0
        self.chains: Final[dict[str, _Chain]] = {}
        self.seen: Final[list[Head]] = []
        self._odd: Final[set[str]] = set()

    def take(self, stored: Stored) -> None:
        self.records += 1
        key = (stored.key or b"").decode("utf-8", "replace")
        try:
            record = read_record(stored.value)
        except (UnreadableError, ValidationError):
            self._odd.add(key)
            return
        if key != record.writer:
            self._odd.update((key, record.writer))
        if record.writer in self._odd:
            return
        chain = self.chains.get(record.writer)
        if chain is None:
            if record.sequence and not self._partial:
                self._odd.add(record.writer)
                return
            chain = self.chains[record.writer] = _Chain(record.sequence, stored.partition)
        if chain.partition != stored.partition or not chain.take(record, stored.value, self._keys):
            self._odd.add(record.writer)
        elif record.begun is not None and self._keys.signed(stored.value, chain.last_fields):
            self.seen.extend(record.begun.seen)

    def suspects(self, wanted: Iterable[Head]) -> set[str]:
        """The chains with which something is wrong."""
        unsigned = {writer for writer, chain in self.chains.items() if not self._keys.signed(chain.last_raw, chain.last_fields)}
        lost = {head.writer for head in wanted if not self._has(head)}
        return self._odd | unsigned | lost

    def _has(self, head: Head) -> bool:
        chain = self.chains.get(head.writer)
        digest = None if chain is None else chain.digest(head.sequence)
        return digest == head.sha256 or (self._partial and digest is None)


def _look_closer(
    read: Callable[[], Iterable[Stored]], suspects: set[str], keys: Keys, wanted: Sequence[Head], partial: bool
) -> tuple[Found, ...]:
    held: dict[str, list[Stored]] = {writer: [] for writer in suspects}
    for stored in read():
        key = (stored.key or b"").decode("utf-8", "replace")
        for writer in suspects & {key, _claimed(stored.value, key, keys)}:
            held[writer].append(stored)
    heads: Mapping[str, list[Head]] = {writer: [head for head in wanted if head.writer == writer] for writer in suspects}
    made: list[Found] = []
    for writer in sorted(suspects):
        found = diagnose(writer, held[writer], keys, heads[writer], partial=partial)
        made += found or [Found(Fault.CHANGED, writer, None, None, says="it does not verify, and no record of it shows why")]
    return tuple(made)


def _claimed(raw: bytes, key: str, keys: Keys) -> str:
    """The writer of a record, also where it lies under another's key and its signature says so."""
    try:
        fields = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return key
    writer = fields.get("writer") if isinstance(fields, dict) else None
    return writer if isinstance(writer, str) and writer != key and keys.signed(raw, fields) else key
