"""How current an index is: held against what is known of the ends of ``orders``, and of when they were asked for.

A worker that resolves may wait for an index that is behind. A desk cannot, and an index that lacks an order says nothing of it,
so whoever answers a desk asks here first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Doubt = Literal["empty", "log_away", "behind", "other_log"]
"""Why an index that has answered cannot be relied on: it holds nothing at all; nobody knows how far it ought to be; it lacks
what the log held longer ago than is borne; it is of a log that is not this one, for it is further."""


class _Ends(NamedTuple):
    at_s: float
    ends: dict[int, int]


class Currency:
    """Remembers the ends of ``orders`` for as long as an index may lack what came since. Times are of one monotonic clock."""

    def __init__(self, behind_s_max: float) -> None:
        self._behind_s_max = behind_s_max
        self._known: Final[deque[_Ends]] = deque()
        self._first: dict[int, int] | None = None
        self._other_log = False

    def first(self) -> Mapping[int, int] | None:
        """The first ends that were ever known; None before that."""
        return self._first

    def know(self, ends: Mapping[int, int], asked_at_s: float, indexed: Mapping[int, int] | None) -> None:
        """The log held all before ``ends`` at ``asked_at_s`` or later; the index had come as far as ``indexed`` before that.

        ``indexed`` is None where the index did not answer.
        """
        self._first = self._first if self._first is not None else dict(ends)
        self._known.append(_Ends(asked_at_s, dict(ends)))
        if indexed is not None:
            self._other_log = any(ends.get(partition, 0) < offset for partition, offset in indexed.items())

    def doubt(self, positions: Mapping[int, int], now_s: float) -> Doubt | None:
        """Why an index at these positions is not to be relied on; None: it holds all that the log held a while ago."""
        if not any(positions.values()):
            return "empty"
        while self._known and self._known[0].at_s < now_s - self._behind_s_max:
            self._known.popleft()
        if not self._known:
            return "log_away"
        if self._other_log:
            return "other_log"
        needed = self._known[0].ends
        return None if all(positions.get(partition, 0) >= end for partition, end in needed.items()) else "behind"
