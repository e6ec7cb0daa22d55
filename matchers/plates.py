"""Vehicle plates (GA 36), plate classes (GA 24.7) and vehicle identification numbers (ISO 3779)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from matchers.text import clean

_PLATE_REPAIRS: Final = str.maketrans("IO", "10")
_VIN_REPAIRS: Final = str.maketrans("IOQ", "100")
_PLATE_CLASS: Final = re.compile(r"[0-9]{2}")
_VIN: Final = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_SERIAL_START: Final = 2
_PLATE_LENGTHS: Final = range(7, 9)
_CHECK_POSITION: Final = 8
_VIN_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_VALUES: Final = dict(
    zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", [*range(10), *range(1, 9), *range(1, 6), 7, 9, *range(2, 10)], strict=True)
)


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate in canonical form. ``repaired`` when I or O stood in its serial, where GA 36 knows neither."""

    number: str
    given: str = ""
    repaired: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vin:
    """A vehicle identification number in canonical form. A repair needs no ``verify``: the check position guards it."""

    number: str
    given: str = ""
    warnings: tuple[str, ...] = ()


def canonical_plate(plate: str) -> Plate:
    """The plate cleaned, and I and O in its serial (after the province character and office letter) read as 1 and 0."""
    cleaned = clean(plate)
    repaired = _repaired(cleaned)
    odd = bool(cleaned) and len(cleaned) not in _PLATE_LENGTHS
    return Plate(repaired, plate, repaired != cleaned, ("plate has neither 7 nor 8 characters",) if odd else ())


def plate_number(plate: str) -> str:
    """The number of ``canonical_plate`` alone."""
    return _repaired(clean(plate))


def _repaired(cleaned: str) -> str:
    return cleaned[:_SERIAL_START] + cleaned[_SERIAL_START:].translate(_PLATE_REPAIRS)


def canonical_plate_class(plate_class: str | None) -> str | None:
    """The two-digit GA 24.7 code, or None where the class is not known or is no such code."""
    if plate_class is None:
        return None
    cleaned = clean(plate_class)
    return cleaned if _PLATE_CLASS.fullmatch(cleaned) else None


def canonical_vin(vin: str) -> Vin:
    """The VIN cleaned, with I, O and Q (which ISO 3779 does not know) read as 1, 0 and 0."""
    number = vin_number(vin)
    if number and not _VIN.fullmatch(number):
        return Vin(number, vin, ("vin has not the 17 characters of ISO 3779",))
    if number and not has_right_check_digit(number):
        return Vin(number, vin, ("vin has a wrong check digit",))
    return Vin(number, vin)


def vin_number(vin: str) -> str:
    """The number of ``canonical_vin`` alone."""
    return clean(vin).translate(_VIN_REPAIRS)


def has_right_check_digit(vin: str) -> bool:
    """Whether position 9 of a 17-character VIN is its check digit (ISO 3779, GB 16735: weighted sum modulo 11)."""
    remainder = sum(w * _VIN_VALUES[c] for w, c in zip(_VIN_WEIGHTS, vin, strict=True)) % 11
    return vin[_CHECK_POSITION] == ("X" if remainder == 10 else str(remainder))
