"""Work under way: what a worker has begun with, and finishes before it lets go of what that stands on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class UnderWay:
    """Tasks that run side by side. Each handles its own failures."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, work: Coroutine[object, object, object]) -> None:
        """Begin with one more."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def end(self, within_s: float) -> int:
        """Wait at most so many seconds, then cancel what is left: whoever comes next begins with it again. Returns how many."""
        try:
            async with asyncio.timeout(within_s):
                await self.settled()
        except TimeoutError:
            left = len(self._tasks)
            for task in self._tasks:
                task.cancel()
            await self.settled()
            return left
        return 0
