"""Columns of identifiers, canonical and hashed many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matchers.documents import document_key
from matchers.hashing import hash_span, side_by_side
from matchers.keys import KEY_KINDS, KeyHasher, KeyHashes, KeyKind
from matchers.native import compiled
from matchers.plates import plate_number, vin_number
from matchers.writings import is_canonical

_KIND_NUMBERS: Final = {kind: number for number, kind in enumerate(KEY_KINDS)}


class Hashed(NamedTuple):
    """``hashes`` of the identifiers that have a key, where ``positions`` says which they were; ``blank`` had none."""

    positions: NDArray[np.int64]
    hashes: KeyHashes
    blank: list[int]


def hash_column(kind: KeyKind, values: Sequence[str], hasher: KeyHasher) -> Hashed:
    """Hash a column of identifiers as they were written: documents of one type, plates or VINs."""
    text, starts = side_by_side([value.encode("utf-8", "surrogatepass") for value in values])
    hashes = np.empty(len(values), np.uint64)
    done = np.zeros(len(values), np.bool_)
    _hash_canonical(text, starts, _KIND_NUMBERS[kind], hasher.constants, hashes, done)
    if done.all():
        return Hashed(np.arange(len(values)), hashes, [])
    others = np.flatnonzero(~done).tolist()
    one_by_one = hash_others([(position, kind, values[position]) for position in others], hasher)
    where = np.flatnonzero(done)
    return Hashed(
        np.concatenate([where, one_by_one.positions]), np.concatenate([hashes[where], one_by_one.hashes]), one_by_one.blank
    )


def hash_others(identifiers: Iterable[tuple[int, KeyKind, str]], hasher: KeyHasher) -> Hashed:
    """Clean and hash identifiers one by one: the position of each, its kind and how it was written."""
    by_kind: dict[KeyKind, tuple[list[int], list[str]]] = {}
    blank = []
    for position, kind, value in identifiers:
        canonical_kind, canonical = _canonical(kind, value)
        if canonical:
            of_kind = by_kind.setdefault(canonical_kind, ([], []))
            of_kind[0].append(position)
            of_kind[1].append(canonical)
        else:
            blank.append(position)
    positions = [np.empty(0, np.int64), *(np.array(where, np.int64) for where, _ in by_kind.values())]
    hashes = [np.empty(0, np.uint64), *(hasher.hash_values(found, keys) for found, (_, keys) in by_kind.items())]
    return Hashed(np.concatenate(positions), np.concatenate(hashes), blank)


def _canonical(kind: KeyKind, value: str) -> tuple[KeyKind, str]:
    if kind == "plate":
        return kind, plate_number(value)
    if kind == "vin":
        return kind, vin_number(value)
    return document_key(kind, value)


@compiled
def _hash_canonical(
    text: NDArray[np.uint8],
    starts: NDArray[np.int64],
    kind: int,
    constants: KeyHashes,
    hashes: KeyHashes,
    done: NDArray[np.bool_],
) -> None:
    """Hash those that are canonical as they stand, and say which."""
    for place in range(len(hashes)):
        start, end = starts[place], starts[place + 1] - 1
        if is_canonical(text, start, end, kind):
            hashes[place], done[place] = hash_span(text, start, end, kind, constants), True
