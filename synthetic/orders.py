"""What the courts of the world ordered: order number n, made when asked for, and the wire form of it.

Orders come in blocks of 16 over 12 subjects, 8 people and 4 vehicles: nine have one order, two have two, one has three,
each of another court. So order n and the orders of a subject are found by arithmetic, and nothing is kept.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final, NamedTuple

from synthetic.clock import DAY, UTC_OFFSET, date
from synthetic.courts import HANDLERS_PER_COURT, Court, Handler, courts
from synthetic.dice import Dice
from synthetic.dirt import dirty_document, dirty_plate, dirty_vin, repairable
from synthetic.people import PEOPLE_MAX, Document, People, Person
from synthetic.vehicles import Vehicle, Vehicles

BLOCK: Final = 16  # orders
PEOPLE_A_BLOCK: Final = 8
VEHICLES_A_BLOCK: Final = 4
ORDERS_MAX: Final = PEOPLE_MAX // PEOPLE_A_BLOCK * BLOCK

REQUIREMENTS: Final = ("deny_exit", "deny_exit_and_hold_documents", "report_only")

# Where each subject's orders stand in a block: its first place and how many.
_PEOPLE_PLACES: Final = ((0, 1), (1, 1), (3, 1), (4, 1), (6, 1), (7, 1), (9, 2), (13, 3))
_VEHICLE_PLACES: Final = ((2, 1), (5, 1), (8, 1), (11, 2))
_EXPIRED: Final = frozenset({13, 20})  # of every 32 orders
_FUTURE: Final = frozenset({18})
_COURT_STEP: Final = 37
_COURT_SPREAD: Final = 7919


class Subject(NamedTuple):
    """Whom an order names: person or vehicle `number` of the wanted."""

    is_person: bool
    number: int


class Order(NamedTuple):
    """One order. Times are seconds since 1970; `begins` <= t < `until` is its control period.

    `documents`: places in the person's own list, with the spelling the court used. `names`: the name and the former
    names that the court knows. Of a vehicle: `plate`, `plate_class` and `vin` as the court wrote them, None if unknown.
    """

    number: int
    id: str
    version: int
    measure: str
    role: str
    subject: Subject
    court: Court
    handler: Handler
    filed: int
    issued: int
    begins: int
    until: int | None
    requirement: str | None
    names: tuple[str, ...]
    documents: tuple[tuple[int, Document], ...]
    plate: str | None
    plate_class: str | None
    vin: str | None
    repaired: bool
    """The court's plate has an I or O where a digit belongs."""


