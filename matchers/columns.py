"""Columns of identifiers, canonical and hashed many at a time.

Nearly every identifier arrives already canonical. Each kind has a ``Writing``: a pattern over bytes that is wide enough for
nearly all of them and narrow enough that whatever fits it is its own canonical form. Those are hashed where they lie, as
rows of a byte matrix; the few others go through the same functions that the matchers use one by one.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matchers.documents import document_key
from matchers.keys import KeyHasher, KeyHashes, KeyKind
from matchers.plates import plate_number, vin_number

_NEWLINE: Final = ord("\n")
_LANE_BYTES: Final = 8
_Bytes = NDArray[np.uint8]
_Table = NDArray[np.bool_]


def _table(characters: str) -> _Table:
    table = np.zeros(256, np.bool_)
    table[[ord(character) for character in characters]] = True
    return table


_DIGITS: Final = _table(string.digits)
_DIGITS_X: Final = _table(string.digits + "X")
_LETTERS: Final = _table(string.ascii_uppercase)
_ALNUM: Final = _table(string.digits + string.ascii_uppercase)
_NO_IO: Final = _table((string.digits + string.ascii_uppercase).translate({ord("I"): None, ord("O"): None}))
_NO_IOQ: Final = _NO_IO & (np.arange(256) != ord("Q"))
_IDEOGRAPH: Final = (np.arange(256) >= 0xE4) & (np.arange(256) <= 0xE9)
"""First UTF-8 byte of U+4000 to U+9FFF: ideographs that NFKC and upper-casing leave alone."""


class Writing(NamedTuple):
    """Byte lengths, and for slices of the bytes the characters allowed there, in which an identifier is canonical."""

    lengths: frozenset[int]
    allowed: tuple[tuple[slice, _Table], ...]

    def fits(self, matrix: _Bytes) -> _Table:
        """Which rows of a matrix of identifiers of one length, shape ``(n, length)``, are canonical as they stand."""
        fits = np.ones(len(matrix), np.bool_)
        for where, table in self.allowed:
            fits &= table[matrix[:, where]].all(axis=1)
        return fits


WRITINGS: Final[dict[KeyKind | None, Writing]] = {
    "resident_id": Writing(frozenset({18}), ((slice(0, 17), _DIGITS), (slice(17, 18), _DIGITS_X))),
    "plate": Writing(frozenset({9, 10}), ((slice(0, 1), _IDEOGRAPH), (slice(3, 4), _LETTERS), (slice(4, None), _NO_IO))),
    "vin": Writing(frozenset({17}), ((slice(0, 17), _NO_IOQ),)),
}
_OTHER_DOCUMENT: Final = Writing(frozenset({5, 6, 7, 8, 9, 12}), ((slice(0, None), _ALNUM),))
"""Not 10 or 11 characters (a permit may carry an issue count) and not 18 (it may be a resident ID)."""


class Hashed(NamedTuple):
    """``hashes`` of the identifiers that have a key, where ``positions`` says which they were; ``blank`` had none."""

    positions: NDArray[np.int64]
    hashes: KeyHashes
    blank: list[int]


def hash_column(kind: KeyKind, values: Sequence[str], hasher: KeyHasher) -> Hashed:
    """Hash a column of identifiers as they were written: documents of one type, plates or VINs."""
    positions, hashes, others = _hash_canonical(kind, values, hasher)
    if not others:
        return Hashed(positions, hashes, [])
    by_kind: dict[KeyKind, tuple[list[int], list[str]]] = {}
    blank = []
    for position in others:
        canonical_kind, value = _canonical(kind, values[position])
        if value:
            of_kind = by_kind.setdefault(canonical_kind, ([], []))
            of_kind[0].append(position)
            of_kind[1].append(value)
        else:
            blank.append(position)
    all_positions = [positions, *(np.array(where, np.int64) for where, _ in by_kind.values())]
    all_hashes = [hashes, *(hasher.hash_values(found, keys) for found, (_, keys) in by_kind.items())]
    return Hashed(np.concatenate(all_positions), np.concatenate(all_hashes), blank)


def _canonical(kind: KeyKind, value: str) -> tuple[KeyKind, str]:
    if kind == "plate":
        return kind, plate_number(value)
    if kind == "vin":
        return kind, vin_number(value)
    return document_key(kind, value)


def _hash_canonical(kind: KeyKind, values: Sequence[str], hasher: KeyHasher) -> tuple[NDArray[np.int64], KeyHashes, list[int]]:
    """Positions and hashes of the identifiers that fit their writing, and the positions of the others."""
    text, ends = _lines(values)
    if len(ends) != len(values):  # somebody wrote a line break into an identifier; a space fits no writing either
        text, ends = _lines([value.replace("\n", " ") for value in values])
    writing = WRITINGS.get(kind, _OTHER_DOCUMENT)
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
    lengths = ends - starts
    done = np.zeros(len(values), np.bool_)
    positions, hashes = [], []
    for length in np.flatnonzero(np.bincount(lengths)).tolist():
        if length not in writing.lengths:
            continue
        of_length = np.flatnonzero(lengths == length)
        lanes = -(-length // _LANE_BYTES)
        matrix = np.zeros((len(of_length), lanes * _LANE_BYTES), np.uint8)
        if len(of_length) == len(values):
            matrix[:, :length] = text.reshape(len(values), length + 1)[:, :length]
        else:
            matrix[:, :length] = text[starts[of_length, None] + np.arange(length)]
        fits = writing.fits(matrix[:, :length])
        if not fits.all():
            of_length, matrix = of_length[fits], matrix[fits]
        done[of_length] = True
        positions.append(of_length)
        hashes.append(hasher.hash_lanes(kind, matrix.view("<u8"), np.uint64(length)))
    return (
        np.concatenate([np.empty(0, np.int64), *positions]),
        np.concatenate([np.empty(0, np.uint64), *hashes]),
        np.flatnonzero(~done).tolist(),
    )


def _lines(values: Sequence[str]) -> tuple[_Bytes, NDArray[np.int64]]:
    """The identifiers' bytes, a line each, and where the lines end."""
    text = np.frombuffer(("\n".join(values) + "\n").encode("utf-8", "surrogatepass"), np.uint8)
    return text, np.flatnonzero(text == _NEWLINE)
