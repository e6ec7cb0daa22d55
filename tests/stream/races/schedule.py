"""What happens in a run, and when: drawn by chance from one seed, so that it can be drawn again.

Persons are sought by several orders of several courts at once. Around an order's end and its amendments its person is seen
more often than else: that is where races are.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

STEADY: Final = "440106"
"""The court that never fails, and must not notice that others do."""
COURTS: Final = (STEADY, "440107", "330100")
PHONES: Final = ("020-00000000", "020-00000001")
PERSONS: Final = 40
ORDERS_MAX: Final = 4
"""Orders of one person at once."""
AROUND_S: Final = 0.4
"""From an order's end or amendment to a sighting beside it, at most."""
OUTAGE_S: Final = (1.0, 8.0)
AWAY_S: Final = (0.2, 3.0)
"""Between a worker's death and its next start."""
KILL_EVERY_S: Final = 25.0
"""Kafka takes ten seconds to find that a worker is dead, and the others rest meanwhile: between kills all must have worked."""

How = Literal["refuses", "hangs", "resets", "takes and refuses", "takes and hangs", "is away"]
HOWS: Final[tuple[How, ...]] = ("refuses", "hangs", "resets", "takes and refuses", "takes and hangs", "is away")


class Order(NamedTuple):
    """A record of ``orders``. ``passport``: whom it seeks; None: nobody any more, it is released."""

    id: str
    version: int
    court: str
    passport: str | None
    phone: str


class Sight(NamedTuple):
    """Somebody is seen."""

    id: str
    station: str
    passport: str


class Fail(NamedTuple):
    """A court misbehaves from now on; None: it behaves again."""

    court: str
    how: How | None


class Kill(NamedTuple):
    """A worker is killed, or started again."""

    worker: int
    starts: bool


class Event(NamedTuple):
    """One step of a run; ``at_s`` from its beginning."""

    at_s: float
    what: Order | Sight | Fail | Kill


@dataclass(slots=True)
class Schedule:
    """``placed`` is there before the run begins."""

    placed: list[Order] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def counts(self) -> Counter[str]:
        """How many steps there are of each kind."""
        return Counter(type(event.what).__name__ for event in self.events)


def scheduled(seed: int, steps: int, rate: float, workers: int) -> Schedule:
    """So many steps or a few more, ``rate`` of them a second, for workers numbered from 1."""
    return _Drawing(random.Random(seed), steps, rate).drawn(workers)


class _Drawing:
    def __init__(self, dice: random.Random, steps: int, rate: float) -> None:
        self._dice, self._steps, self._rate = dice, steps, rate
        self._schedule = Schedule()
        self._standing: dict[str, Order] = {}
        """The newest version of every order that is not released."""
        self._numbers: Counter[str] = Counter()

    def drawn(self, workers: int) -> Schedule:
        for person in range(PERSONS):
            for _ in range(self._dice.randint(1, ORDERS_MAX - 1)):
                self._schedule.placed.append(self._placing(person))
        seconds = self._steps / self._rate
        self._outages(seconds)
        self._kills(seconds, workers)
        while (done := len(self._schedule.events)) < self._steps:
            self._step(seconds * done / self._steps)
        self._schedule.events.sort(key=lambda event: event.at_s)
        return self._schedule

    def _outages(self, seconds: float) -> None:
        for court in COURTS:
            at_s = self._dice.uniform(*OUTAGE_S)
            while court != STEADY and at_s < seconds:
                self._add(at_s, Fail(court, self._dice.choice(HOWS)))
                at_s += self._dice.uniform(*OUTAGE_S)
                self._add(at_s, Fail(court, None))
                at_s += self._dice.uniform(*OUTAGE_S)

    def _kills(self, seconds: float, workers: int) -> None:
        for worker in range(1, workers + 1):
            at_s = self._dice.uniform(0, KILL_EVERY_S * workers)
            while at_s < seconds:
                self._add(at_s, Kill(worker, starts=False))
                at_s += self._dice.uniform(*AWAY_S)
                self._add(at_s, Kill(worker, starts=True))
                at_s += self._dice.uniform(0.5, 1.5) * KILL_EVERY_S * workers

    def _step(self, at_s: float) -> None:
        draw, person = self._dice.random(), self._dice.randrange(PERSONS)
        of_person = [order for order in self._standing.values() if _person(order) == person]
        if draw < 0.75:
            self._sight(at_s, person)
        elif len(of_person) < ORDERS_MAX and (draw < 0.85 or not of_person):
            self._add(at_s, self._placing(person))
        else:
            order = self._dice.choice(of_person)
            self._add(at_s, self._releasing(order) if draw < 0.93 else self._amending(order))
            if self._dice.random() < 0.7:
                self._sight(max(at_s + self._dice.uniform(-AROUND_S, AROUND_S), 0.0), person)

    def _placing(self, person: int) -> Order:
        return self._stands(Order(self._new("order"), 1, self._dice.choice(COURTS), _passport(person), PHONES[0]))

    def _amending(self, order: Order) -> Order:
        """Another phone is another answer; another passport, or the first one again, another subject."""
        version, person = order.version + 1, _person(order)
        if self._dice.random() < 0.5:
            return self._stands(order._replace(version=version, phone=self._dice.choice(PHONES)))
        other = _nobody(person) if order.passport == _passport(person) else _passport(person)
        return self._stands(order._replace(version=version, passport=other))

    def _releasing(self, order: Order) -> Order:
        del self._standing[order.id]
        return order._replace(version=order.version + 1, passport=None)

    def _stands(self, order: Order) -> Order:
        self._standing[order.id] = order
        return order

    def _sight(self, at_s: float, person: int) -> None:
        """At a station of its own, or where the person is seen again and again: a repetition."""
        id_ = self._new("sighting")
        station = f"station-{id_}" if self._dice.random() < 0.7 else f"station-{person}"
        self._add(at_s, Sight(id_, station, _passport(person)))

    def _add(self, at_s: float, what: Order | Sight | Fail | Kill) -> None:
        self._schedule.events.append(Event(at_s, what))

    def _new(self, what: str) -> str:
        self._numbers[what] += 1
        return f"{what}-{self._numbers[what]}"


def _passport(person: int) -> str:
    return f"E{71_000_000 + person}"


def _nobody(person: int) -> str:
    """A passport that nobody shows, for orders that once sought this person."""
    return f"E{72_000_000 + person}"


def _person(order: Order) -> int:
    return int((order.passport or "")[3:])
