"""Columns of identifiers, canonical and hashed many at a time.

Nearly every identifier arrives already canonical. Each kind has a ``Writing``: a pattern over bytes that is wide enough for
nearly all of them and narrow enough that whatever fits it is its own canonical form. Those are hashed where they lie, as
rows of a byte matrix; the few others go through the same functions that the matchers use one by one.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from itertools import compress
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matchers.documents import document_key
from matchers.keys import KeyHasher, KeyHashes, KeyKind
from matchers.plates import plate_number, vin_number

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
    """Lengths in characters, the bytes beyond those, and for slices of the bytes the characters allowed there, in which an
    identifier is canonical.
    """

    lengths: frozenset[int]
    wide: int
    allowed: tuple[tuple[slice, _Table], ...]

    def fits(self, matrix: _Bytes) -> _Table:
        """Which rows of a matrix of identifiers of one length, shape ``(n, length)``, are canonical as they stand."""
        fits = np.ones(len(matrix), np.bool_)
        for where, table in self.allowed:
            fits &= table[matrix[:, where]].all(axis=1)
        return fits


WRITINGS: Final[dict[KeyKind | None, Writing]] = {
    "resident_id": Writing(frozenset({18}), 0, ((slice(0, 17), _DIGITS), (slice(17, 18), _DIGITS_X))),
    "plate": Writing(frozenset({7, 8}), 2, ((slice(0, 1), _IDEOGRAPH), (slice(3, 4), _LETTERS), (slice(4, None), _NO_IO))),
    "vin": Writing(frozenset({17}), 0, ((slice(0, 17), _NO_IOQ),)),
}
_OTHER_DOCUMENT: Final = Writing(frozenset({5, 6, 7, 8, 9, 12}), 0, ((slice(0, None), _ALNUM),))
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
    writing = WRITINGS.get(kind, _OTHER_DOCUMENT)
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    done = np.zeros(len(values), np.bool_)
    positions, hashes = [], []
    for length in np.flatnonzero(np.bincount(lengths, minlength=1)).tolist():
        if length not in writing.lengths:
            continue
        of_length = np.flatnonzero(lengths == length)
        row_bytes = length + writing.wide
        text, of_length = _side_by_side(values, of_length, row_bytes, ascii_only=not writing.wide)
        matrix = np.zeros((len(of_length), -(-row_bytes // _LANE_BYTES) * _LANE_BYTES), np.uint8)
        matrix[:, :row_bytes] = text.reshape(len(of_length), row_bytes)
        fits = writing.fits(matrix[:, :row_bytes])
        if not fits.all():
            of_length, matrix = of_length[fits], matrix[fits]
        done[of_length] = True
        positions.append(of_length)
        hashes.append(hasher.hash_lanes(kind, matrix.view("<u8"), np.uint64(row_bytes)))
    return (
        np.concatenate([np.empty(0, np.int64), *positions]),
        np.concatenate([np.empty(0, np.uint64), *hashes]),
        np.flatnonzero(~done).tolist(),
    )


def _side_by_side(
    values: Sequence[str], where: NDArray[np.int64], row_bytes: int, *, ascii_only: bool
) -> tuple[_Bytes, NDArray[np.int64]]:
    """The bytes of those of the identifiers that have ``row_bytes`` of them, without anything between; and which those are.

    No identifier may shift another: where not all are ASCII, each is measured.
    """
    chosen = values if len(where) == len(values) else [values[position] for position in where.tolist()]
    if ascii_only:
        joined = "".join(chosen)
        if not joined.isascii():
            kept = np.fromiter(map(str.isascii, chosen), np.bool_, len(chosen))
            joined, where = "".join(compress(chosen, kept.tolist())), where[kept]
        return np.frombuffer(joined.encode("ascii"), np.uint8), where
    encoded = [value.encode("utf-8", "surrogatepass") for value in chosen]
    kept = np.fromiter(map(len, encoded), np.int64, len(encoded)) == row_bytes
    if not kept.all():
        encoded, where = list(compress(encoded, kept.tolist())), where[kept]
    return np.frombuffer(b"".join(encoded), np.uint8), where
