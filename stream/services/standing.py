"""The fence's question: what a whole index holds of an order; and whether an attempt may begin now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

import structlog

from connectors.redis.errors import IndexUnavailableError
from stream.core.delivery import fence
from stream.core.hit import Hit
from stream.services.reached import Reached
from stream.together import Together
from watchlists.index import Standing, Standings, WatchlistIndex

WAIT_S: Final = 0.05
FRESH_S: Final = 0.02
"""An attempt begins so soon after the index was asked, or the index is asked again."""
TRIES_MAX: Final = 10
"""A worker so busy that no answer is fresh when it comes sends all the same: what crosses a release is withdrawn."""
_log = structlog.get_logger("delivering")


class Asked(NamedTuple):
    """What was held of an order when the index was asked, on ``time.monotonic``."""

    standing: Standing
    at_s: float

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.at_s <= FRESH_S


class Fence:
    """Asks the index, and waits for one that is away or being rebuilt: it may hold an order and not yet its release."""

    def __init__(self, index: WatchlistIndex, reached: Reached) -> None:
        self._index, self._reached = index, reached
        self._ask = Together(self._timed)

    async def lets_pass(self, hit: Hit, asked: Asked | None = None) -> bool:
        """Whether an attempt at telling of a hit may begin now; ``asked``: the answer that there is already."""
        for _ in range(TRIES_MAX):
            if asked is None or not asked.is_fresh:
                asked = await self.asked(hit.order_id, hit.order_version)
            if asked.is_fresh or not fence(hit, asked.standing).passes:
                break
        return asked is not None and fence(hit, asked.standing).passes

    async def standing(self, order_id: str, version: int) -> Standing:
        """``asked``, where it does not matter when."""
        return (await self.asked(order_id, version)).standing

    async def asked(self, order_id: str, version: int) -> Asked:
        """What is held of an order, once the index has the version that is known to exist.

        A version that is high enough is no proof that the index is whole: it may be on its way to the release.
        """
        while True:
            try:
                at_s, standings = await self._ask([order_id])
            except IndexUnavailableError as error:
                _log.warning("the index does not answer; the hit waits", order=order_id, detail=str(error))
            else:
                standing = standings.of[order_id]
                if await self._reached.is_whole(standings.positions) and standing.held.version >= version:
                    return Asked(standing, at_s)
            await asyncio.sleep(WAIT_S)

    async def _timed(self, order_ids: Sequence[str]) -> tuple[float, Standings]:
        return time.monotonic(), await self._index.standings(order_ids)
