"""Acknowledging in order: an event is acknowledged only when every one before it in its partition has been.

Faust commits past an event that is still being processed when a later one is acknowledged first (faust-streaming issue
606): a crash then loses it. Hits are delivered side by side and end in any order, so their acknowledgements wait here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

SKEW_S: Final = 2.0
"""How far the clocks of two workers may be apart."""


class InOrder:
    """One stream's events under way. ``acknowledge`` is called for each, in the order in which they came."""

    def __init__(self, acknowledge: Callable[[Any], Awaitable[object]]) -> None:
        self._acknowledge = acknowledge
        self._under_way: dict[tuple[str, int], deque[Any]] = {}
        self._done: set[tuple[str, int, int]] = set()

    def came(self, event: Any) -> None:
        """Note an event, in the order of the stream, before its processing begins."""
        message = event.message
        self._under_way.setdefault((message.topic, message.partition), deque()).append(event)

    async def done(self, event: Any) -> None:
        """Its processing has ended: acknowledge it and what waited behind it, as soon as nothing before it is under way."""
        message = event.message
        self._done.add((message.topic, message.partition, message.offset))
        waiting = self._under_way[message.topic, message.partition]
        while waiting:
            first = waiting[0].message
            place = (first.topic, first.partition, first.offset)
            if place not in self._done:
                return
            self._done.discard(place)
            await self._acknowledge(waiting.popleft())


class Ours:
    """Since when this worker has had each partition. A record that is younger cannot have been begun with by another."""

    def __init__(self, wall_s: Callable[[], float] = time.time) -> None:
        self._wall_s = wall_s
        self._since_s: dict[tuple[str, int], float] = {}

    def assigned(self, places: Iterable[tuple[str, int]]) -> None:
        """These are ours from now on, and no others are."""
        now_s = self._wall_s()
        self._since_s = dict.fromkeys(places, now_s)

    def has(self, topic: str, partition: int) -> bool:
        return (topic, partition) in self._since_s

    def is_first(self, topic: str, partition: int, at_s: float) -> bool:
        """Whether nobody can have begun before with a record of this partition that Kafka has since ``at_s``."""
        since_s = self._since_s.get((topic, partition))
        return since_s is not None and at_s > since_s + SKEW_S
