"""How often somebody may ask, and how much of what is large may be under way.

Turns: a bucket for each, which fills again at a steady rate; a larger one for checks. Slots: so many at once, and never two of
one caller.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from stream.core.authority import Principal, Role

CALLERS_MAX: Final = 10_000


class Turns:
    """Buckets by caller; those who have not asked for longest are forgotten first, and then have a full one again."""

    def __init__(self, rate_per_s: float, burst: int, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self.rate_per_s: Final = rate_per_s
        self._burst, self._now_s = burst, monotonic_s
        self._buckets: Final[OrderedDict[str, tuple[float, float]]] = OrderedDict()

    def wait_s(self, caller: str) -> float:
        """Take a turn: 0.0 when there was one, else the seconds until there is."""
        now_s = self._now_s()
        turns, since_s = self._buckets.pop(caller, (float(self._burst), now_s))
        turns = min(turns + (now_s - since_s) * self.rate_per_s, self._burst)
        taken = turns >= 1.0
        self._buckets[caller] = (turns - 1.0 if taken else turns, now_s)
        if len(self._buckets) > CALLERS_MAX:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1.0 - turns) / self.rate_per_s


class Slots:
    """So many callers at once, each with one thing; who comes with a second waits for the first, and holds up nobody."""

    def __init__(self, at_once: int) -> None:
        self._all = asyncio.Semaphore(at_once)
        self._own: dict[str, asyncio.Lock] = {}
        self._waiting: Counter[str] = Counter()

    @asynccontextmanager
    async def of(self, caller: str) -> AsyncIterator[None]:
        """Hold a slot."""
        own = self._own.setdefault(caller, asyncio.Lock())
        self._waiting[caller] += 1
        try:
            async with own, self._all:
                yield
        finally:
            self._waiting[caller] -= 1
            if not self._waiting[caller]:
                del self._waiting[caller], self._own[caller]


class Rates:
    """Whose turns a request takes: some operations have buckets of their own for some roles; all others share the usual one."""

    def __init__(self, usual: Turns, own: Mapping[tuple[str, Role], Turns]) -> None:
        self._usual, self._own = usual, own

    def wait_s(self, principal: Principal, operation: str) -> float:
        """Take a turn, as ``Turns`` does: of the fastest of the buckets that one of the caller's roles opens."""
        opened = [self._own[key] for grant in principal.grants if (key := (operation, grant.role)) in self._own]
        return max(opened, key=lambda turns: turns.rate_per_s, default=self._usual).wait_s(principal.id)
