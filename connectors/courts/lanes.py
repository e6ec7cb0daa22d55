"""Lanes: each endpoint's own few connections and turns, so that a slow court holds up no other.

One pool for all courts would be simpler, but httpcore walks its whole pool for every request, at a cost that grows with the
square of the idle connections.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx

from connectors.courts.settings import CourtsSettings


class Lane:
    """One endpoint's turns and connections."""

    __slots__ = ("_free", "_transport", "_users", "idle_since_s")

    def __init__(self, settings: CourtsSettings, trust: ssl.SSLContext) -> None:
        self._free: Final = asyncio.Semaphore(settings.in_flight_max)
        self._transport: Final = httpx.AsyncHTTPTransport(
            verify=trust,
            trust_env=False,
            limits=httpx.Limits(max_connections=settings.in_flight_max, keepalive_expiry=settings.idle_s),
        )
        self._users = 0
        self.idle_since_s = 0.0

    @property
    def is_idle(self) -> bool:
        return self._users == 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[httpx.AsyncBaseTransport]:
        """Wait for a turn and hold it."""
        self._users += 1
        try:
            async with self._free:
                yield self._transport
        finally:
            self._users -= 1
            self.idle_since_s = time.monotonic()

    async def close(self) -> None:
        await self._transport.aclose()


class Lanes:
    """The lanes of all endpoints, by URL. A lane that nobody has used for a while is closed."""

    def __init__(self, settings: CourtsSettings) -> None:
        self._settings: Final = settings
        self._trust: Final = ssl.create_default_context(cafile=settings.ca_file)
        self._all_free: Final = asyncio.Semaphore(settings.connections_max)
        self._lanes: Final[dict[str, Lane]] = {}
        self._swept_s = time.monotonic()

    @asynccontextmanager
    async def turn(self, url: str) -> AsyncIterator[httpx.AsyncBaseTransport]:
        """Wait until one of the endpoint's turns is free, then one of the deployment's, and hold both."""
        lane = self._lanes.get(url)
        if lane is None:
            lane = self._lanes[url] = Lane(self._settings, self._trust)
        async with lane.turn() as transport, self._all_free:
            yield transport
        await self._sweep()

    async def _sweep(self) -> None:
        now_s = time.monotonic()
        if now_s - self._swept_s < self._settings.idle_s:
            return
        self._swept_s = now_s
        idle = [url for url, lane in self._lanes.items() if lane.is_idle and now_s - lane.idle_since_s >= self._settings.idle_s]
        for lane in [self._lanes.pop(url) for url in idle]:
            await lane.close()

    def __len__(self) -> int:
        return len(self._lanes)

    async def close(self) -> None:
        """Close all connections."""
        for lane in [self._lanes.pop(url) for url in list(self._lanes)]:
            await lane.close()
