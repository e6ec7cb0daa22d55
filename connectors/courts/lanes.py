"""Lanes: each endpoint's own few connections and turns, so that a slow court holds up no other.

A connection is a transport whose pool has room for one. A pool shared by many would be simpler, but httpcore walks its whole
pool for every request, at a cost that grows with the square of its connections (measured: 0.5 ms at 16).
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

    def __init__(self, settings: CourtsSettings, trust: ssl.SSLContext) -> None:
        self._free: Final = asyncio.Semaphore(settings.in_flight_max)
        self._limits: Final = httpx.Limits(max_connections=1, keepalive_expiry=settings.idle_s)
        self._trust: Final = trust
        self._idle: Final[list[tuple[float, httpx.AsyncHTTPTransport]]] = []  # the last used is used next
        self._users = 0

    @property
    def is_unused(self) -> bool:
        return not self._users and not self._idle

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[httpx.AsyncBaseTransport]:
        """Wait for a turn and hold it."""
        self._users += 1
        try:
            async with self._free:
                transport = self._idle.pop()[1] if self._idle else self._connection()
                try:
                    yield transport
                finally:
                    self._idle.append((time.monotonic(), transport))
        finally:
            self._users -= 1

    def _connection(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(verify=self._trust, trust_env=False, limits=self._limits)

    async def close_idle(self, until_s: float) -> None:
        """Close what has not been used since that moment of ``time.monotonic``."""
        closing = [transport for since_s, transport in self._idle if since_s <= until_s]
        self._idle[:] = [(since_s, transport) for since_s, transport in self._idle if since_s > until_s]
        for transport in closing:
            await transport.aclose()


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
        for url, lane in list(self._lanes.items()):
            await lane.close_idle(now_s - self._settings.idle_s)
            if lane.is_unused and self._lanes.get(url) is lane:
                del self._lanes[url]

    def __len__(self) -> int:
        return len(self._lanes)

    async def close(self) -> None:
        """Close all connections."""
        for lane in self._lanes.values():
            await lane.close_idle(time.monotonic())
        self._lanes.clear()
