"""A hit that is handed over is delivered once at a time, and its record is acknowledged only when that has ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from connectors.kafka.places import Place
from stream import handover as handing
from stream.acknowledging import SKEW_S, Ours
from stream.core.hit import Hit
from stream.handover import Handover
from stream.under_way import UnderWay
from tests.stream.core.hits import hit

HIT = hit("ZX-1")


@dataclass
class Worker:
    """A worker that has partition 0 of ``hits`` since second 1000; its deliveries end when they are let."""

    delivered: list[tuple[Place, bool]] = field(default_factory=list)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False
    under_way: UnderWay = field(default_factory=UnderWay)

    def __post_init__(self) -> None:
        self.ours = Ours(wall_s=lambda: 1000.0)
        self.ours.assigned([("hits", 0)])
        self.handover = Handover("hits", self.ours, self.under_way, self._deliver)

    async def _deliver(self, _hit: Hit, place: Place, first: bool) -> None:
        self.delivered.append((place, first))
        await self.may_end.wait()
        if self.fails:
            raise ZeroDivisionError


async def test_its_record_waits_for_the_delivery_and_is_not_delivered_again() -> None:
    worker = Worker()
    worker.handover.offer(HIT, (0, 7), 1000.0 + 2 * SKEW_S)
    came = asyncio.create_task(worker.handover.came((0, 7)))
    await asyncio.sleep(0)
    assert (worker.delivered, came.done()) == ([((0, 7), True)], False)
    worker.may_end.set()
    assert await came
    assert not await worker.handover.came((0, 7))  # it comes again, after a rebalance: that is the ledger's to know


async def test_soon_after_its_partition_came_another_worker_may_have_begun_with_it() -> None:
    worker = Worker()
    worker.may_end.set()
    worker.handover.offer(HIT, (0, 7), 1000.0 + SKEW_S / 2)
    assert await worker.handover.came((0, 7))
    assert worker.delivered == [((0, 7), False)]


@pytest.mark.parametrize("place", [(1, 7), (0, 6), (0, 7)], ids=["another worker's", "before what came", "what came"])
async def test_what_is_not_ours_or_came_already_is_not_handed_over(place: Place) -> None:
    worker = Worker()
    assert not await worker.handover.came((0, 7))
    worker.handover.offer(HIT, place, 2000.0)
    await asyncio.sleep(0)
    assert worker.delivered == []
    worker.handover.offer(HIT, (0, 8), 2000.0)
    await asyncio.sleep(0)
    assert worker.delivered == [((0, 8), True)]
    worker.may_end.set()


async def test_there_is_a_bound_on_what_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing, "HANDED_MAX", 2)
    worker = Worker()
    worker.may_end.set()
    for offset in range(3):
        worker.handover.offer(HIT, (0, offset), 2000.0)
    assert [await worker.handover.came((0, offset)) for offset in range(3)] == [True, True, False]


async def test_a_delivery_that_fails_leaves_the_hit_to_its_record() -> None:
    worker = Worker(fails=True)
    worker.may_end.set()
    worker.handover.offer(HIT, (0, 7), 2000.0)
    assert not await worker.handover.came((0, 7))


async def test_where_partitions_move_a_record_is_looked_at_as_it_comes() -> None:
    worker = Worker()
    worker.handover.offer(HIT, (0, 7), 2000.0)
    worker.ours.assigned([("hits", 1)])
    worker.handover.assigned()
    assert not await worker.handover.came((0, 7))
    worker.handover.offer(HIT, (0, 8), 2000.0)
    await asyncio.sleep(0)
    assert worker.delivered == [((0, 7), True)]  # ours no more: what had been begun goes on
    worker.may_end.set()


async def test_a_worker_that_leaves_acknowledges_nothing_that_it_did_not_finish() -> None:
    worker = Worker()
    worker.handover.offer(HIT, (0, 7), 2000.0)
    came = asyncio.create_task(worker.handover.came((0, 7)))
    await asyncio.sleep(0)
    assert await worker.under_way.end(0.01) == 1
    with pytest.raises(asyncio.CancelledError):
        await came
