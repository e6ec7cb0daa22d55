"""A glance at a record of ``orders``: all that taking it over needs, at a fifth of the price of reading it whole.

Millions of orders are loaded at every start and few of them are ever a candidate. The structs here are stricter than
``watchlists.order``: what they cannot read is read whole, so a record is refused exactly when ``read_order`` refuses it, and
what they do read, they read as it does; that is a property in the tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from matchers.documents import canonical_document
from matchers.keys import Key
from matchers.plates import canonical_plate, canonical_vin
from matchers.text import clean
from matchers.wire import AwareTime, read_object
from watchlists.order import REQUIRED_DOCUMENTS, Measure, Order, PartyRole, Release, Requirement, check_order

_NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]
_RESIDENT_ID: Final = re.compile(r"[0-9]{17}[0-9X]")
_PLATE: Final = re.compile(r"[\u4e00-\u9fa5][A-Z][0-9A-HJ-NP-Z]{5,6}")
_VIN: Final = re.compile(r"[0-9A-HJ-NPR-Z]{17}")


class _Court(msgspec.Struct, gc=False):
    code: _NonEmpty


class _Case(msgspec.Struct, gc=False):
    number: _NonEmpty
    party_role: PartyRole


class _Handler(msgspec.Struct, gc=False):
    name: _NonEmpty
    phone: _NonEmpty


class _Control(msgspec.Struct, gc=False, rename={"from_": "from"}):
    from_: AwareTime
    until: AwareTime | None = None
    requirement: Requirement | None = None


class _Sealed(msgspec.Struct, gc=False):
    kind: _NonEmpty
    sha256: _NonEmpty


class _Document(msgspec.Struct, gc=False):
    type: str
    number: _NonEmpty


class _Person(msgspec.Struct, gc=False):
    documents: list[_Document]

    def keys(self) -> Iterator[Key]:
        for document in self.documents:
            # What fits the pattern is its own canonical form, as nearly all is.
            if document.type == "resident_id" and _RESIDENT_ID.fullmatch(document.number):
                yield Key("resident_id", document.number)
            else:
                canonical = canonical_document(document.type, document.number)
                yield Key(canonical.type, canonical.number)


class _Vehicle(msgspec.Struct, gc=False):
    plate: str | None = None
    vin: str | None = None

    def keys(self) -> Iterator[Key]:
        if self.plate and clean(self.plate):
            fits = _PLATE.fullmatch(self.plate)
            yield Key("plate", self.plate if fits else canonical_plate(self.plate).number)
        if self.vin and clean(self.vin):
            yield Key("vin", self.vin if _VIN.fullmatch(self.vin) else canonical_vin(self.vin).number)


class _Order(msgspec.Struct, gc=False):
    id: _NonEmpty
    version: Annotated[int, msgspec.Meta(ge=1)]
    action: Literal["place", "amend"]
    measure: Measure
    issued_at: AwareTime
    case: _Case
    court: _Court
    handler: _Handler
    control: _Control
    documents: list[_Sealed]
    person: _Person | None = None
    vehicle: _Vehicle | None = None

    def keys(self) -> tuple[Key, ...]:
        subject = self.vehicle if self.measure == "vehicle_seizure" else self.person
        return tuple(dict.fromkeys(subject.keys())) if subject is not None else ()

    def is_complete(self, keys: tuple[Key, ...]) -> bool:
        """Whether the careful reader is sure to take it, too."""
        if not keys or not all(key.value for key in keys):
            return False
        if self.measure == "exit_restriction" and (self.control.until is None or self.control.requirement is None):
            return False
        return REQUIRED_DOCUMENTS[self.measure] <= {document.kind for document in self.documents}


class Glance(NamedTuple):
    """A complete order, as far as one must see to take it over and to find it again."""

    id: str
    version: int
    action: Literal["place", "amend"]
    court: _Court
    case_number: str
    all_keys: tuple[Key, ...]

    def keys(self) -> tuple[Key, ...]:
        return self.all_keys


def glance(raw: bytes) -> Glance | Order | Release:
    """Read one record of the topic ``orders`` as far as it takes.

    Raises:
        UnreadableError: as ``read_order``.
    """
    fields = read_object(raw)
    try:
        order = msgspec.convert(fields, _Order)
    except (msgspec.ValidationError, UnicodeEncodeError):
        return check_order(fields)
    keys = order.keys()
    if not order.is_complete(keys):
        return check_order(fields)
    return Glance(order.id, order.version, order.action, order.court, order.case.number, keys)
