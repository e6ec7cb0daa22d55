"""What is told: orders of so many courts in a synthetic world, and hits of them, made by the engine's own functions."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Final, NamedTuple

from connectors.kafka.records import Record
from connectors.kafka.topics import ORDERS
from matchers.sighting import Sighting, read_sighting
from stream.core.resolve import resolve
from stream.services.resolving import hit_record
from synthetic.world import World
from watchlists.order import Order, Release, read_order
from watchlists.policy import Policy

ORDERS_EACH: Final = 10
_WORLD_ORDERS: Final = 100_000
_TRIES: Final = 8


class Made(NamedTuple):
    """A hit that is to be told, by its court, and its record."""

    id: str
    court: str
    record: Record


@dataclass(frozen=True, slots=True)
class _Case:
    """An order, the turns of its sightings, and where its subject was seen before."""

    number: int
    order: Order
    value: bytes
    turns: Iterator[int] = field(default_factory=count)
    places: set[str] = field(default_factory=set)


class Docket:
    """The first orders in force of the first ``courts`` courts that have some; each court has ``ORDERS_EACH`` of them."""

    def __init__(self, seed: int, courts: int) -> None:
        """Raises ValueError: the world has not so many courts."""
        self._world: Final = World(seed, orders=_WORLD_ORDERS, at=dt.datetime.now(dt.UTC))
        self._policy: Final = Policy.national()
        self._cases: Final = self._chosen(courts)
        self._turns: Final = (cases[turn % ORDERS_EACH] for turn in count() for cases in self._cases.values())

    @property
    def courts(self) -> tuple[str, ...]:
        """The courts' codes."""
        return tuple(self._cases)

    def orders(self) -> Iterator[Record]:
        """The orders as records of ``orders``."""
        for cases in self._cases.values():
            for case in cases:
                yield Record(ORDERS, case.order.id.encode(), case.value)

    def hits(self, number: int) -> Iterator[Made]:
        """So many new hits of sightings that are seen now, of one court after the other."""
        now = dt.datetime.now(dt.UTC)
        return (self._hit(case, now) for case in islice(self._turns, number))

    def _hit(self, case: _Case, now: dt.datetime) -> Made:
        (hit,) = resolve(self._sighting(case, now), [case.order], self._policy, now)
        return Made(hit.id, case.order.court.code, hit_record(hit))

    def _sighting(self, case: _Case, now: dt.datetime) -> Sighting:
        """A new sighting of a case's subject, where it was not seen before: a repetition would be another matter.

        Where every place has been tried it is seen again at one.
        """
        for _ in range(_TRIES):
            made = self._world.sighting_of(case.number, turn=next(case.turns), at=now)
            if made is None:
                raise AssertionError(f"order {case.order.id} was in force when it was chosen")
            sighting = read_sighting(made.value)
            if sighting.station.code not in case.places:
                break
        case.places.add(sighting.station.code)
        return sighting

    def _chosen(self, courts: int) -> dict[str, list[_Case]]:
        chosen: dict[str, list[_Case]] = defaultdict(list)
        for number in range(len(self._world)):
            court = self._world.order(number).court.code
            if (court not in chosen and len(chosen) == courts) or len(chosen.get(court, ())) == ORDERS_EACH:
                continue
            if self._world.sighting_of(number) is not None:
                chosen[court].append(self._case(number))
            if len(chosen) == courts and all(len(cases) == ORDERS_EACH for cases in chosen.values()):
                return dict(chosen)
        raise ValueError(f"the world has fewer than {courts} courts with {ORDERS_EACH} orders each")

    def _case(self, number: int) -> _Case:
        (record,) = self._world.orders(number, number + 1)
        order = read_order(record.value)
        if isinstance(order, Release):
            raise AssertionError("a world places its orders first")
        return _Case(number, order, record.value)
