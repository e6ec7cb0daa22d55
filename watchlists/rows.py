"""Append-only rows, and which of them a rebuild keeps.

A placed row is one key of one version of one order: order and court as 64-bit hashes, version 32 bits, key 64 bits: 28
bytes. A release row is the first three: 20 bytes. Screening needs no row, only the filter that was filled of them; so
where rows lie is a table's affair: in memory (here) or in a file (`connectors.disk.rowfile`).

Threads: one thread appends; others may read up to a length that they took beforehand. Values are written before the
length grows, and nothing that was written is moved.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Column = NDArray[Any]  # unsigned, 32 or 64 bits
Columns = tuple[Column, ...]

PLACED = ("<u8", "<u8", "<u4", "<u8")  # order, court, version, key
RELEASED = PLACED[:3]  # order, court, version

CHUNK = 1 << 16  # rows
_MAX_VERSION = (1 << 32) - 1


class Table(ABC):
    """Columns of equal length that only grow."""

    def __init__(self, dtypes: Sequence[str]) -> None:
        self.dtypes = tuple(np.dtype(d) for d in dtypes)

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def append(self, columns: Columns) -> None:
        """Add n rows: one array of shape (n,) a column."""

    @abstractmethod
    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[Columns]:
        """Rows start to stop (default: all there are now), in order, in pieces of at most CHUNK rows."""

    def read(self, start: int = 0, stop: int | None = None) -> Columns:
        """Rows start to stop as whole columns (a copy)."""
        return join(list(self.chunks(start, stop)), self.dtypes)


class MemoryTable(Table):
    """Rows in memory. It grows by chunks, so growing never copies what is there."""

    def __init__(self, dtypes: Sequence[str]) -> None:
        super().__init__(dtypes)
        self._chunks: list[Columns] = []
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, columns: Columns) -> None:
        done, total = 0, len(columns[0])
        while done < total:
            at = self._length % CHUNK
            if not at:
                self._chunks.append(tuple(np.empty(CHUNK, dtype=d) for d in self.dtypes))
            n = min(CHUNK - at, total - done)
            for target, source in zip(self._chunks[-1], columns, strict=True):
                target[at : at + n] = source[done : done + n]
            self._length += n
            done += n

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[Columns]:
        stop = self._length if stop is None else stop
        for number in range(start // CHUNK, -(-stop // CHUNK)):
            low, high = max(start - number * CHUNK, 0), min(stop - number * CHUNK, CHUNK)
            yield tuple(column[low:high] for column in self._chunks[number])


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


def compact(parts: Iterable[tuple[Columns, Columns]], placed: Table, released: Table) -> int:
    """Append to two tables what must stay of rows that come in parts, groups whole; returns how many orders stay."""
    orders = 0
    for part in parts:
        kept = living(*part)
        placed.append(kept.placed)
        released.append(kept.released)
        orders += kept.orders
    return orders


def part_bits(rows: int, part_rows: int) -> int:
    """In how many parts, as a power of two, so many rows come when a part is to have about `part_rows`."""
    return (rows // part_rows).bit_length()


def hash_ranges(placed: Table, released: Table, upto: tuple[int, int], rows: int) -> Iterator[tuple[Columns, Columns]]:
    """All rows up to the two lengths, in parts of about `rows` rows by the order's hash, so that a group is whole.

    Parts bound the memory which a rebuild takes on top, and how long any single numpy call runs.
    """
    bits = part_bits(sum(upto), rows)
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
