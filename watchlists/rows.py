"""Append-only columns, and which of their rows a rebuild keeps.

A placed row is one key of one version of one order: order and court as 64-bit hashes, version 32 bits, key 64 bits: 28
bytes. A release row is the first three: 20 bytes. Columns grow by chunks, so growing never copies what is there.

Threads: one thread appends; others may read up to a length that they took beforehand. Values are written before the
length grows, and a chunk is never moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Column = NDArray[Any]  # unsigned, 32 or 64 bits
Columns = tuple[Column, ...]

PLACED = ("<u8", "<u8", "<u4", "<u8")  # order, court, version, key
RELEASED = PLACED[:3]  # order, court, version

CHUNK = 1 << 16  # rows
_MAX_VERSION = (1 << 32) - 1


class Table:
    """Columns of equal length that only grow."""

    def __init__(self, dtypes: Sequence[str], chunks: Sequence[Columns] = ()) -> None:
        """`chunks` are taken over as they are, not copied."""
        self.dtypes = tuple(np.dtype(d) for d in dtypes)
        self._chunks = [chunk for chunk in chunks if len(chunk[0])]
        self._length = sum(len(chunk[0]) for chunk in self._chunks)
        self._room = 0  # free rows at the end of the last chunk

    def __len__(self) -> int:
        return self._length

    def append(self, columns: Columns) -> None:
        """Add n rows: one array of shape (n,) a column."""
        done, total = 0, len(columns[0])
        while done < total:
            if not self._room:
                self._chunks.append(tuple(np.empty(CHUNK, dtype=d) for d in self.dtypes))
                self._room = CHUNK
            n = min(self._room, total - done)
            at = len(self._chunks[-1][0]) - self._room
            for target, source in zip(self._chunks[-1], columns, strict=True):
                target[at : at + n] = source[done : done + n]
            self._room -= n
            self._length += n
            done += n

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[Columns]:
        """Rows start to stop (default: all there are now) in pieces; views, not copies."""
        stop = self._length if stop is None else stop
        first = 0
        for chunk in self._chunks:
            low, high = max(start - first, 0), min(stop - first, len(chunk[0]))
            if low < high:
                yield tuple(column[low:high] for column in chunk)
            first += len(chunk[0])
            if first >= stop:
                return

    def read(self, start: int = 0, stop: int | None = None) -> Columns:
        """Rows start to stop as whole columns (a copy)."""
        return join(list(self.chunks(start, stop)), self.dtypes)

    @property
    def nbytes(self) -> int:
        """Bytes held, free room included."""
        return sum(column.nbytes for chunk in self._chunks for column in chunk)


class Living(NamedTuple):
    """What a rebuild keeps of some rows, and how many orders it keeps."""

    placed: Columns
    released: Columns
    orders: int


def living(placed: Columns, released: Columns) -> Living:
    """Drop the rows that can no longer matter. All rows of an (order, court) must be given together.

    Of each (order, court), the group, a row stays unless
    - a release has a version above every version placed in the group (a lower or equal one changes nothing, and since a
      release is final, rows refused after it may stay: too much is allowed, too little is not), or
    - a higher version was placed in the group: the group's court may amend its own order, and no other court's rows
      are in the group, or
    - it repeats another row.
    Of the releases the highest a group stays, as a tombstone for late rows.
    """
    n = len(placed[0])
    order, court, version = map(np.concatenate, zip(placed[:3], released, strict=True))
    key = np.concatenate([placed[3], np.zeros(len(released[0]), dtype=np.uint64)])
    if not len(order):
        return Living(placed, released, 0)
    rank = np.lexsort((key, court, order))
    order, court, version, key = order[rank], court[rank], version[rank], key[rank]
    starts = np.flatnonzero(_changes(order, court))
    is_release = rank >= n
    highest = np.maximum.reduceat(np.where(is_release, np.uint32(0), version), starts)
    ended = np.maximum.reduceat(np.where(is_release, version, np.uint32(0)), starts)
    sizes = np.diff(starts, append=len(order))
    keep = ~is_release & (version == np.repeat(highest, sizes)) & np.repeat(ended <= highest, sizes)
    kept = tuple(column[keep] for column in (order, court, version, key))
    first = _changes(kept[0], kept[1], kept[3])
    tombs = starts[ended > 0]
    return Living(
        placed=tuple(column[first] for column in kept),
        released=(order[tombs], court[tombs], ended[ended > 0]),
        orders=int(np.count_nonzero(_changes(kept[0], kept[1]))),
    )


def hash_ranges(placed: Table, released: Table, upto: tuple[int, int], rows: int) -> Iterator[tuple[Columns, Columns]]:
    """All rows up to the two lengths, in parts of about `rows` rows by the order's hash, so that a group is whole.

    Parts bound the memory which a rebuild takes on top, and how long any single numpy call runs.
    """
    bits = (sum(upto) // rows).bit_length()
    for part in range(1 << bits):
        yield (
            _in_range(placed.chunks(0, upto[0]), placed.dtypes, part, bits),
            _in_range(released.chunks(0, upto[1]), released.dtypes, part, bits),
        )


def join(chunks: Sequence[Columns], dtypes: Sequence[np.dtype[Any]]) -> Columns:
    """Chunks as whole columns of these types, also when there are none."""
    if not chunks:
        return tuple(np.empty(0, dtype=d) for d in dtypes)
    return tuple(np.concatenate(parts) for parts in zip(*chunks, strict=True))


def as_versions(values: ArrayLike) -> NDArray[np.uint32]:
    """Versions, brought into 32 bits by clipping. Clipping keeps their order, so what it makes equal is merely kept."""
    clipped: NDArray[Any] = np.clip(np.asarray(values).reshape(-1), 0, _MAX_VERSION)
    return clipped.astype(np.uint32)


def _in_range(chunks: Iterator[Columns], dtypes: tuple[np.dtype[Any], ...], part: int, bits: int) -> Columns:
    if not bits:
        return join(list(chunks), dtypes)
    shift, wanted = np.uint64(64 - bits), np.uint64(part)
    picked = []
    for chunk in chunks:
        here = np.flatnonzero(chunk[0] >> shift == wanted)
        picked.append(tuple(column.take(here) for column in chunk))
    return join(picked, dtypes)


def _changes(*columns: Column) -> NDArray[np.bool_]:
    """True where a row differs from the one before it in any column, and at the first row."""
    first = np.zeros(len(columns[0]), dtype=np.bool_)
    first[:1] = True
    for column in columns:
        first[1:] |= column[1:] != column[:-1]
    return first
