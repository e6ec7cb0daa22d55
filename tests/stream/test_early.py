"""A candidate that is resolved early is resolved once, and its record waits for that; all others are left to their records."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from connectors.kafka.records import partition_of
from stream import early as resolving_early
from stream.acknowledging import Ours
from stream.early import Early, Resolved
from stream.services.child_process import Keyed
from stream.services.resolving import Late
from stream.under_way import UnderWay

KEY = '["440106-B-0001","S-1"]'
PARTITIONS = 8
LATE = Late([], {0: 7}, frozenset())


def candidate(offset: int, **more: Any) -> bytes:
    """A candidate of the sighting at this offset."""
    return msgspec.json.encode({"topic": "sightings.hotel", "partition": 3, "offset": offset, "sighting": {"id": "S"}} | more)


def keyed(offset: int, key: str = KEY) -> Keyed:
    return Keyed(key, msgspec.Raw(candidate(offset)))


@dataclass
class Worker:
    """A worker that has the one partition of ``candidates`` where ``KEY`` goes; its resolving ends when it is let."""

    resolved: list[bytes] = field(default_factory=list)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False
    late: Late | None = None
    partitions: int | None = PARTITIONS

    def __post_init__(self) -> None:
        ours = Ours(wall_s=lambda: 1000.0)
        ours.assigned([("candidates", partition_of(KEY.encode(), PARTITIONS))])
        self.early = Early("candidates", ours, lambda: self.partitions, UnderWay(), self._resolve)

    async def _resolve(self, value: bytes) -> Late | None:
        self.resolved.append(value)
        await self.may_end.wait()
        if self.fails:
            raise ZeroDivisionError
        return self.late


async def test_its_record_waits_until_it_is_resolved_and_is_not_resolved_again() -> None:
    worker = Worker()
    worker.early.offer([keyed(7)])
    came = asyncio.create_task(worker.early.came(candidate(7, keys=["ff"])))
    await asyncio.sleep(0)
    assert (worker.resolved, came.done()) == ([candidate(7)], False)
    worker.may_end.set()
    assert await came == Resolved(None)
    assert await worker.early.came(candidate(7)) is None  # read again after a rebalance: that is for the hits' ids to tell


async def test_what_the_index_was_not_far_enough_for_is_told_to_its_record() -> None:
    worker = Worker(late=LATE)
    worker.may_end.set()
    worker.early.offer([keyed(7)])
    assert await worker.early.came(candidate(7)) == Resolved(LATE)


async def test_what_fails_is_left_to_its_record() -> None:
    worker = Worker(fails=True)
    worker.may_end.set()
    worker.early.offer([keyed(7)])
    assert await worker.early.came(candidate(7)) is None


async def test_told_twice_it_is_resolved_once() -> None:
    worker = Worker()
    worker.early.offer([keyed(7), keyed(7)])
    worker.early.offer([keyed(7)])
    await asyncio.sleep(0)
    assert worker.resolved == [candidate(7)]
    worker.may_end.set()


@pytest.mark.parametrize("partitions", [None, 0, PARTITIONS])
async def test_another_workers_is_left_to_it(partitions: int | None) -> None:
    worker = Worker(partitions=partitions)
    worker.may_end.set()
    own = partition_of(KEY.encode(), PARTITIONS)
    others = next(key for key in map(str, range(100)) if partition_of(key.encode(), PARTITIONS) != own)
    worker.early.offer([keyed(7, others)])
    assert await worker.early.came(candidate(7)) is None
    assert worker.resolved == []


async def test_one_that_was_found_by_searching_back_is_another() -> None:
    worker = Worker()
    worker.may_end.set()
    worker.early.offer([keyed(7)])
    assert await worker.early.came(candidate(7, lookback=True)) is None
    assert await worker.early.came(candidate(7)) == Resolved(None)


async def test_after_partitions_moved_a_record_is_resolved_as_it_comes() -> None:
    worker = Worker()
    worker.may_end.set()
    worker.early.offer([keyed(7)])
    worker.early.assigned()
    assert await worker.early.came(candidate(7)) is None


@pytest.mark.parametrize("value", [b"", b"\xff", b"[]", b'{"topic": 1}'])
async def test_a_record_that_cannot_be_read_is_for_its_reader(value: bytes) -> None:
    assert await Worker().early.came(value) is None


async def test_there_is_a_bound_on_what_is_resolved_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving_early, "AT_ONCE_MAX", 2)
    worker = Worker()
    worker.early.offer([keyed(offset) for offset in range(3)])
    await asyncio.sleep(0)
    assert worker.resolved == [candidate(0), candidate(1)]
    worker.may_end.set()
    assert [await worker.early.came(candidate(offset)) for offset in range(3)] == [Resolved(None), Resolved(None), None]


async def test_of_records_that_never_come_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving_early, "EARLY_MAX", 2)
    worker = Worker()
    worker.may_end.set()
    for offset in range(3):
        worker.early.offer([keyed(offset)])
        await asyncio.sleep(0.01)
    assert [await worker.early.came(candidate(offset)) for offset in range(3)] == [None, Resolved(None), Resolved(None)]
