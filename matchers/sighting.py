"""Sightings: what a police system says was seen (contract, "Sighting").

``SightingMessage`` is the definition of the wire; ``read_sighting`` turns a record into a ``Sighting`` that the matchers can
compare, tolerating everything that is not required: a bad room number must not hide a wanted person.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from matchers.documents import canonical_document
from matchers.keys import Key
from matchers.subject import Person, Vehicle
from matchers.text import clean
from matchers.wire import (
    LENIENT,
    Message,
    NonEmpty,
    Text,
    Timestamp,
    UnreadableError,
    mended,
    read_damaged,
    read_object,
    reason,
)

Kind = Literal["hotel_checkin", "border_crossing", "vehicle_inspection", "identity_check"]
Direction = Literal["exit", "entry"]
Occasion = Literal["annual_inspection", "transfer_registration", "mortgage_registration", "roadside_check"]

TOPIC_OF_KIND: Final[dict[Kind, str]] = {
    "hotel_checkin": "sightings.hotel",
    "border_crossing": "sightings.border",
    "vehicle_inspection": "sightings.vehicle",
    "identity_check": "sightings.identity",
}
SIGHTING_TOPICS: Final = tuple(TOPIC_OF_KIND.values())

LenientText = Annotated[Text | None, LENIENT]
LenientTime = Annotated[Timestamp | None, LENIENT]


class Station(Message):
    code: NonEmpty
    name: LenientText = None
    province: LenientText = Field(default=None, description='GB/T 2260 two digits; "66" the Corps, "00" the nation')


class SeenDocument(Message):
    type: Text = Field(description="one of the contract's document types; an unknown one is read as other")
    number: NonEmpty


class SeenPerson(Message):
    document: SeenDocument
    name: LenientText = None
    phone: LenientText = None

    @model_validator(mode="after")
    def _identifies(self) -> Self:
        if not clean(self.document.number):
            raise ValueError("document.number: nothing is left after cleaning")
        return self

    def subject(self) -> Person:
        return Person((canonical_document(self.document.type, self.document.number),), self.name, phone=self.phone)


class SeenVehicle(Message):
    plate: LenientText = None
    plate_class: LenientText = Field(default=None, description='GA 24.7 code, "02" small, "52" small new-energy')
    vin: LenientText = None
    brand: LenientText = None
    model: LenientText = None
    type: LenientText = None

    @model_validator(mode="after")
    def _identifies(self) -> Self:
        self.subject()
        return self

    def subject(self) -> Vehicle:
        return Vehicle.written(self.plate, self.plate_class, self.vin)


class Stay(Message):
    check_in: LenientTime = None
    check_out: LenientTime = None
    hotel: LenientText = None
    address: LenientText = None
    room: LenientText = None


class Crossing(Message):
    direction: Annotated[Direction | None, LENIENT] = None
    port: LenientText = None
    destination: LenientText = Field(default=None, description="ISO 3166 alpha-3")


class Inspection(Message):
    occasion: Annotated[Occasion | None, LENIENT] = None


class Check(Message):
    place: LenientText = None
    reason: LenientText = None


class _Required(Message):
    """What every sighting has: read first, for a record without it needs no second look."""

    id: NonEmpty
    kind: Kind
    occurred_at: Timestamp
    station: Station


_R = TypeVar("_R", bound=_Required)


class SightingMessage(_Required):
    """One sighting on a topic ``sightings.*``; ``(station.code, id)`` is its identity."""

    person: Annotated[SeenPerson | None, LENIENT] = None
    vehicle: Annotated[SeenVehicle | None, LENIENT] = None
    stay: Annotated[Stay | None, LENIENT] = None
    crossing: Annotated[Crossing | None, LENIENT] = None
    inspection: Annotated[Inspection | None, LENIENT] = None
    check: Annotated[Check | None, LENIENT] = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A sighting that was read: canonical where it is compared, ``fields`` as it was sent.

    A warning about the person or the vehicle begins with that word, so that it can be kept from whom it does not concern.
    ``direction`` is set for border crossings and ``occasion`` for vehicle inspections, where they were given and known.
    """

    id: str
    kind: Kind
    occurred_at: dt.datetime
    station: Station
    person: Person | None
    vehicle: Vehicle | None
    direction: Direction | None
    occasion: Occasion | None
    check_out: dt.datetime | None
    warnings: tuple[str, ...]
    fields: dict[str, Any]

    def keys(self) -> tuple[Key, ...]:
        """Every key the sighting carries: the person's document, the vehicle's plate and VIN."""
        person = self.person.keys() if self.person else ()
        vehicle = self.vehicle.keys() if self.vehicle else ()
        return (*person, *vehicle)


