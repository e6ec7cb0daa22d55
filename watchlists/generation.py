"""What one worker screens with: a filter, and the rows that it was filled of.

A Bloom filter cannot forget. So a release is only remembered, and once enough rows are dead a new generation is built
of the living ones beside the old, which screens on meanwhile; then the caller swaps one for the other, whole.

Rows, not counts a key: the log is at least once, and a release that came twice would count twice and take away a key
which another order still needs. Rows name their order, court and version, so a repeat is seen to be one. Only a rebuild
and a filter that must grow read them, from end to end; so they need not be in memory (see `rows`).

The promise: the keys of every order in force are in the filter, at every moment, before and after any rebuild, whatever
came twice, late, or from a court that had no say. Too many keys are allowed, since the index decides exactly.

Rebuilding, with placing on one thread and the build on another, or in another process (`connectors.disk.rebuild`):

    new = await loop.run_in_executor(None, generation.rebuilt)
    new.catch_up(generation)      # what came meanwhile; on the thread that places
    generation = new

Threads: one places and releases; others may ask `contains` or build `rebuilt` at the same time.
Tombstones are kept for ever, 20 bytes a released (order, court).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from watchlists.bloom import FilterFullError, KeyFilter, Keys, as_keys
from watchlists.rows import PLACED, RELEASED, Column, Columns, MemoryTable, Table, as_versions, compact, hash_ranges

LEAST_CAPACITY = 1 << 17  # keys; see KeyFilter on small filters. 400 kB at 1e-5
ROOM = 1.5  # capacity a row when a filter is built anew
NEARLY_FULL = 0.9  # share of the capacity
DEAD_SHARE, DEAD_LEAST = 0.25, 4096  # a rebuild pays from here
PART_ROWS = 1 << 18  # rows a rebuild sorts at a time: some 30 MB on top
FILL_KEYS = 1 << 18  # keys that are put into a new filter at a time
KEYS_AN_ORDER = 1.6  # until a rebuild has counted


class Mark(NamedTuple):
    """How many placed rows and releases there were at some moment."""

    placed: int
    released: int


class Wear(NamedTuple):
    """What tells when a rebuild pays: about how many rows it would drop, and how many keys an order has."""

    dead: float = 0.0
    keys_an_order: float = KEYS_AN_ORDER


class Generation:
    """A filter and its rows. Make one with `empty`, `rebuilt`, or of tables and a filter that hold the same keys."""

    def __init__(self, placed: Table, released: Table, held: KeyFilter, least: int, wear: Wear | None = None) -> None:
        """Takes over the tables and the filter. `least`: keys that any filter of it has room for."""
        self.placed, self.released, self.least = placed, released, least
        self.error_rate, self.seed = held.error_rate, held.seed
        self.caught_up = Mark(0, 0)
        self._filter = held
        self._dead, self._keys_an_order = wear or Wear()

    @classmethod
    def empty(
        cls,
        capacity: int = LEAST_CAPACITY,
        error_rate: float = 1e-5,
        seed: int = 0,
        tables: tuple[Table, Table] | None = None,
    ) -> Generation:
        """`capacity` in keys (it grows), `error_rate` of the filter, `seed`: 64 bits, the deployment's secret; two empty
        tables, in memory unless given."""
        placed, released = tables or (MemoryTable(PLACED), MemoryTable(RELEASED))
        held = filled((), 0, least=capacity, error_rate=error_rate, seed=seed)
        return cls(placed, released, held, capacity)

    # -- screening ---------------------------------------------------------------------------------------------------

    def contains(self, keys: Keys) -> NDArray[np.bool_]:
        """For each of n keys: may an order in force have it? shape (n,) -> (n,). False is certain."""
        return self._filter.contains(keys)

    @property
    def filter(self) -> KeyFilter:
        """The filter of this moment; growing replaces it."""
        return self._filter

    # -- the log -----------------------------------------------------------------------------------------------------

    def place(self, orders: ArrayLike, courts: ArrayLike, versions: ArrayLike, keys: ArrayLike) -> None:
        """Orders placed or amended: parallel arrays of shape (n,), one row a key. In the filter when this returns.

        orders, courts: 64-bit hashes of the order's id and the court's code; versions: whole numbers; keys: 64 bits.
        Raises ValueError, and does nothing, when the lengths differ.
        """
        columns = _parallel(as_keys(orders), as_keys(courts), as_versions(versions), as_keys(keys))
        fresh = self._switch_on(columns[3].astype(np.uint64, copy=False))
        self.placed.append(columns)
        amended = int(np.count_nonzero(columns[2] > 1))
        self._dead += max(amended, len(columns[3]) - fresh)

    def release(self, orders: ArrayLike, courts: ArrayLike, versions: ArrayLike) -> None:
        """Orders released: parallel arrays of shape (n,). Remembered; no key leaves the filter before a rebuild."""
        columns = _parallel(as_keys(orders), as_keys(courts), as_versions(versions))
        self.released.append(columns)
        self._dead += len(columns[0]) * self._keys_an_order

    # -- rebuilding --------------------------------------------------------------------------------------------------

    @property
    def dead(self) -> int:
        """About how many rows a rebuild would drop. From above: each release counts, and each row whose key was there
        already (a repeat, an amendment, or another order on the same subject) or whose version is not the first."""
        return min(int(self._dead), len(self.placed))

    @property
    def wear(self) -> Wear:
        """What a snapshot keeps, so that a worker which starts anew rebuilds no later."""
        return Wear(self._dead, self._keys_an_order)

    @property
    def should_rebuild(self) -> bool:
        """A quarter of the rows is dead, and they are thousands; or the filter is nearly full."""
        if self._filter.count > NEARLY_FULL * self._filter.capacity:
            return True
        return self.dead >= DEAD_LEAST and self.dead > DEAD_SHARE * len(self.placed)

    def rebuilt(self) -> Generation:
        """A new generation, in memory, of the rows that still matter (see `rows.living`). Changes nothing in this one.

        It holds what had come when the build began; `catch_up` brings the rest.
        """
        mark = self.mark()
        placed, released = MemoryTable(PLACED), MemoryTable(RELEASED)
        orders = compact(hash_ranges(self.placed, self.released, mark, PART_ROWS), placed, released)
        held = filled(keys_of(placed), len(placed), least=self.least, error_rate=self.error_rate, seed=self.seed)
        return self.succeeded_by(placed, released, held, orders, mark)

    def succeeded_by(self, placed: Table, released: Table, held: KeyFilter, orders: int, mark: Mark) -> Generation:
        """The generation that a rebuild of the rows up to `mark` gave: tables, filter, and the number of orders in it."""
        new = Generation(placed, released, held, self.least, Wear(0.0, len(placed) / orders) if orders else None)
        new.caught_up = mark
        return new

    def catch_up(self, old: Generation) -> None:
        """Apply what `old`, the generation that this one was rebuilt from, has taken in since. May be repeated."""
        now = old.mark()
        for chunk in old.placed.chunks(self.caught_up.placed, now.placed):
            self.place(*chunk)
        for chunk in old.released.chunks(self.caught_up.released, now.released):
            self.release(*chunk)
        self.caught_up = now

    def mark(self) -> Mark:
        """How far this generation is."""
        return Mark(len(self.placed), len(self.released))

    def _switch_on(self, keys: Keys) -> int:
        """The number of keys that were new. A filter which would overflow is replaced by a larger one, filled first."""
        try:
            return self._filter.add_keys(keys)
        except FilterFullError as full:
            rows = len(self.placed) + len(keys)
            chunks = chain(keys_of(self.placed), [keys])
            self._filter = filled(chunks, rows, least=self.least, error_rate=self.error_rate, seed=self.seed)
            return full.wanted


def keys_of(placed: Table) -> Iterable[Keys]:
    """The keys of placed rows, chunk by chunk."""
    return (chunk[3].astype(np.uint64) for chunk in placed.chunks())


def filled(chunks: Iterable[Keys], rows: int, *, least: int, error_rate: float, seed: int) -> KeyFilter:
    """A new filter of the keys of `rows` rows, with room for half as many more and for `least` keys in any case."""
    held = KeyFilter(max(least, LEAST_CAPACITY, int(rows * ROOM)), error_rate, seed)
    pending: list[Keys] = []
    for chunk in chunks:
        pending.append(chunk)
        if sum(map(len, pending)) >= FILL_KEYS:
            held.add_keys(np.concatenate(pending))
            pending.clear()
    if pending:
        held.add_keys(np.concatenate(pending))
    return held


def _parallel(*columns: Column) -> Columns:
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise ValueError(f"parallel arrays must be of one length, not {lengths}")
    return columns
