"""The person or vehicle that a sighting saw or an order names, in canonical form: what two sides are compared by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Self

from matchers.documents import Document
from matchers.keys import Key
from matchers.plates import Plate, Vin, canonical_plate, canonical_plate_class, canonical_vin
from matchers.text import clean


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose identity somebody else misuses: what tells the genuine holder from the person sought, as far as it is known."""

    names: tuple[str, ...] = ()
    documents: tuple[Document, ...] = ()
    phone: str | None = None
    sex: Literal["male", "female"] | None = None
    birth_date: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A person: documents identify, names only raise doubt.

    ``phone`` is that of a person seen. ``holder`` is that of a person sought under an identity that is another's.
    """

    documents: tuple[Document, ...]
    name: str | None = None
    former_names: tuple[str, ...] = ()
    phone: str | None = None
    holder: Holder | None = None

    def keys(self) -> Iterator[Key]:
        """One key a document that identifies anybody."""
        return (Key(document.type, document.number) for document in self.documents if document.number)

    def warnings(self) -> Iterator[str]:
        for document in self.documents:
            yield from document.warnings


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle: known by its VIN, or by plate and class together; ``plate_class`` is None where it is not known."""

    plate: Plate | None = None
    plate_class: str | None = None
    vin: Vin | None = None

    @classmethod
    def written(cls, plate: str | None, plate_class: str | None, vin: str | None) -> Self:
        """The vehicle as it was written down; ``ValueError`` where neither plate nor VIN says anything."""
        canonical = cls(
            canonical_plate(plate) if plate and clean(plate) else None,
            canonical_plate_class(plate_class),
            canonical_vin(vin) if vin and clean(vin) else None,
        )
        if canonical.plate is None and canonical.vin is None:
            raise ValueError("neither plate nor vin is given")
        return canonical

    def keys(self) -> Iterator[Key]:
        """At most one key for the plate (the class is compared later: it may be unknown) and one for the VIN."""
        if self.plate is not None and self.plate.number:
            yield Key("plate", self.plate.number)
        if self.vin is not None and self.vin.number:
            yield Key("vin", self.vin.number)

    def warnings(self) -> Iterator[str]:
        for identifier in (self.plate, self.vin):
            if identifier is not None:
                yield from identifier.warnings
