"""The lookback as the workers see it: one process for all of them, started by whoever holds the lease.

Should two search for a moment, since a lease ran out that its holder had not given up, they find the same hits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import structlog
from prometheus_client import Metric
from prometheus_client.registry import Collector

from connectors.redis.errors import ViewUnavailableError
from connectors.redis.lookback import LookbackView
from stream.services.child_process import ChildEndedError, ChildProcess

RENEW_EVERY_S: Final = 1.0
AGAIN_S: Final = 5.0
_log = structlog.get_logger("lookback")


class LookbackProcess(Collector):
    """This worker's part in the lookback: the lease, and the process while it is held."""

    def __init__(self, worker: str, view: LookbackView) -> None:
        self._worker, self._view = worker, view
        self._child: ChildProcess | None = None
        self._stopping = asyncio.Event()

    def collect(self) -> Iterator[Metric]:
        return iter(()) if self._child is None else self._child.collect()

    async def run(self) -> None:
        """Until stopped: hold the lease whenever nobody else does, and search while it is held."""
        while not await self._stops_within(RENEW_EVERY_S):
            if await self._holds():
                await self._search()

    async def stop(self) -> None:
        """Stop searching, and leave the lease to others."""
        self._stopping.set()
        if self._child is not None:
            await self._child.stop()
        with suppress(ViewUnavailableError):  # it ends by itself
            await self._view.drop(self._worker)

    async def _search(self) -> None:
        """Run the process until the lease is another's, or it ends."""
        self._child = child = ChildProcess("stream.lookback", self._worker)
        await child.start()
        listening = asyncio.create_task(child.listen())
        while not listening.done() and not await self._stops_within(RENEW_EVERY_S):
            if not await self._holds():
                break
        if not listening.done():
            await child.stop()
        try:
            await listening
        except ChildEndedError as error:
            _log.error("the lookback ended; it is started again", detail=str(error))
            await self._stops_within(AGAIN_S)
        finally:
            self._child = None

    async def _holds(self) -> bool:
        try:
            return await self._view.take(self._worker)
        except ViewUnavailableError as error:
            _log.warning("who searches back is not known", detail=str(error))
            return self._child is not None

    async def _stops_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True
