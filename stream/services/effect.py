"""Effect: this worker's lease, the gate that fences it, and the moment from which an order is in force everywhere.

A worker registers its lease once it has caught up, and screens only after it has caught up again since: an order that others
took for in force everywhere without it is then in its filter. A lease that ran out (Redis was away) begins anew. Every live
lease's positions, and the index's, say how far in ``orders`` everybody is.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

import structlog

from connectors.redis.errors import IndexUnavailableError, ViewUnavailableError
from connectors.redis.leases import InForce, InForceMark, Leases, LeaseState
from stream import metrics
from stream.services.follower import OrderFollower
from stream.services.index_writer import Applied
from watchlists.force import in_force_everywhere
from watchlists.index import WatchlistIndex

LEASE_EVERY_S: Final = 0.05
RENEW_EVERY_S: Final = 0.5
LEASE_SHARE: Final = 0.8
"""Share of a lease's life after which its holder no longer trusts it: clocks and networks are not exact."""
_log = structlog.get_logger("effect")


class Effect:
    """One worker's lease and gate, and the timing of the orders that its index writer applied."""

    def __init__(
        self,
        worker: str,
        follower: OrderFollower,
        leases: Leases,
        index: WatchlistIndex,
        in_force: InForce,
        behind_s_max: float,
    ) -> None:
        self._worker, self._follower, self._leases = worker, follower, leases
        self._index, self._in_force, self._behind_s_max = index, in_force, behind_s_max
        self._renewed_at = 0.0
        self._leased_since = float("inf")
        self._pending: deque[Applied] = deque()
        self._stopping = False
        self.state: str = "starting"

    def may_screen(self, assigned_at: float) -> bool:
        """The gate: asked by the screening thread before every batch."""
        since = max(assigned_at, self._leased_since)
        leased = time.monotonic() - self._renewed_at < self._leases.ttl_s * LEASE_SHARE
        open_ = leased and self._follower.caught_up_since(since) and self._follower.behind_s() < self._behind_s_max
        state = "screening" if open_ else "fenced" if self.state != "starting" else "starting"
        if state != self.state:
            _log.info("gate", was=self.state, now=state, leased=leased, behind_s=round(min(self._follower.behind_s(), 1e6), 3))
            self.state = state
        return open_

    def applied(self, applied: Sequence[Applied]) -> None:
        """Records that took effect in the index: from here on their effect everywhere is watched for."""
        self._pending.extend(applied)

    def stop(self) -> None:
        self._stopping = True

    async def keep_lease(self) -> None:
        """Renew the lease whenever the follower moved, and often enough in any case."""
        told: dict[int, int] = {}
        while not self._stopping:
            positions = self._follower.positions
            due = time.monotonic() - self._renewed_at > RENEW_EVERY_S
            if self._follower.behind_s() < float("inf") and (due or positions != told):
                before = time.monotonic()
                try:
                    await self._leases.renew(
                        self._worker, LeaseState(applied=positions, state=self.state, at=dt.datetime.now(dt.UTC))
                    )
                except (IndexUnavailableError, ViewUnavailableError) as error:
                    _log.warning("the lease was not renewed", detail=str(error))
                    await asyncio.sleep(RENEW_EVERY_S)
                else:
                    if before - self._renewed_at > self._leases.ttl_s * LEASE_SHARE:
                        self._leased_since = time.monotonic()
                    self._renewed_at = before
                    told = positions
            metrics.orders_behind_seconds.set(min(self._follower.behind_s(), 1e9))
            await asyncio.sleep(LEASE_EVERY_S)
        await self._leases.drop(self._worker)

    async def watch_force(self) -> None:
        """Note, for every order applied by this worker's index writer, when it was in force everywhere."""
        while not self._stopping:
            await asyncio.sleep(LEASE_EVERY_S)
            if not self._pending:
                continue
            try:
                live = await self._leases.live()
                everywhere = in_force_everywhere([lease.applied for lease in live.values()], await self._index.positions())
                await self._mark(everywhere)
            except (IndexUnavailableError, ViewUnavailableError) as error:
                _log.warning("effect everywhere is not known", detail=str(error))
                await asyncio.sleep(RENEW_EVERY_S)

    async def _mark(self, everywhere: dict[int, int]) -> None:
        now = dt.datetime.now(dt.UTC)
        waiting: deque[Applied] = deque()
        marks: list[InForceMark] = []
        while self._pending:
            applied = self._pending.popleft()
            if everywhere.get(applied.partition, 0) < applied.offset:
                waiting.append(applied)
                continue
            took_s = (now - applied.arrived_at).total_seconds()
            metrics.in_force_seconds.labels(applied.action).observe(took_s)
            marks.append(InForceMark(applied.order_id, applied.version, now, took_s))
        self._pending.extendleft(reversed(waiting))
        if marks:
            await self._in_force.mark(marks)
