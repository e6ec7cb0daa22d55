"""Lanes: each endpoint's own few turns, so that a slow court holds up no other.

A lane lives while somebody waits for it or holds a turn in it. Connections are the channels' to keep and to close.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final


class _Lane:
    def __init__(self, turns: int) -> None:
        self.free: Final = asyncio.Semaphore(turns)
        self.users = 0


class Lanes:
    """The lanes of all endpoints, each by a name."""

    def __init__(self, turns: int, all_turns: int) -> None:
        """``turns`` at once for each endpoint, ``all_turns`` for all together."""
        self._turns: Final = turns
        self._all_free: Final = asyncio.Semaphore(all_turns)
        self._lanes: Final[dict[str, _Lane]] = {}

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Wait until one of the lane's turns is free, then one of all, and hold both."""
        lane = self._lanes.setdefault(name, _Lane(self._turns))
        lane.users += 1
        try:
            async with lane.free, self._all_free:
                yield
        finally:
            lane.users -= 1
            if not lane.users:
                del self._lanes[name]

    def __len__(self) -> int:
        return len(self._lanes)
