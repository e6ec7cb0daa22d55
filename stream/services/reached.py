"""How far the index is known to have been.

One that is behind that is being rebuilt, and may hold an order and not yet its release.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

WAIT_S: Final = 0.02


class Reached:
    """The furthest positions of the index that this worker knows of; at first, those that its own filter had caught up to."""

    def __init__(self, followed: Callable[[], Mapping[int, int] | None]) -> None:
        self._followed = followed
        self._positions: dict[int, int] | None = None

    async def is_whole(self, positions: Mapping[int, int]) -> bool:
        """Whether an index at these positions has all that it ever had. Waits until this worker's filter has caught up once."""
        while self._positions is None:
            followed = self._followed()
            if followed is None:
                await asyncio.sleep(WAIT_S)
            else:
                self._positions = dict(followed)
        if not is_as_far(positions, self._positions):
            return False
        self._positions.update(positions)
        return True


def is_as_far(positions: Mapping[int, int], needed: Mapping[int, int]) -> bool:
    """Whether an index at these positions holds everything up to the needed ones."""
    return all(positions.get(partition, 0) >= offset for partition, offset in needed.items())
