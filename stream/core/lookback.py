"""Lookback: the search of retained sightings for orders that came after them. What is sought, where, and how hard.

A *pass* is one search for many orders: in each partition of the sightings from where their control periods begin to the
offset from which live screening has them. An order's sightings are those that occurred in its control period, so only
``control.from`` and ``until`` say how far back it reaches; what Kafka retains bounds it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from watchlists.index import Standing
from watchlists.order import Order

MARGIN: Final = dt.timedelta(hours=1)
"""How far a sighting's ``occurred_at`` may lie after Kafka's time of it: the clocks of stations and of producers."""
LAG_FREE: Final = 10_000
"""Sightings not screened yet that are no lag, whatever the rate: they are on their way through the screeners."""


class Fate(StrEnum):
    """What becomes of a record that placed or amended an order, in its pass; also the metric's label."""

    SOUGHT = "sought"
    NOT_IN_PLACE = "not_in_place"
    """Released since, or never taken over."""
    AMENDED = "amended"
    """A later version is in place, whose own record has its own turn."""
    ENDED_BEFORE = "ended_before"
    BEGINS_LATER = "begins_later"
    NOTHING_RETAINED = "nothing_retained"


class Arrived(NamedTuple):
    """A record of ``orders`` that places or amends."""

    id: str
    version: int


class Stretch(msgspec.Struct):
    """A stretch of one partition: from ``start`` to before ``stop``, searched to before ``next``."""

    start: int
    next: int
    stop: int

    @property
    def left(self) -> int:
        return max(self.stop - self.next, 0)

    @property
    def is_done(self) -> bool:
        return self.next >= self.stop


class Pass(msgspec.Struct):
    """A pass under way: enough to go on with it in another process.

    ``orders``: partition of ``orders`` to the first and after the last offset of the records that it is for, which are read
    again from there. ``sought``: how many of them are searched for. ``sightings``: topic to partition to its stretch.
    ``spent_s``: seconds it has run so far, rests included; ``saved_at``: when this was written; ``waiting``: records of
    ``orders`` that were not searched back for then, its own among them.
    """

    orders: dict[int, tuple[int, int]]
    began_at: dt.datetime
    saved_at: dt.datetime
    sought: int = 0
    sightings: dict[str, dict[int, Stretch]] = {}
    spent_s: float = 0.0
    waiting: int = 0

    def stretches(self) -> Iterator[tuple[str, int, Stretch]]:
        """Those that are not searched to their end."""
        for topic, partitions in self.sightings.items():
            for partition, stretch in partitions.items():
                if not stretch.is_done:
                    yield topic, partition, stretch

    def positions(self) -> dict[int, int]:
        """How far in ``orders`` the index must be before a candidate of this pass is judged."""
        return {partition: stop for partition, (_, stop) in self.orders.items()}

    @property
    def total(self) -> int:
        """Offsets that there were to search."""
        return sum(stretch.stop - stretch.start for of in self.sightings.values() for stretch in of.values())

    @property
    def left(self) -> int:
        return sum(stretch.left for of in self.sightings.values() for stretch in of.values())

    @property
    def share_done(self) -> float:
        """0 to 1."""
        return 1 - self.left / self.total if self.total else 1.0


def fate(arrived: Arrived, standing: Standing, since: dt.datetime, now: dt.datetime) -> Fate:
    """Whether an order is searched for among sightings that Kafka has had since a moment, and if not, why."""
    order = standing.order
    if order is None:
        return Fate.NOT_IN_PLACE
    if order.version != arrived.version:
        return Fate.AMENDED
    if order.control.until is not None and order.control.until <= since - MARGIN:
        return Fate.ENDED_BEFORE
    if order.control.from_ > now + MARGIN:
        return Fate.BEGINS_LATER
    return Fate.SOUGHT


def begin(orders: Iterable[Order], since: dt.datetime) -> dt.datetime:
    """Kafka's time from which sightings must be searched: none before it can have occurred in a control period.

    Raises:
        ValueError: no orders.
    """
    return max(min(order.control.from_ for order in orders) - MARGIN, since)


def stretches(starts: Mapping[int, int], ends: Mapping[int, int]) -> dict[int, Stretch]:
    """The stretches of one topic that hold anything."""
    return {
        partition: Stretch(starts[partition], starts[partition], end)
        for partition, end in ends.items()
        if starts[partition] < end
    }


def rest_s(cpu_s: float, wall_s: float, share: float) -> float:
    """Seconds to rest, so that so much of a processor in so much time is a share of one core and no more."""
    return max(cpu_s / share - wall_s, 0.0)


def lag_s(lag: int, arrived: int, over_s: float) -> float:
    """How many seconds live screening is behind: its lag, by how many sightings arrived over so many seconds.

    A lag that nothing new joins is infinite, since nobody screens it.
    """
    if lag <= LAG_FREE:
        return 0.0
    return lag * over_s / arrived if arrived > 0 else float("inf")
