"""How often somebody may ask: a bucket of turns for each, which fills again at a steady rate."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

CALLERS_MAX: Final = 10_000


class Turns:
    """Buckets by caller; those who have not asked for longest are forgotten first, and then have a full one again."""

    def __init__(self, rate_per_s: float, burst: int, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._now_s = rate_per_s, burst, monotonic_s
        self._buckets: Final[OrderedDict[str, tuple[float, float]]] = OrderedDict()

    def wait_s(self, caller: str) -> float:
        """Take a turn: 0.0 when there was one, else the seconds until there is."""
        now_s = self._now_s()
        turns, since_s = self._buckets.pop(caller, (float(self._burst), now_s))
        turns = min(turns + (now_s - since_s) * self._rate, self._burst)
        taken = turns >= 1.0
        self._buckets[caller] = (turns - 1.0 if taken else turns, now_s)
        if len(self._buckets) > CALLERS_MAX:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1.0 - turns) / self._rate
