"""Check characters of the identifiers, written anew from the standards: an oracle shares no code with what it tests."""

from __future__ import annotations

from collections.abc import Iterable
from operator import mul
from typing import Final

ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECKS: Final = "10X98765432"

VIN_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
VIN_CHECKS: Final = "0123456789X"
VIN_LETTERS: Final = "ABCDEFGHJKLMNPRSTUVWXYZ"

_DIGITS: Final = "0123456789"
_CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_BODY_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_CREDIT_WEIGHTS: Final = tuple(pow(3, i, 31) for i in range(17))


def _values(characters: str, values: Iterable[int]) -> bytes:
    """A table for `bytes.translate` that puts a character's value in its place: the fast way to sum over an identifier."""
    table = bytearray(256)
    for character, value in zip(characters, values, strict=True):
        table[ord(character)] = value
    return bytes(table)


_DIGIT_VALUES: Final = _values(_DIGITS, range(10))
_VIN_VALUES: Final = _values(
    _DIGITS + VIN_LETTERS, (*range(10), 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9)
)
_BODY_VALUES: Final = _values(_DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ", range(36))
_CREDIT_VALUES: Final = _values(_CREDIT_ALPHABET, range(31))


def id_check(first_17: str) -> str:
    """The 18th character of a citizen identification number (GB 11643-1999, ISO 7064 MOD 11-2)."""
    return ID_CHECKS[sum(map(mul, ID_WEIGHTS, first_17.encode().translate(_DIGIT_VALUES))) % 11]


def vin_sum(vin: str, start: int = 0) -> int:
    """The weighted sum of a piece of a VIN that begins at position `start`, counted from 0 (ISO 3779, GB 16735)."""
    return sum(map(mul, vin.encode().translate(_VIN_VALUES), VIN_WEIGHTS[start:]))


def vin_check(first_8: str, last_8: str) -> str:
    """The ninth character of a VIN, from the eight before and the eight after it."""
    return VIN_CHECKS[vin_sum(f"{first_8}0{last_8}") % 11]


def credit_code(prefix_8: str, body_8: str) -> str:
    """An 18-character unified social credit code (GB 32100-2015) around an organisation code (GB 11714)."""
    rest = 11 - sum(map(mul, _BODY_WEIGHTS, body_8.encode().translate(_BODY_VALUES))) % 11
    first_17 = f"{prefix_8}{body_8}{'0123456789X0'[rest]}"
    total = sum(map(mul, _CREDIT_WEIGHTS, first_17.encode().translate(_CREDIT_VALUES)))
    return first_17 + _CREDIT_ALPHABET[-total % 31]
