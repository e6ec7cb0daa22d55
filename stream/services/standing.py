"""The fence's question: what a whole index holds of an order."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from connectors.redis.errors import IndexUnavailableError
from stream.services.reached import Reached
from stream.together import Together
from watchlists.index import Standing, WatchlistIndex

WAIT_S: Final = 0.05
_log = structlog.get_logger("delivering")


class Fence:
    """Asks the index, and waits for one that is away or being rebuilt: it may hold an order and not yet its release."""

    def __init__(self, index: WatchlistIndex, reached: Reached) -> None:
        self._ask, self._reached = Together(index.standings), reached

    async def standing(self, order_id: str, version: int) -> Standing:
        """What is held of an order, once the index has the version that is known to exist.

        A version that is high enough is no proof that the index is whole: it may be on its way to the release.
        """
        while True:
            try:
                standings = await self._ask([order_id])
            except IndexUnavailableError as error:
                _log.warning("the index does not answer; the hit waits", order=order_id, detail=str(error))
            else:
                standing = standings.of[order_id]
                if await self._reached.is_whole(standings.positions) and standing.held.version >= version:
                    return standing
            await asyncio.sleep(WAIT_S)