def read_sighting(raw: bytes) -> Sighting:
    """Read one record. A value that is damaged beyond being JSON, and not required, costs a warning like any wrong value.

    Raises:
        UnreadableError: not a JSON object, or a required field is missing or wrong.
    """
    warnings: list[str] = []
    try:
        fields = carried = read_object(raw)
    except UnreadableError as error:
        damaged = read_damaged(raw) if error.reason in ("not_utf8", "not_json", "too_deep") else None
        if damaged is None:
            raise
        fields, carried = damaged, mended(damaged)
        warnings.append(f"{error.detail}; what is damaged is carried as far as it is legible and not looked at")
    _read(_Required, fields)
    message = _message(fields, warnings)
    needed = "vehicle" if message.kind == "vehicle_inspection" else "person"
    if getattr(message, needed) is None:
        why = next((w.partition(";")[0] for w in warnings if w.startswith(f"{needed}:")), f"{needed}: missing")
        raise UnreadableError("invalid_sighting", f"a {message.kind} needs its {needed}; {why}")
    return _from_message(message, warnings, carried)


def sighting_in(fields: dict[str, Any]) -> Sighting:
    """The sighting in fields that were read before: a hit's, perhaps without a bystander since, or a check's.

    Raises:
        UnreadableError: it is no sighting at all.
    """
    warnings: list[str] = []
    return _from_message(_message(fields, warnings), warnings, fields)


def _message(fields: dict[str, Any], warnings: list[str]) -> SightingMessage:
    return _read(SightingMessage, fields, {"warnings": warnings})


def _read(model: type[_R], fields: dict[str, Any], context: Any = None) -> _R:
    try:
        return model.model_validate(fields, context=context)
    except ValidationError as error:
        raise UnreadableError("invalid_sighting", reason(error)) from None


def _from_message(message: SightingMessage, warnings: list[str], fields: dict[str, Any]) -> Sighting:
    person = message.person.subject() if message.person else None
    vehicle = message.vehicle.subject() if message.vehicle else None
    direction = occasion = None
    if message.kind == "border_crossing":
        direction = message.crossing.direction if message.crossing else None
        if direction is None:
            warnings.append("crossing.direction: not known; judged as an exit")
    elif message.kind == "vehicle_inspection":
        occasion = message.inspection.occasion if message.inspection else None
        if occasion is None:
            warnings.append("inspection.occasion: not known; judged as a find on duty")
    if message.vehicle and message.vehicle.plate_class is not None and vehicle and vehicle.plate_class is None:
        warnings.append("vehicle.plate_class: not a GA 24.7 code; taken as unknown")
    if message.person and person and person.documents[0].type == "other" and message.person.document.type != "other":
        warnings.append("person.document.type: not in the contract's list; taken as other")
    for name, subject in (("person", person), ("vehicle", vehicle)):
        if subject is not None:
            warnings.extend(f"{name}: {warning}" for warning in subject.warnings())
    return Sighting(
        message.id,
        message.kind,
        message.occurred_at,
        message.station,
        person,
        vehicle,
        direction,
        occasion,
        message.stay.check_out if message.stay else None,
        tuple(warnings),
        fields,
    )
