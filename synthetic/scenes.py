"""Scenes: who is seen where, known to the oracle, and how the station writes it down.

A scene that hits is built around one order that is in force; a near miss is built around one that must stay silent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from synthetic.dice import Dice
from synthetic.dirt import dirty_document, dirty_name, dirty_plate, dirty_vin, repairable, short_id
from synthetic.names import han_name
from synthetic.orders import Order, OrderBook
from synthetic.people import PEOPLE_MAX, Document, People, one_off, phone
from synthetic.truth import Scene, SeenPerson, SeenVehicle
from synthetic.vehicles import CLASS_CODES, plate_one_off, stranger_plate, stranger_vin, vin_one_off

Fields = dict[str, Any]

OCCASIONS: Final = ("annual_inspection", "transfer_registration", "mortgage_registration", "roadside_check")
_OTHER_TYPE: Final = {"passport": "exit_entry_permit", "hk_macau_permit": "passport"}


class Cast(NamedTuple):
    """A scene and its blocks as written. `extra` are fields that the contract does not know."""

    scene: Scene
    person: Fields | None
    vehicle: Fields | None
    extra: Fields


class Casting:
    """Puts wanted and other people into scenes."""

    def __init__(self, seed: int, book: OrderBook) -> None:
        self._book = book
        self._strangers = People(seed, "strangers")
        self._near: tuple[Callable[[str, Order, int, Dice], Cast | None], ...] = (
            self._not_this_measure,
            self._out_of_time,
            self._digit_off,
            self._name_only,
            self._short_id_elsewhere,
            self._other_document,
            self._other_class,
            self._vehicle_digit_off,
            self._unknown_field,
        )

    def hit(self, kind: str, order: Order, at: int, dice: Dice, *, dirty: bool) -> Cast | None:
        """A scene that shows the order's subject; None where no sighting of this kind can."""
        if order.subject.is_person:
            if order.measure == "exit_restriction" and kind != "border_crossing":
                return None
            seen, block = self._wanted_person(order, dice, dirty=dirty)
            return self._with_person(kind, at, dice, seen, block)
        if kind not in ("border_crossing", "vehicle_inspection"):
            return None
        vehicle, vehicle_block = self._wanted_vehicle(order, dice, dirty=dirty)
        driver = self.stranger(dice) if kind == "border_crossing" or dice.chance(60) else None
        scene = Scene(kind, at, _detail(kind, dice), None, vehicle)
        return Cast(scene, driver, vehicle_block, {})

    def near_miss(self, kind: str, order: Order, at: int, dice: Dice) -> Cast | None:
        """A scene that looks as if it concerned the order; None where this kind cannot. The oracle may still find a hit."""
        return dice.of(self._near)(kind, order, at, dice)

    def bystanders(self, kind: str, at: int, dice: Dice, *, dirty: bool) -> Cast:
        """A scene with nobody wanted."""
        block = self.stranger(dice, dirty=dirty)
        return self._with_person(kind, at, dice, SeenPerson(None, None, None), block, dirty=dirty)

    def stranger(self, dice: Dice, *, dirty: bool = False) -> Fields:
        """The person block of someone whom nobody seeks."""
        person = self._strangers[dice.below(PEOPLE_MAX)]
        document, name = dice.of(person.documents), person.name
        if dirty:
            document, name = dirty_document(document, dice), dirty_name(name, dice)
        return _person_block(document, name, person.phone)

    def _with_person(self, kind: str, at: int, dice: Dice, seen: SeenPerson, block: Fields, *, dirty: bool = False) -> Cast:
        vehicle: Fields | None = None
        if kind == "vehicle_inspection" or (kind == "border_crossing" and dice.chance(20)):
            plate = stranger_plate(dice)
            vehicle = {"plate": plate, "plate_class": dice.of(("02", "02", "01", "07")), "vin": stranger_vin(dice)}
            if dirty:
                vehicle["plate"], vehicle["vin"] = dirty_plate(repairable(plate, dice), dice), dirty_vin(vehicle["vin"], dice)
        return Cast(Scene(kind, at, _detail(kind, dice), seen, None), block, vehicle, {})

    def _wanted_person(self, order: Order, dice: Dice, *, dirty: bool) -> tuple[SeenPerson, Fields]:
        place, _ = dice.of(order.documents)
        person = self._book.person(order.subject.number)
        document, name = person.documents[place], self._name_given(person.name, person.former, dice)
        seen = SeenPerson(order.subject, place, name)
        if dirty:
            document = dirty_document(document, dice)
            name = dirty_name(name, dice) if name else None
        return seen, _person_block(document, name, phone(dice))

    def _name_given(self, name: str, former: tuple[str, ...], dice: Dice) -> str | None:
        way = dice.below(100)
        if way < 8:
            return None
        if way < 14:
            return han_name(dice)
        return former[0] if way < 50 and former else name

    def _wanted_vehicle(self, order: Order, dice: Dice, *, dirty: bool) -> tuple[SeenVehicle, Fields]:
        vehicle = self._book.vehicle(order.subject.number)
        way = dice.below(100)
        with_plate = order.vin is None or way < 80
        own_vin = order.plate is None or not with_plate or way < 55
        other_plate = own_vin and order.vin is not None and dice.chance(5)
        repaired = False
        block: Fields = {}
        if with_plate:
            plate = stranger_plate(dice) if other_plate else vehicle.plate
            if dirty:
                spelled = repairable(plate, dice)
                repaired = spelled != plate
                plate = spelled if repaired else dirty_plate(plate, dice)
            block["plate"] = plate
        plate_class = vehicle.plate_class if dice.chance(88) else None
        if plate_class is not None:
            block["plate_class"] = plate_class
        vin = "own" if own_vin else ("other" if dice.chance(15) else None)
        if vin is not None:
            number = vehicle.vin if own_vin else stranger_vin(dice)
            block["vin"] = dirty_vin(number, dice) if dirty else number
        block |= {"brand": vehicle.brand, "model": vehicle.model, "type": vehicle.type}
        return SeenVehicle(order.subject, with_plate and not other_plate, plate_class, vin, repaired), block

    # Near misses. Each is written as an eager matcher would like it to be.

    def _not_this_measure(self, kind: str, order: Order, at: int, dice: Dice) -> Cast | None:
        """Someone under an exit restriction in a hotel, or a defendant in preservation who enters the country."""
        if not order.subject.is_person:
            return None
        seen, block = self._wanted_person(order, dice, dirty=False)
        cast = self._with_person(kind, at, dice, seen, block)
        return cast._replace(scene=cast.scene._replace(detail="entry")) if kind == "border_crossing" else cast

    def _out_of_time(self, kind: str, order: Order, at: int, dice: Dice) -> Cast | None:
        """Just before the control period begins, or at the very moment it ends."""
        moment = order.until if order.until is not None and order.until <= at else order.begins - 1
        return self.hit(kind, order, moment, dice, dirty=False)

    def _digit_off(self, kind: str, order: Order, at: int, dice: Dice) -> Cast | None:
        if not order.subject.is_person:
            return None
        person = self._book.person(order.subject.number)
        block = _person_block(one_off(dice.of(person.documents)), person.name, person.phone)
        return self._with_person(kind, at, dice, SeenPerson(None, None, person.name), block)

    def _name_only(self, kind: str, order: Order, at: int, dice: Dice) -> Cast | None:
        if not order.subject.is_person:
            return None
        block = self.stranger(dice) | {"name": order.names[0]}
        return self._with_person(kind, at, dice, SeenPerson(None, None, order.names[0]), block)

    def _short_id_elsewhere(self, kind: str, order: Order, at: int, dice: Dice) -> Cast | None:
        """The 15-digit form of an ID under another document's type: only a valid 18-character form is promoted."""
        person = self._book.person(order.subject.number) if order.subject.is_person else None
        document = person.documents[0] if person else None
        if person is None or document is None or document.type != "resident_id" or document.number[6:8] != "19":
            return None
        block = _person_block(Document("other", short_id(document.number)), person.name, person.phone)
        return self._with_person(kind, at, dice, SeenPerson(None, None, person.name), block)

    def _other_document(self, kind: str, order: Order, at: int, dice: Dice) -> Cast | None:
        """The number of a wanted person's permit on a document of another type."""
        person = self._book.person(order.subject.number) if order.subject.is_person else None
        document = person.documents[-1] if person else None
        if person is None or document is None or document.type not in _OTHER_TYPE:
            return None
        block = _person_block(Document(_OTHER_TYPE[document.type], document.number), person.name, person.phone)
        return self._with_person(kind, at, dice, SeenPerson(None, None, person.name), block)

    def _other_class(self, kind: str, order: Order, at: int, dice: Dice) -> Cast | None:
        if order.subject.is_person or kind not in ("border_crossing", "vehicle_inspection"):
            return None
        vehicle = self._book.vehicle(order.subject.number)
        code = dice.of([code for code in CLASS_CODES if code not in (vehicle.plate_class, "01", "02")])
        seen = SeenVehicle(order.subject, plate=True, plate_class=code, vin=None)
        block = {"plate": vehicle.plate, "plate_class": code, "brand": vehicle.brand}
        return Cast(Scene(kind, at, _detail(kind, dice), None, seen), self.stranger(dice), block, {})

    def _vehicle_digit_off(self, kind: str, order: Order, at: int, dice: Dice) -> Cast | None:
        if order.subject.is_person or kind not in ("border_crossing", "vehicle_inspection"):
            return None
        vehicle = self._book.vehicle(order.subject.number)
        block = {"plate": plate_one_off(vehicle.plate), "plate_class": vehicle.plate_class}
        if dice.chance(50):
            block["vin"] = vin_one_off(vehicle.vin)
        return Cast(Scene(kind, at, _detail(kind, dice), None, None), self.stranger(dice), block, {})

    def _unknown_field(self, kind: str, order: Order, at: int, dice: Dice) -> Cast | None:
        """A wanted person's document in a field that the contract does not know: carried, never compared."""
        if not order.subject.is_person:
            return None
        person = self._book.person(order.subject.number)
        cast = self._with_person(kind, at, dice, SeenPerson(None, None, None), self.stranger(dice))
        other = _person_block(person.documents[0], person.name, person.phone)
        return cast._replace(extra={"previous_guest": {"person": other}, "document": other["document"]})


def _detail(kind: str, dice: Dice) -> str | None:
    if kind == "border_crossing":
        return "exit" if dice.chance(70) else "entry"
    return dice.of(OCCASIONS) if kind == "vehicle_inspection" else None


def _person_block(document: Document, name: str | None, number: str) -> Fields:
    block: Fields = {} if name is None else {"name": name}
    return block | {"document": {"type": document.type, "number": document.number}, "phone": number}
