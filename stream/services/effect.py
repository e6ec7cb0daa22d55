"""Effect: the moment from which an order is in force everywhere, by which legs it came there, and which worker was the last.

Every live lease's positions, and the index's, say how far in ``orders`` everybody is.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

import structlog

from connectors.redis.errors import IndexUnavailableError, ViewUnavailableError
from connectors.redis.leases import InForce, InForceMark, Leases, Legs
from stream import metrics
from stream.services.index_view import Applied
from watchlists.force import Progress, in_force_everywhere
from watchlists.index import WatchlistIndex

LOOK_EVERY_S: Final = 0.02
AGAIN_S: Final = 0.5
MARKS_MAX: Final = 1000
"""Moments noted in one round trip; between two, the event loop is free."""
UNMEASURED_MAX: Final = 10_000
UNMEASURED_S_MAX: Final = 60.0
"""Withdrawals whose release is not in force everywhere yet: how many are waited with, and for how long."""
_log = structlog.get_logger("effect")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class _Withdrawn(NamedTuple):
    order_id: str
    version: int
    at: dt.datetime


class Effect:
    """The timing of the orders that this worker's index writer applied, and of the withdrawals that it delivered."""

    def __init__(
        self, leases: Leases, index: WatchlistIndex, in_force: InForce, *, clock: Callable[[], dt.datetime] = _now
    ) -> None:
        self._leases, self._index, self._in_force, self._clock = leases, index, in_force, clock
        self._pending: dict[int, deque[Applied]] = {}
        self._unmeasured: deque[_Withdrawn] = deque(maxlen=UNMEASURED_MAX)
        self._progress = Progress()
        self._waited_for = asyncio.Event()
        self._stopping = False

    def applied(self, applied: Sequence[Applied]) -> None:
        """Records that took effect in the index: from here on their effect everywhere is watched for."""
        for record in applied:
            self._pending.setdefault(record.partition, deque()).append(record)
        if applied:
            self._waited_for.set()

    async def withdrawn(self, order_id: str, version: int, at: dt.datetime) -> None:
        """A withdrawal that the release of this version called for was delivered: the last one's time is kept with the order.

        Raises:
            ViewUnavailableError: Redis could not note it.
        """
        await self._in_force.withdrawn(order_id, version, at)
        self._unmeasured.append(_Withdrawn(order_id, version, at))
        self._waited_for.set()

    def stop(self) -> None:
        self._stopping = True
        self._waited_for.set()

    async def watch_force(self) -> None:
        """Note, for every order applied by this worker's index writer, when it was in force everywhere."""
        while not self._stopping:
            await self._waited_for.wait()
            try:
                await self.look()
            except (IndexUnavailableError, ViewUnavailableError) as error:
                _log.warning("effect everywhere is not known", detail=str(error))
                await asyncio.sleep(AGAIN_S)
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """See how far everybody is, once, and note what is in force everywhere since the last time.

        Raises:
            IndexUnavailableError, ViewUnavailableError: Redis did not answer; what was not noted is, at the next look.
        """
        self._waited_for.clear()
        try:
            if any(self._pending.values()):
                await self._mark()
            if self._unmeasured:
                await self._measure_withdrawals()
        finally:
            if self._unmeasured or any(self._pending.values()):
                self._waited_for.set()

    async def _mark(self) -> None:
        live = await self._leases.live()
        everywhere = in_force_everywhere([lease.applied for lease in live.values()], await self._index.positions())
        for worker, lease in live.items():
            self._progress.see(worker, lease.applied, lease.moved_at or lease.at)
        self._progress.forget({}, live.keys())
        now = self._clock()
        while records := self._passed(everywhere):
            marks = [self._timed(record, now) for record in records]
            # Of an order that was placed, and there are millions, the legs are measured but not kept.
            kept = [
                mark._replace(legs=None) if record.action == "place" else mark
                for record, mark in zip(records, marks, strict=True)
            ]
            await self._in_force.mark(kept)
            for record, mark in zip(records, marks, strict=True):
                self._pending[record.partition].popleft()
                _measure(record.action, mark)
        self._progress.forget(everywhere, live.keys())

    def _passed(self, everywhere: Mapping[int, int]) -> list[Applied]:
        """Of the records that are waited for, some that everybody has. What is not there yet is not looked at: it may be
        hundreds of thousands."""

        def passed() -> Iterator[Applied]:
            for partition, pending in self._pending.items():
                for record in pending:
                    if record.offset > everywhere.get(partition, 0):
                        break
                    yield record

        return list(islice(passed(), MARKS_MAX))

    def _timed(self, record: Applied, now: dt.datetime) -> InForceMark:
        """The mark of a record that is in force everywhere."""
        last = self._progress.last(record.partition, record.offset)
        index_s = _seconds(record.arrived_at, record.indexed_at)
        legs = Legs(index_s, _seconds(record.arrived_at, last.at), last.worker) if last is not None else None
        return InForceMark(record.order_id, record.version, now, _seconds(record.arrived_at, now), legs)

    async def _measure_withdrawals(self) -> None:
        """Time the withdrawals whose release is in force everywhere by now; another worker may have marked it."""
        withdrawals = [self._unmeasured.popleft() for _ in range(min(len(self._unmeasured), MARKS_MAX))]
        try:
            marks = await self._in_force.of([one.order_id for one in withdrawals])
        except ViewUnavailableError:
            self._unmeasured.extend(withdrawals)
            raise
        for one in withdrawals:
            if (mark := marks[one.order_id].get(one.version)) is not None:
                metrics.withdrawn_seconds.observe(_seconds(mark.arrived_at, one.at))
            elif _seconds(one.at, self._clock()) < UNMEASURED_S_MAX:
                self._unmeasured.append(one)


def _measure(action: str, mark: InForceMark) -> None:
    metrics.in_force_seconds.labels(action).observe(mark.took_s)
    if mark.legs is not None:
        metrics.in_index_seconds.labels(action).observe(mark.legs.index_s)
        metrics.in_filters_seconds.labels(action).observe(mark.legs.filters_s)
        metrics.slowest.labels(mark.legs.slowest).inc()


def _seconds(begin: dt.datetime, end: dt.datetime) -> float:
    return (end - begin).total_seconds()
