"""Lanes: each endpoint's own few turns, so that a slow court holds up no other; the most perishable news goes first.

A lane lives while somebody waits for it or holds a turn in it. Connections are the channels' to keep and to close.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Final


class Turns:
    """So many turns at once. Of those who wait the one with the least ``stale_s`` is next, and of equals who came first."""

    def __init__(self, turns: int) -> None:
        self._free = turns
        self._waiting: Final[list[tuple[float, int, asyncio.Future[None]]]] = []
        self._numbers: Final = count()

    @asynccontextmanager
    async def turn(self, stale_s: float) -> AsyncIterator[None]:
        """Wait for a turn, and hold it."""
        await self._take(stale_s)
        try:
            yield
        finally:
            self._give_on()

    async def _take(self, stale_s: float) -> None:
        if self._free:
            self._free -= 1
            return
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (stale_s, next(self._numbers), given))
        try:
            await given
        except asyncio.CancelledError:
            if not given.cancelled():  # it was given in the same moment
                self._give_on()
            raise

    def _give_on(self) -> None:
        while self._waiting:
            _, _, given = heapq.heappop(self._waiting)
            if not given.done():
                given.set_result(None)
                return
        self._free += 1


class _Lane:
    def __init__(self, turns: int) -> None:
        self.turns: Final = Turns(turns)
        self.users = 0


class Lanes:
    """The lanes of all endpoints, each by a name."""

    def __init__(self, turns: int, all_turns: int) -> None:
        """``turns`` at once for each endpoint, ``all_turns`` for all together."""
        self._turns: Final = turns
        self._all: Final = Turns(all_turns)
        self._lanes: Final[dict[str, _Lane]] = {}

    @asynccontextmanager
    async def turn(self, name: str, stale_s: float) -> AsyncIterator[None]:
        """Wait until one of the lane's turns is free, then one of all, and hold both.

        ``stale_s``: when the news stops being useful, in Unix seconds; what perishes first goes first.
        """
        lane = self._lanes.setdefault(name, _Lane(self._turns))
        lane.users += 1
        try:
            async with lane.turns.turn(stale_s), self._all.turn(stale_s):
                yield
        finally:
            lane.users -= 1
            if not lane.users:
                del self._lanes[name]

    def __len__(self) -> int:
        return len(self._lanes)
