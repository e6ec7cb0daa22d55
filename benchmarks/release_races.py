"""Races: orders whose hits stream while they are released, each at a moment drawn by chance around its hits.

Held against the index's own time of each release: no attempt starts once the fence has the release, and whatever a court
was told is withdrawn.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.stage import Stage, staged
from connectors.courts.receiver import Received
from connectors.kafka.records import Record
from connectors.kafka.topics import ORDERS
from connectors.redis.leases import InForceMark
from deploy.local.addresses import Addresses
from stream.core.delivery import Reason, Receipt
from stream.interpreter import settle
from stream.services.standing import FRESH_S
from synthetic.crowd import SyntheticSighting
from synthetic.world import World

SEED: Final = 43
RACES_A_SECOND: Final = 100.0
HITS: Final = 2
HITS_EVERY_S: Final = 0.05
BEFORE, AFTER = 0.5, 2.0
"""From the sending of an order's first hit to its release: between so long before and so long after, in times of passage."""
WARM_UP: Final = 50
"""Orders that are not released: how long their hits take is the time of passage."""
PASSAGE_S_MAX: Final = 30.0
SLACK: Final = dt.timedelta(seconds=FRESH_S + 0.005)
"""From the fence's question to the start of the attempt that it let pass, and from the index's step to the time noted."""
SETTLE_S: Final = 60.0
RELEASE_VERSION: Final = 2
HIT, WITHDRAWAL = "chakong.hit.v1", "chakong.withdrawal.v1"


class _Event(NamedTuple):
    at_s: float
    what: SyntheticSighting | Record


async def raced(root: Path, addresses: Addresses, races: int, workers: int, *, withdrawals: bool) -> dict[str, Any]:
    """Run so many races; what became of them, with ``failures`` of which there must be none."""
    world = World(SEED, orders=races + WARM_UP, at=dt.datetime.now(dt.UTC))
    async with staged(root, addresses, workers, "races") as stage:
        await stage.place(Record(ORDERS, *record) for record in world.orders())
        settle()
        passage_s = await _passage_s(stage, world, range(races, len(world)))
        events, hits = _schedule(world, range(races), passage_s, random.Random(SEED))
        stage.court.received.clear()
        await asyncio.to_thread(_play, stage, events)
        marks = await stage.marks(list(dict.fromkeys(hits.values())), RELEASE_VERSION)
        await _settled(stage, withdrawals=withdrawals)
        receipts = await asyncio.to_thread(lambda: list(stage.receipts()))
        return {
            "workers": workers,
            "passage_ms": passage_s * 1000,
            **judged(hits, marks, receipts, stage.court.received.values(), withdrawals=withdrawals),
        }


async def _passage_s(stage: Stage, world: World, numbers: range) -> float:
    """How long a hit takes from its sending to the court: the median of these orders' first hits."""
    producer = stage.producer()
    took: list[float] = []
    for number in numbers:
        sighting = world.sighting_of(number)
        if sighting is None:
            continue
        sent = time.monotonic()
        stage.send_sighting(producer, sighting)
        hit = sighting.expected[0].hit_id
        while hit not in stage.court.received and time.monotonic() - sent < PASSAGE_S_MAX:
            producer.poll(0)
            await asyncio.sleep(0.005)
        took.append(time.monotonic() - sent)
    return statistics.median(took)


def _schedule(world: World, numbers: range, passage_s: float, dice: random.Random) -> tuple[list[_Event], dict[str, str]]:
    """What is sent and when, and every hit that may come of it, with its order."""
    events: list[_Event] = []
    hits: dict[str, str] = {}
    for number in numbers:
        begin = BEFORE * passage_s + number / RACES_A_SECOND
        for turn in range(HITS):
            sighting = world.sighting_of(number, turn=turn)
            if sighting is not None:
                events.append(_Event(begin + turn * HITS_EVERY_S, sighting))
                hits |= {pair.hit_id: pair.order_id for pair in sighting.expected}
        released = Record(ORDERS, *world.release(number, version=RELEASE_VERSION))
        events.append(_Event(begin + passage_s * dice.uniform(-BEFORE, AFTER), released))
    return sorted(events, key=lambda event: event.at_s), hits


def _play(stage: Stage, events: Sequence[_Event]) -> None:
    producer = stage.producer()
    began = time.monotonic()
    for at_s, what in events:
        time.sleep(max(began + at_s - time.monotonic(), 0.0))
        if isinstance(what, Record):
            producer.produce(stage.settings.kafka.topic(ORDERS), what.value, what.key)
        else:
            stage.send_sighting(producer, what)
    producer.flush(30)


async def _settled(stage: Stage, *, withdrawals: bool) -> None:
    """Until what must be withdrawn is, and for some seconds in any case: what must not come has time to come all the same."""
    ends_at = time.monotonic() + SETTLE_S
    await asyncio.sleep(3.0)
    while withdrawals and time.monotonic() < ends_at and not_withdrawn(stage.court.received.values()):
        await asyncio.sleep(0.5)


def not_withdrawn(received: Iterable[Received]) -> set[str]:
    """Hits that a court was told of and that were not withdrawn."""
    subjects: dict[str, set[str]] = {HIT: set(), WITHDRAWAL: set()}
    for one in received:
        subjects.setdefault(one.type, set()).add(one.subject)
    return subjects[HIT] - subjects[WITHDRAWAL]


def judged(
    hits: Mapping[str, str],
    marks: Mapping[str, InForceMark],
    receipts: Iterable[Receipt],
    received: Iterable[Received],
    *,
    withdrawals: bool,
) -> dict[str, Any]:
    """Hold what the court and the receipts say against the times at which the index had each release.

    ``hits``: hit id to order id. ``crossed`` counts deliveries that reached the court after the index had the release, by
    attempts that had started before; the other counts name themselves.
    """
    released = {id_: mark.arrived_at + dt.timedelta(seconds=mark.legs.index_s) for id_, mark in marks.items() if mark.legs}
    starts: dict[str, dt.datetime] = {}
    fenced: set[str] = set()
    for receipt in receipts:
        if receipt.step in ("attempted", "delivered"):
            began = receipt.began_at or receipt.at
            starts[receipt.hit_id] = max(began, starts.get(receipt.hit_id, began))
        elif receipt.step == "skipped" and receipt.outcome is Reason.ORDER_RELEASED:
            fenced.add(receipt.hit_id)
    ends = {hit: released[order] for hit, order in hits.items() if order in released}
    told = list(received)
    of_hits = [one for one in told if one.type == HIT]
    late = {hit for hit, at in starts.items() if hit in ends and at > ends[hit] + SLACK}
    unfenced = {one.subject for one in of_hits if one.subject not in starts}
    left = not_withdrawn(told) if withdrawals else set()
    failures = {
        "started_after_release": sorted(late),
        "told_without_a_start": sorted(unfenced),
        "not_withdrawn": sorted(left),
        "releases_not_marked": sorted(set(hits.values()) - released.keys()),
    }
    return {
        "races": len(set(hits.values())),
        "hits_sent": len(hits),
        "delivered": len(of_hits),
        "crossed": sum(one.subject in ends and one.at > ends[one.subject] for one in of_hits),
        "fenced": len(fenced),
        "withdrawn": sum(one.type == WITHDRAWAL for one in told),
        "latest_start_after_release_ms": max(
            ((at - ends[hit]).total_seconds() * 1000 for hit, at in starts.items() if hit in ends), default=0.0
        ),
        "failures": {name: found for name, found in failures.items() if found},
    }