class OrderBook:
    """The first `count` orders of a world."""

    def __init__(self, seed: int, count: int, at: int, dirtiness: float) -> None:
        self.count = count
        self.seed = seed
        self._today = (at + UTC_OFFSET) // DAY
        self._dirty_of_10000 = round(dirtiness * 10_000)
        self._courts = courts(seed)
        self.person: Callable[[int], Person] = functools.lru_cache(maxsize=256)(People(seed, "wanted").__getitem__)
        self._vehicles = Vehicles(seed)
        self.vehicle: Callable[[int], Vehicle] = functools.lru_cache(maxsize=256)(self._vehicles.__getitem__)

    def subject_of(self, number: int) -> tuple[Subject, int]:
        """Whom order `number` names, and which of that subject's orders it is, from 0."""
        block, place = divmod(number, BLOCK)
        is_person, index, turn = _PLACE[place]
        return Subject(is_person, block * (PEOPLE_A_BLOCK if is_person else VEHICLES_A_BLOCK) + index), turn

    def orders_of(self, subject: Subject) -> list[Order]:
        """Every order over one subject; none, when the world ends before it."""
        each, places = (PEOPLE_A_BLOCK, _PEOPLE_PLACES) if subject.is_person else (VEHICLES_A_BLOCK, _VEHICLE_PLACES)
        block, index = divmod(subject.number, each)
        first, many = places[index]
        start = block * BLOCK + first
        return [self[n] for n in range(start, min(start + many, self.count))]

    def mate(self, subject: Subject) -> Subject | None:
        """The wanted vehicle that bears the same plate under another class."""
        mate = None if subject.is_person else self._vehicles.mate(subject.number)
        return None if mate is None else Subject(is_person=False, number=mate)

    def __getitem__(self, number: int) -> Order:
        """Order `number`, from 0.

        Raises:
            IndexError: the world has fewer orders.
        """
        if not 0 <= number < self.count:
            raise IndexError(f"order {number} of {self.count}")
        dice = Dice(self.seed, b"order", number)
        subject, turn = self.subject_of(number)
        court = self._courts[(self._first_court(subject) + _COURT_STEP * turn) % len(self._courts)]
        first, last, issued_day = self._period(number, dice)
        issued = _midnight(issued_day) + 9 * 3600 + dice.below(8 * 3600)
        dirty = self._dirty_of_10000 > 0 and dice.below(10_000) < self._dirty_of_10000
        role = "judgment_debtor" if dice.chance(75) else "preservation_defendant"
        measure, requirement = "vehicle_seizure", None
        names: tuple[str, ...] = ()
        documents: tuple[tuple[int, Document], ...] = ()
        plate = plate_class = vin = None
        repaired = False
        if subject.is_person:
            measure = "exit_restriction" if dice.chance(55) else "judicial_detention"
            requirement = dice.of(REQUIREMENTS) if measure == "exit_restriction" else None
            names, documents = self._person_as_known(self.person(subject.number), dice, dirty)
        else:
            plate, plate_class, vin, repaired = self._vehicle_as_known(self.vehicle(subject.number), dice, dirty)
        open_ended = measure != "exit_restriction" and last > self._today and dice.chance(20)
        until = None if open_ended else _midnight(last)
        order_id = f"ZX-{court.code}-{date(issued_day)[:4]}-{number + 1}-{turn + 1:02}"
        filed = issued - (1 + number * _COURT_SPREAD % 199) * DAY
        handler = court.handlers[dice.below(HANDLERS_PER_COURT)]
        return Order(
            number, order_id, 1, measure, role, subject, court, handler, filed, issued, _midnight(first), until,
            requirement, names, documents, plate, plate_class, vin, repaired,
        )  # fmt: skip

    def _first_court(self, subject: Subject) -> int:
        return subject.number * _COURT_SPREAD + subject.number // PEOPLE_A_BLOCK + subject.is_person

    def _period(self, number: int, dice: Dice) -> tuple[int, int, int]:
        """The days it begins, ends and was issued: of every 32 orders two have expired and one is yet to begin."""
        turn = number % 32
        if turn in _EXPIRED:
            last = self._today - dice.below(60)
            first, issued = last - 200, last - 200
        elif turn in _FUTURE:
            first = self._today + 60 + dice.below(60)
            last, issued = first + 365, self._today - 1
        else:
            first = issued = self._today - 1 - dice.below(300)
            last = self._today + 30 + dice.below(700)
        return first, last, issued

    def _person_as_known(
        self, person: Person, dice: Dice, dirty: bool
    ) -> tuple[tuple[str, ...], tuple[tuple[int, Document], ...]]:
        known = person.documents if dice.chance(85) else person.documents[:1]
        names = (person.name, *person.former) if dice.chance(70) else (person.name,)
        return names, tuple((i, dirty_document(d, dice) if dirty else d) for i, d in enumerate(known))

    def _vehicle_as_known(self, vehicle: Vehicle, dice: Dice, dirty: bool) -> tuple[str | None, str | None, str | None, bool]:
        way = dice.below(100)
        plate = vehicle.plate if way >= 8 else None
        plate_class = vehicle.plate_class if way >= 14 else None
        vin = vehicle.vin if way < 75 else None
        if not dirty:
            return plate, plate_class, vin, False
        spelled = repairable(vehicle.plate, dice)
        repaired = plate is not None and spelled != vehicle.plate
        if plate is not None:
            plate = spelled if repaired else dirty_plate(spelled, dice)
        return plate, plate_class, dirty_vin(vin, dice) if vin else None, repaired


def _midnight(day: int) -> int:
    return day * DAY - UTC_OFFSET


def _places() -> tuple[tuple[bool, int, int], ...]:
    table: dict[int, tuple[bool, int, int]] = {}
    for is_person, places in ((True, _PEOPLE_PLACES), (False, _VEHICLE_PLACES)):
        for index, (first, many) in enumerate(places):
            table |= {first + turn: (is_person, index, turn) for turn in range(many)}
    return tuple(table[place] for place in range(BLOCK))


_PLACE: Final = _places()
