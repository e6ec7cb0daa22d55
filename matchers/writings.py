"""Writings: forms of an identifier that are canonical as they stand.

Nearly every identifier arrives already canonical. A writing is wide enough for nearly all of its kind and narrow enough that
whatever fits it is its own canonical form; the few others go through the functions that clean one by one.
"""

from __future__ import annotations

import string
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from matchers.keys import KEY_KINDS
from matchers.native import byte_at, inlined, word_at

_EACH: Final = 0x0101010101010101
_TENS, _DIGITS, _SIX = np.uint64(_EACH * 0xF0), np.uint64(_EACH * 0x30), np.uint64(_EACH * 0x06)
_NINE, _X = b"9X"
_ZERO: Final = ord("0")

_RESIDENT_ID, _PLATE, _VIN = (KEY_KINDS.index(kind) for kind in ("resident_id", "plate", "vin"))
_RESIDENT_ID_BYTES: Final = 18
_VIN_BYTES: Final = 17
_IDEOGRAPH_BYTES: Final = 3
_PLATE_BYTES: Final = (9, 10, 11)  # an ideograph, a letter, then five or six characters, or four and an ideograph (a trailer's)
_IDEOGRAPHS: Final = (0xE4, 0xE9)
"""First UTF-8 bytes of U+4000 to U+9FFF: ideographs that NFKC and upper-casing leave alone."""
_CONTINUATION: Final = (0x80, 0xBF)

_DOCUMENT, _SERIAL, _VIN_CHARACTER, _LETTER = (np.uint8(1 << bit) for bit in range(4))
_CHARACTERS: Final = np.zeros(256, np.uint8)
"""Where each byte may stand: in other documents' numbers, in a plate's serial, in a VIN, as an office letter."""
for _where, _characters in (
    (_DOCUMENT, string.digits + string.ascii_uppercase),
    (_SERIAL, "".join(sorted({*string.digits, *string.ascii_uppercase} - {*"IO"}))),
    (_VIN_CHARACTER, "".join(sorted({*string.digits, *string.ascii_uppercase} - {*"IOQ"}))),
    (_LETTER, string.ascii_uppercase),
):
    _CHARACTERS[[ord(character) for character in _characters]] |= _where

_DOCUMENT_BYTES: Final = np.isin(np.arange(16), (5, 6, 7, 8, 9, 12))
"""Lengths of other documents' numbers: not 10 or 11 (a permit may carry an issue count) nor 18 (it may be a resident ID)."""


@inlined
def is_canonical(text: NDArray[np.uint8], start: int, end: int, kind: int) -> Any:
    """Whether the identifier in these bytes is canonical as it stands. ``kind`` is an index of ``KEY_KINDS``."""
    length = end - start
    if kind == _RESIDENT_ID:
        last = byte_at(text, end - 1)
        return (
            length == _RESIDENT_ID_BYTES
            and _are_digits(word_at(text, start))
            and _are_digits(word_at(text, start + 8))
            and _ZERO <= byte_at(text, start + 16) <= _NINE
            and (_ZERO <= last <= _NINE or last == _X)
        )
    if kind == _PLATE:
        serial_end = end - _IDEOGRAPH_BYTES if length == _PLATE_BYTES[2] else end
        return (
            (length == _PLATE_BYTES[0] or length == _PLATE_BYTES[1] or length == _PLATE_BYTES[2])
            and _is_ideograph(text, start)
            and (_CHARACTERS[byte_at(text, start + 3)] & _LETTER) != 0
            and _are_all(text, start + 4, serial_end, _SERIAL)
            and (serial_end == end or _is_ideograph(text, serial_end))
        )
    if kind == _VIN:
        return length == _VIN_BYTES and _are_all(text, start, end, _VIN_CHARACTER)
    return length < len(_DOCUMENT_BYTES) and _DOCUMENT_BYTES[length] and _are_all(text, start, end, _DOCUMENT)


@inlined
def _is_ideograph(text: NDArray[np.uint8], at: int) -> Any:
    return (
        _IDEOGRAPHS[0] <= byte_at(text, at) <= _IDEOGRAPHS[1]
        and _CONTINUATION[0] <= byte_at(text, at + 1) <= _CONTINUATION[1]
        and _CONTINUATION[0] <= byte_at(text, at + 2) <= _CONTINUATION[1]
    )


@inlined
def _are_digits(word: Any) -> Any:
    return (word & _TENS) == _DIGITS and ((word + _SIX) & _TENS) == _DIGITS


@inlined
def _are_all(text: NDArray[np.uint8], start: int, end: int, where: Any) -> Any:
    common = where
    for place in range(start, end):
        common &= _CHARACTERS[byte_at(text, place)]
    return common != 0
