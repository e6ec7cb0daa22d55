"""Resolving as the worker runs it: candidates wait for the index, are judged exactly, and become hits."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from typing import Final, NamedTuple

import msgspec
import structlog

from connectors.kafka.deadletters import dead_letter
from connectors.kafka.errors import NotDurableError
from connectors.kafka.places import Place
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import HITS
from connectors.redis.errors import IndexUnavailableError
from matchers.sighting import Sighting, read_sighting
from matchers.wire import UnreadableError
from stream import metrics
from stream.core.candidate import Candidate
from stream.core.hit import Hit
from stream.core.ports import ProvincialRules
from stream.core.resolve import hit_of, judge
from stream.services.behind import Behind
from stream.services.reached import Reached, is_as_far
from watchlists.index import Lookup, WatchlistIndex
from watchlists.rules import judged_at

WAIT_S: Final = 0.02
WAIT_S_MAX: Final = 1.0
_log = structlog.get_logger("resolving")
_decoder: Final = msgspec.json.Decoder(Candidate)


class CandidateRecord(NamedTuple):
    """A record of ``candidates``."""

    topic: str
    partition: int
    offset: int
    value: bytes


class Seen(NamedTuple):
    """A sighting to be judged; ``lookback``: it was found by searching back."""

    sighting: Sighting
    lookback: bool


class Late(NamedTuple):
    """Sightings of a batch that the index was not far enough for, how far it must be, and which hits were told already."""

    sightings: Sequence[Seen]
    needed: Mapping[int, int]
    told: frozenset[tuple[str, int]]


class Resolving:
    """Candidates in, hits out. An index that is empty, rebuilt or unreachable is waited for; it never means "no match".

    So are provincial rules that are not known for now: older ones never judge in their place.
    """

    def __init__(
        self,
        index: WatchlistIndex,
        rules: ProvincialRules,
        records: Records,
        reached: Reached,
        on_hit: Callable[[Hit, Place], None] = lambda *_: None,
    ) -> None:
        """``on_hit`` is told of each hit, and of its place in ``hits``, once it is durable."""
        self._index, self._rules, self._records, self._reached = index, rules, records, reached
        self._on_hit = on_hit
        self._behind = Behind(index, reached)

    async def batch(self, records: Sequence[CandidateRecord]) -> Late | None:
        """Resolve one batch of candidate records; returns once every hit that the index holds already is durable.

        Candidates whose filter was further than the index are looked up ``again`` when it is as far: no hit is missed, and none
        waits for orders that do not concern it.
        """
        started = time.perf_counter()
        candidates, out = _read(records)
        needed = [candidate.positions for candidate, _ in candidates]
        sightings = [Seen(sighting, candidate.lookback) for candidate, sighting in candidates]
        found = await self._look_up(sightings, {})
        hits = await self._judge(sightings, found)
        await self._store(hits, out)
        metrics.resolve_seconds.observe(time.perf_counter() - started)
        if not any(late := [not is_as_far(found.positions, positions) for positions in needed]):
            return None
        metrics.index_waits.labels("behind").inc()
        told = frozenset((hit.id, hit.order_version) for hit in hits)
        return Late(list(compress(sightings, late)), _furthest(compress(needed, late)), told)

    async def again(self, late: Late) -> None:
        """Resolve what was left of a batch; returns once its other hits are durable."""
        await self._behind.until(late.needed)
        found = await self._look_up(late.sightings, late.needed)
        hits = [hit for hit in await self._judge(late.sightings, found) if (hit.id, hit.order_version) not in late.told]
        await self._store(hits)

    async def _store(self, hits: Sequence[Hit], letters: Sequence[Record] = ()) -> None:
        places = await send_for_sure(self._records, [*map(hit_record, hits), *letters])
        for hit, place in zip(hits, places, strict=False):
            self._on_hit(hit, place)

    async def _judge(self, sightings: Sequence[Seen], found: Lookup) -> list[Hit]:
        if not found.orders:
            return []
        now = dt.datetime.now(dt.UTC)
        history = await self._rules.up_to(now)
        hits: list[Hit] = []
        for sighting, lookback in sightings:
            keys, policy = set(sighting.keys()), history.at(judged_at(sighting.occurred_at, now))
            for order in found.orders:
                if keys.isdisjoint(order.keys()):
                    continue
                judgement = judge(order, sighting, policy)
                metrics.judgements.labels(judgement.outcome.value).inc()
                hit = hit_of(judgement, sighting, policy, now, lookback=lookback)
                if hit is not None:
                    hits.append(hit)
        return hits

    async def _look_up(self, sightings: Sequence[Seen], needed: Mapping[int, int]) -> Lookup:
        """What a whole index holds of the sightings' keys, once it is as far as needed."""
        keys = list(dict.fromkeys(key for sighting, _ in sightings for key in sighting.keys()))
        wait = WAIT_S
        while True:
            try:
                found = await self._index.lookup(keys)
            except IndexUnavailableError as error:
                metrics.index_waits.labels("unavailable").inc()
                _log.warning("the index does not answer; candidates wait", detail=str(error))
            else:
                if await self._reached.is_whole(found.positions) and is_as_far(found.positions, needed):
                    return found
            await asyncio.sleep(wait)
            wait = min(wait * 2, WAIT_S_MAX)


def _furthest(positions: Iterable[Mapping[int, int]]) -> dict[int, int]:
    furthest: dict[int, int] = {}
    for one in positions:
        for partition, offset in one.items():
            furthest[partition] = max(furthest.get(partition, 0), offset)
    return furthest


def hit_record(hit: Hit) -> Record:
    """A hit as a record of the topic ``hits``, keyed by court code."""
    return Record(HITS, hit.court.code.encode(), msgspec.json.encode(hit.model_dump(mode="json")))


async def send_for_sure(records: Records, out: Sequence[Record]) -> list[Place]:
    """Produce until it is durable; repeats are recognised by their ids. Where each record stands now."""
    while out:
        try:
            return await records.send_soon(out)
        except NotDurableError as error:
            _log.warning("records were not stored; trying again", detail=str(error))
    return []


def _read(records: Sequence[CandidateRecord]) -> tuple[list[tuple[Candidate, Sighting]], list[Record]]:
    candidates, buried = [], []
    for record in records:
        try:
            candidate = _decoder.decode(record.value)
            candidates.append((candidate, read_sighting(bytes(candidate.sighting))))
        except (UnreadableError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            why = error.reason if isinstance(error, UnreadableError) else "invalid_candidate"
            metrics.dead_letters.labels(why).inc()
            place = (record.topic, record.partition, record.offset)
            buried.append(dead_letter(*place, dt.datetime.now(dt.UTC), why, type(error).__name__, record.value))
    return candidates, buried
