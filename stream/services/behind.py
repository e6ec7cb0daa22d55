"""Waiting for the index, which is behind the filter while orders are being applied: many wait, one asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from connectors.redis.errors import IndexUnavailableError
from stream import metrics
from stream.services.reached import Reached, is_as_far
from watchlists.index import WatchlistIndex

ASK_EVERY_S: Final = 0.02
AGAIN_S: Final = 0.5
_log = structlog.get_logger("resolving")


class Behind:
    """Those who wait until the index, whole, is as far as they need it."""

    def __init__(self, index: WatchlistIndex, reached: Reached) -> None:
        self._index, self._reached = index, reached
        self._waiting: list[tuple[Mapping[int, int], asyncio.Future[None]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def until(self, needed: Mapping[int, int]) -> None:
        """Return when the index is at these positions or further."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((needed, future))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        await future

    async def _ask(self) -> None:
        while self._waiting:
            await asyncio.sleep(await self._look())

    async def _look(self) -> float:
        """Wake those whose time has come; the seconds until the next look."""
        try:
            positions = await self._index.positions()
        except IndexUnavailableError as error:
            metrics.index_waits.labels("unavailable").inc()
            _log.warning("the index does not answer; candidates wait", detail=str(error))
            return AGAIN_S
        if await self._reached.is_whole(positions):
            still = []
            for needed, future in self._waiting:
                if not is_as_far(positions, needed):
                    still.append((needed, future))
                elif not future.done():
                    future.set_result(None)
            self._waiting = still
        return ASK_EVERY_S
