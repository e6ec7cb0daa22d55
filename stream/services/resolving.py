"""Resolving as the worker runs it: candidates wait for the index, are judged exactly, and become hits."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import structlog

from connectors.kafka.deadletters import dead_letter
from connectors.kafka.errors import NotDurableError
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import HITS
from connectors.redis.errors import IndexUnavailableError
from matchers.sighting import Sighting, read_sighting
from matchers.wire import UnreadableError
from stream import metrics
from stream.core.candidate import Candidate
from stream.core.hit import Hit
from stream.core.resolve import hit_of, judge
from watchlists.index import Lookup, WatchlistIndex
from watchlists.policy import Policy

WAIT_S: Final = 0.02
WAIT_S_MAX: Final = 1.0
_log = structlog.get_logger("resolving")
_decoder: Final = msgspec.json.Decoder(Candidate)


class Resolving:
    """Candidates in, hits out. An index that is empty, behind or unreachable is waited for; it never means "no match"."""

    def __init__(self, index: WatchlistIndex, policy: Policy, records: Records) -> None:
        self._index, self._policy, self._records = index, policy, records

    async def batch(self, values: Sequence[bytes]) -> None:
        """Resolve one batch of candidate records; returns once every hit of it is durable."""
        started = time.perf_counter()
        candidates, out = _read(values)
        found = await self._look_up(candidates)
        now = dt.datetime.now(dt.UTC)
        outcomes: Counter[str] = Counter()
        for _, sighting in candidates:
            keys = set(sighting.keys())
            for order in found.orders:
                if keys.isdisjoint(order.keys()):
                    continue
                judgement = judge(order, sighting, self._policy)
                outcomes[judgement.outcome.value] += 1
                hit = hit_of(judgement, sighting, self._policy, now)
                if hit is not None:
                    out.append(hit_record(hit))
        await send_for_sure(self._records, out)
        for outcome, count in outcomes.items():
            metrics.judgements.labels(outcome).inc(count)
        metrics.resolve_seconds.observe(time.perf_counter() - started)

    async def _look_up(self, candidates: Sequence[tuple[Candidate, Sighting]]) -> Lookup:
        """What the index holds of the batch, once it is as far as every filter was that took one for a maybe."""
        needed: dict[int, int] = {}
        for candidate, _ in candidates:
            for partition, offset in candidate.filter_positions().items():
                needed[partition] = max(needed.get(partition, 0), offset)
        keys = list(dict.fromkeys(key for _, sighting in candidates for key in sighting.keys()))
        wait = WAIT_S
        while True:
            try:
                found = await self._index.lookup(keys)
            except IndexUnavailableError as error:
                metrics.index_waits.labels("unavailable").inc()
                _log.warning("the index does not answer; candidates wait", detail=str(error))
            else:
                if is_as_far(found.positions, needed):
                    return found
                metrics.index_waits.labels("behind").inc()
            await asyncio.sleep(wait)
            wait = min(wait * 2, WAIT_S_MAX)


def hit_record(hit: Hit) -> Record:
    """A hit as a record of the topic ``hits``, keyed by court code."""
    return Record(HITS, hit.court.code.encode(), msgspec.json.encode(hit.model_dump(mode="json")))


async def send_for_sure(records: Records, out: Sequence[Record]) -> None:
    """Produce until it is durable; repeats are recognised by their ids."""
    while out:
        try:
            await records.send_soon(out)
        except NotDurableError as error:
            _log.warning("records were not stored; trying again", detail=str(error))
        else:
            return


def _read(values: Sequence[bytes]) -> tuple[list[tuple[Candidate, Sighting]], list[Record]]:
    candidates, buried = [], []
    for value in values:
        try:
            candidate = _decoder.decode(value)
            candidates.append((candidate, read_sighting(bytes(candidate.sighting))))
        except (UnreadableError, msgspec.DecodeError, UnicodeDecodeError) as error:
            why = error.reason if isinstance(error, UnreadableError) else "invalid_candidate"
            metrics.dead_letters.labels(why).inc()
            buried.append(dead_letter("candidates", -1, -1, dt.datetime.now(dt.UTC), why, type(error).__name__, value))
    return candidates, buried


def is_as_far(positions: Mapping[int, int], needed: Mapping[int, int]) -> bool:
    """Whether an index at these positions holds everything up to the needed ones."""
    return all(positions.get(partition, 0) >= offset for partition, offset in needed.items())
