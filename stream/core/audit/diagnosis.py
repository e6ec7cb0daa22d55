"""What is wrong with which record of a chain.

A record whose own signature holds is genuine, wherever it lies. What is not genuine was changed, if a genuine one is missing
where it lies; else it was added. Genuine records that do not lie in their order were moved, or are there twice.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import ValidationError

from matchers.wire import UnreadableError
from stream.core.audit.chain import digest_of
from stream.core.audit.fault import Fault, Found, Stored
from stream.core.audit.merkle import Tree, leaf_hash
from stream.core.audit.record import AuditRecord, Head, read_record
from stream.core.audit.signing import Keys

_PLACE_CHANGED: Final = "it lies under another writer's key"


class _Genuine(NamedTuple):
    stored: Stored
    record: AuditRecord


def diagnose(
    writer: str, held: Sequence[Stored], keys: Keys, heads: Sequence[Head] = (), *, partial: bool = False
) -> list[Found]:
    """The faults of one chain. ``held``: what lies under its key, or is its own, each partition in order."""
    key = writer.encode()
    genuine = [one for one in (_genuine(stored, writer, keys) for stored in held) if one is not None]
    if not genuine and (unknown := _of_unknown_key(writer, held, keys)):
        return [unknown]
    moved = [_at(Fault.CHANGED, writer, one, _PLACE_CHANGED) for one in genuine if one.stored.key != key]
    in_order, out_of_order = _ordered([one for one in genuine if one.stored.key == key])
    by_number = {one.record.sequence: one for one in in_order}
    others = [_out_of_order(writer, one, by_number) for one in out_of_order]
    for one in out_of_order:
        number, after = one.record.sequence, by_number.get(one.record.sequence + 1)
        if number not in by_number or (after is not None and after.record.previous == digest_of(one.stored.value)):
            by_number[number] = one
    ours = {id(one.stored) for one in genuine}
    false = [stored for stored in held if id(stored) not in ours and stored.key == key]
    ends_at = -1 if partial else max((head.sequence for head in heads), default=-1)
    spurious = _false(writer, held, false, by_number, ends_at)
    changed = {found.first for found in (*moved, *spurious) if found.fault in (Fault.CHANGED, Fault.CHECKPOINT_BROKEN)}
    missing = _missing(writer, by_number, changed, ends_at, partial)
    chain = [by_number[number] for number in sorted(by_number)]
    links = _links(writer, chain, heads)
    roots = _checkpoints(writer, chain) if chain and chain[0].record.sequence == 0 else []
    return [*moved, *others, *spurious, *missing, *links, *roots]


def _genuine(stored: Stored, writer: str, keys: Keys) -> _Genuine | None:
    try:
        record = read_record(stored.value)
    except (UnreadableError, ValidationError):
        return None
    is_signed = record.writer == writer and keys.signed(stored.value, msgspec.json.decode(stored.value))
    return _Genuine(stored, record) if is_signed else None


def _of_unknown_key(writer: str, held: Sequence[Stored], keys: Keys) -> Found | None:
    names = {str(_fields(stored).get("key")) for stored in held}
    if held and not any(name in keys for name in names):
        numbers = [number for number in (_number(_fields(stored)) for stored in held) if number is not None]
        says = f"signed with a key that was not given: {', '.join(sorted(names))[:100]}"
        first = held[0]
        low, high = min(numbers, default=None), max(numbers, default=None)
        return Found(Fault.KEY_UNKNOWN, writer, low, high, first.partition, first.offset, says)
    return None


def _ordered(genuine: Sequence[_Genuine]) -> tuple[list[_Genuine], list[_Genuine]]:
    """The longest run whose numbers rise, in the partition that holds most of the chain, and what is not in it."""
    partitions = Counter(one.stored.partition for one in genuine)
    home = max(partitions, key=lambda partition: partitions[partition], default=0)
    at_home = [one for one in genuine if one.stored.partition == home]
    chosen = _rising([one.record.sequence for one in at_home])
    kept = [one for at, one in enumerate(at_home) if at in chosen]
    left = [one for at, one in enumerate(at_home) if at not in chosen]
    return kept, left + [one for one in genuine if one.stored.partition != home]


def _rising(numbers: Sequence[int]) -> set[int]:
    """Where the longest rising run lies (patience sorting)."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for at, number in enumerate(numbers):
        length = bisect_left(tails, number)
        before.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [number]
        ends[length : length + 1] = [at]
    chosen: set[int] = set()
    at = ends[-1] if ends else -1
    while at >= 0:
        chosen.add(at)
        at = before[at]
    return chosen


def _out_of_order(writer: str, one: _Genuine, by_number: dict[int, _Genuine]) -> Found:
    there = by_number.get(one.record.sequence)
    if there is None:
        return _at(Fault.REORDERED, writer, one, "it does not lie in its order")
    if there.stored.value == one.stored.value:
        return _at(Fault.INSERTED, writer, one, "it is there twice")
    return _at(Fault.FORKED, writer, one, "two records that differ were signed under this number")


