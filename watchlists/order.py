"""Orders: what a court instructs (contract, "Order"; S3.1, S3.2, S3.3, S4.3).

``read_order`` turns a record of the topic ``orders`` into an ``Order`` (place or amend) or a ``Release``. A record that is
not complete is refused with a reason; what is odd but harmless is a warning.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from matchers.documents import birth_date, canonical_document, sex
from matchers.keys import Key
from matchers.subject import Holder, Person, Vehicle
from matchers.text import clean
from matchers.wire import LENIENT, Message, NonEmpty, Text, Timestamp, UnreadableError, read_object, reason

Measure = Literal["exit_restriction", "judicial_detention", "vehicle_seizure"]
PartyRole = Literal["judgment_debtor", "preservation_defendant"]
Requirement = Literal["deny_exit", "deny_exit_and_hold_documents", "report_only"]
ReleaseReason = Literal["fulfilled", "revoked", "executed", "mistaken_identity"]

REQUIRED_DOCUMENTS: Final[dict[Measure, frozenset[str]]] = {
    "exit_restriction": frozenset({"restriction_decision"}),
    "judicial_detention": frozenset({"detention_decision", "assistance_notice"}),
    "vehicle_seizure": frozenset({"sealing_ruling", "assistance_notice"}),
}
"""Without these an order is refused: S3.2, S3.3; the first is our addition after S4.3."""

_EIGHTEEN: Final = re.compile(r"[0-9]{17}[0-9X]")
LenientText = Annotated[Text | None, LENIENT]
LenientDate = Annotated[dt.date | None, LENIENT]
Version = Annotated[int, Field(strict=True, ge=1)]


class Party(Message):
    kind: Annotated[Literal["natural_person", "organisation"] | None, LENIENT] = None
    name: LenientText = None
    number: LenientText = Field(default=None, description="an organisation's is a GB 32100 code")


class Case(Message):
    number: NonEmpty
    party_role: PartyRole
    filed_on: LenientDate = None
    status: LenientText = None
    claim_amount: LenientText = None
    party: Annotated[Party | None, LENIENT] = None


class Court(Message):
    code: NonEmpty
    name: LenientText = None
    province: LenientText = None


class Handler(Message):
    name: NonEmpty
    phone: NonEmpty


class NamedDocument(Message):
    type: Text
    number: NonEmpty

    @model_validator(mode="after")
    def _identifies(self) -> Self:
        if not clean(self.number):
            raise ValueError("number: nothing is left after cleaning")
        return self


class NamedHolder(Message):
    """What distinguishes the genuine holder of a misused identity from the person sought; all of it optional."""

    name: LenientText = None
    former_names: Annotated[list[Text] | None, LENIENT] = None
    sex: Annotated[Literal["male", "female"] | None, LENIENT] = None
    birth_date: LenientDate = None
    phone: LenientText = None
    documents: Annotated[list[NamedDocument] | None, LENIENT] = None

    def holder(self) -> Holder:
        return Holder(
            tuple(name for name in (self.name, *(self.former_names or ())) if name),
            tuple(canonical_document(document.type, document.number) for document in self.documents or ()),
            self.phone,
            self.sex,
            self.birth_date,
        )


class MisusedIdentity(Message):
    """The court's note that the person sought goes by another's identity: a hit that may be its holder is ``verify``."""

    holder: Annotated[NamedHolder | None, LENIENT] = None
    noted_at: Annotated[Timestamp | None, LENIENT] = None
    text: LenientText = None


class NamedPerson(Message):
    documents: Annotated[list[NamedDocument], Field(min_length=1)]
    name: LenientText = None
    former_names: Annotated[list[Text] | None, LENIENT] = None
    sex: Annotated[Literal["male", "female"] | None, LENIENT] = None
    birth_date: LenientDate = None
    misused_identity: Annotated[MisusedIdentity | None, LENIENT] = None

    def subject(self) -> Person:
        documents = tuple(canonical_document(document.type, document.number) for document in self.documents)
        return Person(documents, self.name, tuple(self.former_names or ()), holder=self._holder())

    def _holder(self) -> Holder | None:
        """A note that says nothing of the holder is one all the same: then nobody can be told from them."""
        if self.misused_identity is None:
            return None
        return (self.misused_identity.holder or NamedHolder()).holder()

    def oddities(self) -> Iterator[str]:
        """What does not agree within the order itself."""
        for document in self.subject().documents:
            if document.type != "resident_id" or not _EIGHTEEN.fullmatch(document.number):
                continue
            born = birth_date(document.number)
            if born is None:
                continue
            if self.birth_date is not None and self.birth_date != born:
                yield "person.birth_date: disagrees with the resident ID"
            if self.sex is not None and self.sex != sex(document.number):
                yield "person.sex: disagrees with the resident ID"


class NamedVehicle(Message):
    plate: Text | None = None
    plate_class: LenientText = None
    vin: Text | None = None
    brand: LenientText = None
    model: LenientText = None

    @model_validator(mode="after")
    def _identifies(self) -> Self:
        self.subject()
        return self

    def subject(self) -> Vehicle:
        return Vehicle.written(self.plate, self.plate_class, self.vin)


class Control(Message):
    from_: Timestamp = Field(alias="from")
    until: Timestamp | None = None
    requirement: Annotated[Requirement | None, LENIENT] = None


class SealedDocument(Message):
    kind: NonEmpty
    sha256: NonEmpty


class Order(Message):
    """A whole order, as placed or amended. ``until`` is required for an exit restriction (S3.1)."""

    id: NonEmpty
    version: Version
    action: Literal["place", "amend"]
    measure: Measure
    issued_at: Timestamp
    case: Case
    court: Court
    handler: Handler
    person: NamedPerson | None = None
    vehicle: NamedVehicle | None = None
    control: Control
    documents: list[SealedDocument]

    _dropped: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        needed = "vehicle" if self.measure == "vehicle_seizure" else "person"
        if getattr(self, needed) is None:
            raise ValueError(f"{self.measure} needs a {needed}")
        missing = REQUIRED_DOCUMENTS[self.measure] - {document.kind for document in self.documents}
        if missing:
            raise ValueError(f"documents: {self.measure} needs {' and '.join(sorted(missing))}")
        if self.measure == "exit_restriction":
            if self.control.until is None:
                raise ValueError("control.until: required for an exit_restriction (S3.1)")
            if self.control.requirement is None:
                raise ValueError("control.requirement: an exit_restriction needs one of the three (S3.1)")
        return self

    @property
    def subject(self) -> Person | Vehicle:
        """The person or the vehicle that the measure is about; whatever else is named is carried and not looked at."""
        named = self.vehicle if self.measure == "vehicle_seizure" else self.person
        if named is None:  # _is_complete refuses it
            raise AssertionError
        return named.subject()

    @property
    def case_number(self) -> str:
        return self.case.number

    def keys(self) -> tuple[Key, ...]:
        return tuple(dict.fromkeys(self.subject.keys()))

    def controls(self, moment: dt.datetime) -> bool:
        """Whether the control period holds the moment: ``from <= moment < until``."""
        return self.control.from_ <= moment and (self.control.until is None or moment < self.control.until)

    def warnings(self) -> tuple[str, ...]:
        """What is odd within the order; it costs no hit and stands in each of its hits."""
        odd = [f"order: {warning}" for warning in (*self._dropped, *self.subject.warnings())]
        if self.control.until is not None and self.control.until <= self.control.from_:
            odd.append("order.control: until is not after from, so it is never in force")
        if self.person is not None and self.measure != "vehicle_seizure":
            odd += [f"order.{oddity}" for oddity in self.person.oddities()]
        return tuple(dict.fromkeys(odd))


class Release(Message):
    """The end of an order; final."""

    id: NonEmpty
    version: Version
    action: Literal["release"]
    issued_at: Timestamp
    court: Court
    reason: ReleaseReason


def read_order(raw: bytes) -> Order | Release:
    """Read one record of the topic ``orders``.

    Raises:
        UnreadableError: not a JSON object, or not a complete order or release; the record is refused.
    """
    return check_order(read_object(raw))


def check_order(fields: dict[str, Any]) -> Order | Release:
    """The order or release that a JSON object is.

    A subject that the measure is not about (the owner of a sealed car, the car of a wanted person) is carried in the record
    and not looked at, so it cannot cost the order either.

    Raises:
        UnreadableError: it is no complete one.
    """
    dropped: list[str] = []
    try:
        if fields.get("action") == "release":
            return Release.model_validate(fields)
        beside = "person" if fields.get("measure") == "vehicle_seizure" else "vehicle"
        looked_at = {name: value for name, value in fields.items() if name != beside}
        order = Order.model_validate(looked_at, context={"warnings": dropped})
    except ValidationError as error:
        raise UnreadableError("invalid_order", reason(error)) from None
    order._dropped = tuple(dropped)
    return order
