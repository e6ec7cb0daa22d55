"""Check characters of the identifiers, written anew from the standards: an oracle shares no code with what it tests."""

from __future__ import annotations

from operator import mul
from typing import Final

ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECKS: Final = "10X98765432"
_ZEROS: Final = ord("0") * sum(ID_WEIGHTS)

VIN_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
VIN_CHECKS: Final = "0123456789X"
VIN_LETTERS: Final = "ABCDEFGHJKLMNPRSTUVWXYZ"
VIN_VALUES: Final = {c: int(c) for c in "0123456789"} | dict(
    zip(VIN_LETTERS, (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)
)

_BODY_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BODY_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_VALUES: Final = {c: i for i, c in enumerate(_CREDIT_ALPHABET)}
_CREDIT_WEIGHTS: Final = tuple(pow(3, i, 31) for i in range(17))


def id_check(first_17: str) -> str:
    """The 18th character of a citizen identification number (GB 11643-1999, ISO 7064 MOD 11-2)."""
    return ID_CHECKS[(sum(map(mul, ID_WEIGHTS, first_17.encode())) - _ZEROS) % 11]


def vin_sum(vin: str, start: int = 0) -> int:
    """The weighted sum of a piece of a VIN that begins at position `start`, counted from 0 (ISO 3779, GB 16735)."""
    return sum(map(mul, map(VIN_VALUES.__getitem__, vin), VIN_WEIGHTS[start:]))


def vin_check(first_8: str, last_8: str) -> str:
    """The ninth character of a VIN, from the eight before and the eight after it."""
    return VIN_CHECKS[(vin_sum(first_8) + vin_sum(last_8, 9)) % 11]


def credit_code(prefix_8: str, body_8: str) -> str:
    """An 18-character unified social credit code (GB 32100-2015) around an organisation code (GB 11714)."""
    rest = 11 - sum(map(mul, _BODY_WEIGHTS, map(_BODY_ALPHABET.index, body_8))) % 11
    body = body_8 + {10: "X", 11: "0"}.get(rest, str(rest))
    first_17 = prefix_8 + body
    total = sum(map(mul, _CREDIT_WEIGHTS, map(_CREDIT_VALUES.__getitem__, first_17)))
    return first_17 + _CREDIT_ALPHABET[(31 - total % 31) % 31]
