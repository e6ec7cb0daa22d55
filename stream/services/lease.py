"""A worker's lease, and the gate that fences it.

A worker registers its lease once it has caught up, and screens only after it has caught up again since: an order that others
took for in force everywhere without it is then in its filter. A lease that ran out (Redis was away) begins anew.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from typing import Final

import structlog

from connectors.redis.errors import IndexUnavailableError, ViewUnavailableError
from connectors.redis.leases import Leases, LeaseState
from stream import metrics
from stream.services.follower import OrderFollower

LEASE_EVERY_S: Final = 0.02
RENEW_EVERY_S: Final = 0.5
LEASE_SHARE: Final = 0.8
"""Share of a lease's life after which its holder no longer trusts it: clocks and networks are not exact."""
_log = structlog.get_logger("lease")


class Lease:
    """One worker's lease. ``state`` is ``starting``, ``screening`` or ``fenced``."""

    def __init__(self, worker: str, follower: OrderFollower, leases: Leases, behind_s_max: float) -> None:
        self._worker, self._follower, self._leases, self._behind_s_max = worker, follower, leases, behind_s_max
        self._renewed_at = 0.0
        self._leased_since = float("inf")
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

    def stop(self) -> None:
        self._stopping = True

    async def keep(self) -> None:
        """Renew the lease whenever the follower moved, and often enough in any case; drop it at the end."""
        told: dict[int, int] = {}
        moved_at = dt.datetime.now(dt.UTC)
        while not self._stopping:
            positions = self._follower.positions
            due = time.monotonic() - self._renewed_at > RENEW_EVERY_S
            if self._follower.behind_s() < float("inf") and (due or positions != told):
                before, now = time.monotonic(), dt.datetime.now(dt.UTC)
                moved_at = now if positions != told else moved_at
                try:
                    fill = self._follower.fill
                    state = LeaseState(applied=positions, state=self.state, at=now, moved_at=moved_at, fill=fill)
                    await self._leases.renew(self._worker, state)
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
