"""One page of what is sought in the audit log: pure, over stretches of its partitions that somebody has read.

The log lies in partitions, each in the order in which it was written. A page is merged from one stretch of each, by time, up to
where the first stretch ends whose partition goes on: what is beyond may lie before what others have. So nothing is passed
over or told twice.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, NamedTuple

import msgspec

from stream.core.audit.fault import Stored
from stream.core.audit.record import Outcome

_LONG_AGO: Final = dt.datetime.min.replace(tzinfo=dt.UTC)


class Sought(NamedTuple):
    """What is sought; None: whatever. From ``since`` on, and before ``until``, by the records' own time."""

    who: str | None = None
    operation: str | None = None
    object: str | None = None
    outcome: Outcome | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


class Stretch(NamedTuple):
    """Records of one partition, one after the other. ``next``: the offset to go on with; ``whole``: nothing is beyond."""

    records: list[Stored]
    next: int
    whole: bool


class Page(NamedTuple):
    """Records as they are stored, and where each partition goes on. ``more``: something lies beyond."""

    records: list[bytes]
    positions: dict[int, int]
    more: bool


class _Id(msgspec.Struct):
    id: str | None = None


class _Operation(msgspec.Struct):
    """Of an entry, what is asked for."""

    who: _Id
    operation: str
    outcome: str
    object: _Id | None = None


class _Glance(msgspec.Struct):
    """Of a record, what is asked for."""

    at: Annotated[dt.datetime, msgspec.Meta(tz=True)]
    operation: _Operation | None = None


_glance: Final = msgspec.json.Decoder(_Glance)


class _Seen(NamedTuple):
    """A record in the order of a page: by its time, which within a partition never goes back."""

    at: dt.datetime
    partition: int
    offset: int
    found: bytes | None


def page_of(stretches: Mapping[int, Stretch], sought: Sought, limit: int) -> Page:
    """The first ``limit`` records that are sought, of stretches that begin where the page before ended."""
    positions = {partition: stretch.records[0].offset for partition, stretch in stretches.items() if stretch.records}
    positions = {partition: stretch.next for partition, stretch in stretches.items()} | positions
    ends = {partition: stretch.records[-1].offset for partition, stretch in stretches.items() if stretch.records}
    if any(not stretch.records and not stretch.whole for stretch in stretches.values()):
        return Page([], positions, more=True)
    found: list[bytes] = []
    for seen in heapq.merge(*(_seen(stretch.records, sought) for stretch in stretches.values())):
        if seen.found is not None:
            found.append(seen.found)
        stretch = stretches[seen.partition]
        at_end = seen.offset == ends[seen.partition]
        positions[seen.partition] = stretch.next if at_end else seen.offset + 1
        if len(found) == limit or (at_end and not stretch.whole):
            break
    more = any(positions[partition] != stretch.next or not stretch.whole for partition, stretch in stretches.items())
    return Page(found, positions, more)


def _seen(records: list[Stored], sought: Sought) -> Iterator[_Seen]:
    latest = _LONG_AGO
    for stored in records:
        try:
            glance = _glance.decode(stored.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            glance = _Glance(latest)  # what is no record: verification names it
        latest = max(latest, glance.at)
        yield _Seen(latest, stored.partition, stored.offset, stored.value if _fits(glance, sought) else None)


def _fits(glance: _Glance, sought: Sought) -> bool:
    entry = glance.operation
    if entry is None:
        return False
    return (
        sought.who in (None, entry.who.id)
        and sought.operation in (None, entry.operation)
        and sought.outcome in (None, entry.outcome)
        and (sought.object is None or (entry.object is not None and sought.object == entry.object.id))
        and (sought.since is None or glance.at >= sought.since)
        and (sought.until is None or glance.at < sought.until)
    )