def _false(
    writer: str, held: Sequence[Stored], false: Sequence[Stored], by_number: dict[int, _Genuine], ends_at: int
) -> list[Found]:
    """What lies in the chain and is not genuine: in place of a record, or besides them."""
    is_false = {id(stored) for stored in false}
    number_of = {id(one.stored): number for number, one in by_number.items()}
    last = max(max(by_number, default=-1), ends_at)
    slots: dict[int, int] = {}
    taken: set[int] = set()
    made: list[Found] = []
    for stored in held:
        if id(stored) not in is_false:
            slots[stored.partition] = number_of.get(id(stored), slots.get(stored.partition, -1))
            continue
        fields = _fields(stored)
        slot = slots.get(stored.partition, -1) + 1
        claimed = _number(fields)
        free = [number for number in (slot, claimed) if number is not None and number <= last]
        number = next((number for number in free if number not in by_number and number not in taken), None)
        if number is not None:
            taken.add(number)
            if number == slot:
                slots[stored.partition] = slot
            fault = Fault.CHECKPOINT_BROKEN if fields.get("kind") == "checkpoint" else Fault.CHANGED
            says = "its signature does not hold" if fields else "it cannot be read"
            made.append(Found(fault, writer, number, number, stored.partition, stored.offset, says))
        else:
            made.append(_added(writer, stored, fields, claimed, by_number))
    return made


def _added(writer: str, stored: Stored, fields: dict[str, Any], claimed: int | None, by_number: dict[int, _Genuine]) -> Found:
    there = by_number.get(-1 if claimed is None else claimed)
    place = (claimed, claimed, stored.partition, stored.offset)
    if there is not None and fields.get("previous") == there.record.previous:
        return Found(Fault.FORKED, writer, *place, "unsigned, it continues the chain beside the record of this number")
    if claimed is not None and claimed == max(by_number, default=-1) + 1:
        return Found(Fault.INSERTED, writer, *place, "unsigned, at the end: it was added there, or was the last and changed")
    return Found(Fault.INSERTED, writer, *place, "its signature does not hold, and no record is missing here")


def _missing(writer: str, by_number: dict[int, _Genuine], changed: set[int | None], ends_at: int, partial: bool) -> list[Found]:
    there = {*by_number, *(number for number in changed if number is not None)}
    last = max(by_number, default=-1)
    first = min(by_number, default=0) if partial else 0
    made: list[Found] = []
    for low, high in _gaps(there, first, max(last, ends_at)):
        if high > last:
            made.append(Found(Fault.TRUNCATED, writer, low, high, says="they were seen when they were there"))
        else:
            made.append(Found(Fault.REMOVED, writer, low, high))
    return made


def _gaps(there: set[int], first: int, last: int) -> list[tuple[int, int]]:
    numbers = [first - 1, *sorted(number for number in there if first <= number <= last), last + 1]
    return [(low + 1, high - 1) for low, high in pairwise(numbers) if high - low > 1]


def _links(writer: str, chain: Sequence[_Genuine], heads: Sequence[Head]) -> list[Found]:
    made = [
        _at(Fault.FORKED, writer, after, "signed, it links to another record than the one before it")
        for before, after in pairwise(chain)
        if after.record.sequence == before.record.sequence + 1 and after.record.previous != digest_of(before.stored.value)
    ]
    known = {head.sequence: head.sha256 for head in heads}
    made += [
        _at(Fault.FORKED, writer, one, "signed, it is another record than was seen here before")
        for one in chain
        if known.get(one.record.sequence, "") not in ("", digest_of(one.stored.value))
    ]
    return made


def _checkpoints(writer: str, chain: Sequence[_Genuine]) -> list[Found]:
    """Roots that are not those of their records, and stretches without a checkpoint."""
    made: list[Found] = []
    tree, uncovered, is_said = Tree(), 0, False
    begun = chain[0].record.begun
    interval = begun.checkpoint_records if begun is not None else 0
    before = -1
    for one in chain:
        record = one.record
        uncovered += record.sequence - before - 1
        if record.checkpoint is None:
            uncovered += 1
        else:
            if tree.size == record.sequence and tree.root().hex() != record.checkpoint.root:
                made.append(_at(Fault.CHECKPOINT_BROKEN, writer, one, "its root is not that of the records before it"))
            uncovered, is_said = 0, False
        if interval and uncovered > interval and not is_said:
            is_said = True
            made.append(_at(Fault.CHECKPOINT_MISSING, writer, one, f"none for more than {interval} records"))
        tree.append(leaf_hash(one.stored.value))
        before = record.sequence
    return made


def _at(fault: Fault, writer: str, one: _Genuine, says: str) -> Found:
    number = one.record.sequence
    return Found(fault, writer, number, number, one.stored.partition, one.stored.offset, says)


def _fields(stored: Stored) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(stored.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _number(fields: dict[str, Any]) -> int | None:
    number = fields.get("sequence")
    return number if isinstance(number, int) and not isinstance(number, bool) and number >= 0 else None
