"""Effect: the moment from which an order is in force everywhere.

Every live lease's positions, and the index's, say how far in ``orders`` everybody is.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import structlog

from connectors.redis.errors import IndexUnavailableError, ViewUnavailableError
from connectors.redis.leases import InForce, InForceMark, Leases
from stream import metrics
from stream.services.index_writer import Applied
from watchlists.force import in_force_everywhere
from watchlists.index import WatchlistIndex

LOOK_EVERY_S: Final = 0.05
AGAIN_S: Final = 0.5
MARKS_MAX: Final = 1000
"""Moments noted in one round trip."""
_log = structlog.get_logger("effect")


class Effect:
    """The timing of the orders that this worker's index writer applied."""

    def __init__(self, leases: Leases, index: WatchlistIndex, in_force: InForce) -> None:
        self._leases, self._index, self._in_force = leases, index, in_force
        self._pending: dict[int, deque[Applied]] = {}
        self._stopping = False

    def applied(self, applied: Sequence[Applied]) -> None:
        """Records that took effect in the index: from here on their effect everywhere is watched for."""
        for record in applied:
            self._pending.setdefault(record.partition, deque()).append(record)

    def stop(self) -> None:
        self._stopping = True

    async def watch_force(self) -> None:
        """Note, for every order applied by this worker's index writer, when it was in force everywhere."""
        while not self._stopping:
            await asyncio.sleep(LOOK_EVERY_S)
            if not any(self._pending.values()):
                continue
            try:
                live = await self._leases.live()
                everywhere = in_force_everywhere([lease.applied for lease in live.values()], await self._index.positions())
                await self._mark(everywhere)
            except (IndexUnavailableError, ViewUnavailableError) as error:
                _log.warning("effect everywhere is not known", detail=str(error))
                await asyncio.sleep(AGAIN_S)

    async def _mark(self, everywhere: dict[int, int]) -> None:
        now = dt.datetime.now(dt.UTC)
        while marks := list(islice(self._marks(everywhere, now), MARKS_MAX)):
            await self._in_force.mark(marks)

    def _marks(self, everywhere: dict[int, int], now: dt.datetime) -> Iterator[InForceMark]:
        """Of the records that are waited for, those that everybody has. What is not there yet is not looked at: it may be
        hundreds of thousands."""
        for partition, pending in self._pending.items():
            while pending and pending[0].offset <= everywhere.get(partition, 0):
                applied = pending.popleft()
                took_s = (now - applied.arrived_at).total_seconds()
                metrics.in_force_seconds.labels(applied.action).observe(took_s)
                yield InForceMark(applied.order_id, applied.version, now, took_s)
