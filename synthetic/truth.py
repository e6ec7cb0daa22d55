"""The oracle: which order must hit which sighting, from what is known about both, never from what is written.

It is told who was there and how the identifiers were given, so it needs no cleaning, no keys and no matcher; its rules
are the contract's sentences. It imports none of the code that it judges.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Final, NamedTuple

from synthetic.clock import rfc3339
from synthetic.names import folded
from synthetic.orders import Order, OrderBook, Subject

HIT_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:chakong:hit")

_REFUSED_OCCASIONS: Final = ("transfer_registration", "mortgage_registration")
_CALLED_OCCASIONS: Final = ("annual_inspection", "roadside_check")


class SeenPerson(NamedTuple):
    """Wanted person `subject` showing the document in place `document` of his list; both None: nobody wanted.

    `name` is the name given, before dirt; None when none was.
    """

    subject: Subject | None
    document: int | None
    name: str | None


class SeenVehicle(NamedTuple):
    """Wanted vehicle `subject`, recognisable by its plate (`plate`), by its VIN (`vin` is "own"), or by both.

    `vin` is "other" when a VIN is given that is no wanted vehicle's; None when none is. `repaired`: the plate as given
    has an I or O in its serial part.
    """

    subject: Subject | None
    plate: bool
    plate_class: str | None
    vin: str | None
    repaired: bool = False


class Scene(NamedTuple):
    """What was seen. `detail`: the direction of a crossing, the occasion of an inspection."""

    kind: str
    occurred: int
    detail: str | None
    person: SeenPerson | None
    vehicle: SeenVehicle | None


class Expected(NamedTuple):
    """A pair that must hit, and how."""

    order_id: str
    station: str
    sighting_id: str
    certainty: str
    instruction: str
    measure: str
    occurred_at: str

    @property
    def hit_id(self) -> str:
        """The id that the contract gives the hit of this pair."""
        return hit_id(self.order_id, self.station, self.sighting_id)

    def line(self) -> bytes:
        """A line of the truth file, without its line feed."""
        fields = {
            "hit_id": self.hit_id,
            "order_id": self.order_id,
            "station": self.station,
            "sighting_id": self.sighting_id,
            "measure": self.measure,
            "certainty": self.certainty,
            "instruction": self.instruction,
            "occurred_at": self.occurred_at,
        }
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def defect_line(reason: str, topic: str, line: int) -> bytes:
    """The truth file's line on a record that nobody can read; `line` counts from 1 within the file of its topic."""
    return json.dumps({"defect": reason, "topic": topic, "line": line}, separators=(",", ":")).encode()


def hit_id(order_id: str, station: str, sighting_id: str) -> str:
    """UUIDv5 over the compact JSON array of the three (contract, "Hit")."""
    name = json.dumps([order_id, station, sighting_id], ensure_ascii=False, separators=(",", ":"))
    return str(uuid.uuid5(HIT_NAMESPACE, name))


def expected(book: OrderBook, scene: Scene, station: str, sighting_id: str) -> tuple[Expected, ...]:
    """Every pair that must hit, in order of order numbers."""
    found = []
    for order, certainty in sorted(_matches(book, scene), key=lambda match: match[0].number):
        instruction = _instruction(order, scene)
        if instruction is not None and _in_force(order, scene.occurred):
            at = rfc3339(scene.occurred)
            found.append(Expected(order.id, station, sighting_id, certainty, instruction, order.measure, at))
    return tuple(found)


def _matches(book: OrderBook, scene: Scene) -> Iterator[tuple[Order, str]]:
    person, vehicle = scene.person, scene.vehicle
    if person is not None and person.subject is not None:
        for order in book.orders_of(person.subject):
            if any(place == person.document for place, _ in order.documents):
                yield order, _name_certainty(order, person.name)
    if vehicle is not None and vehicle.subject is not None:
        for subject in (vehicle.subject, book.mate(vehicle.subject)):
            for order in book.orders_of(subject) if subject else ():
                certainty = _vehicle_certainty(order, vehicle)
                if certainty is not None:
                    yield order, certainty


def _name_certainty(order: Order, name: str | None) -> str:
    known = {folded(known) for known in order.names}
    return "confirmed" if name is None or folded(name) in known else "verify"


def _vehicle_certainty(order: Order, seen: SeenVehicle) -> str | None:
    both_vins = order.vin is not None and seen.vin is not None
    own = order.subject == seen.subject and seen.vin == "own"
    if both_vins and own:
        return "confirmed"
    if not seen.plate or order.plate is None:
        return None
    class_unknown = seen.plate_class is None or order.plate_class is None
    if not class_unknown and seen.plate_class != order.plate_class:
        return None
    return "verify" if class_unknown or seen.repaired or order.repaired or both_vins else "confirmed"


def _in_force(order: Order, moment: int) -> bool:
    return order.begins <= moment and (order.until is None or moment < order.until)


def _instruction(order: Order, scene: Scene) -> str | None:
    """What the station is told, by the contract's policy table; None where the pair is not in it."""
    if order.measure == "judicial_detention":
        return "call_court"
    if order.measure == "exit_restriction":
        if scene.kind != "border_crossing":
            return None
        if scene.detail == "exit":
            return order.requirement
        return "none" if order.role == "judgment_debtor" else None
    if scene.kind == "border_crossing" or scene.detail in _CALLED_OCCASIONS:
        return "call_court"
    return "refuse_registration" if scene.detail in _REFUSED_OCCASIONS else None
