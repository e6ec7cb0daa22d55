"""The filter that says maybe: pybloom-live's Bloom filter, filled and probed in numpy batches.

Keys are unsigned 64-bit integers that are already well mixed (`matchers.keys` makes them). The sizing, the bits and the
file format are pybloom-live's own. Only the hash family differs, because a digest a key costs more than all the rest.

Threads: bits are only ever switched on, and a byte is replaced by one with more bits, so one thread may add while
others probe: a probe that runs beside an add sees the filter before it, after it, or in between, and never loses a key
which was added earlier. Two threads must not add to one filter at once (a byte is read, changed, written back).

Errors:
    ValueError                  a filter that cannot be made, or two that cannot be combined
    IndexError                  (pybloom-live's own, from `add`)
      └─ FilterFullError        a batch that would exceed the capacity; nothing of it was added
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Self

import numpy as np
import pybloom_live
from numpy.typing import ArrayLike, NDArray

Keys = NDArray[np.uint64]

PROBE_BATCH = 1 << 15  # keys; columns of this length stay in the second-level cache
TAIL = 128  # survivors; from here one look-up of all remaining slices costs less than one a slice
FILL_BATCH = 1 << 16  # keys; the more, the better they share a slice's cache lines, and the more memory it takes on top
COUNT_BYTES = 1 << 20  # bytes whose bits are counted at a time

_MULTIPLIER = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, odd: multiplying by it loses nothing
_WORD = (1 << 64) - 1
_HALF = (1 << 32) - 1
_32, _3 = np.uint64(32), np.uint64(3)
_7, _1 = np.uint8(7), np.uint8(1)


class FilterFullError(IndexError):
    """A batch that does not fit. Fields: `count` and `capacity` in keys, `wanted`: new distinct keys in the batch."""

    def __init__(self, count: int, wanted: int, capacity: int) -> None:
        super().__init__(f"the filter holds {count} of at most {capacity} keys and cannot take {wanted} more")
        self.count, self.wanted, self.capacity = count, wanted, capacity


class KeyFilter(pybloom_live.BloomFilter):  # type: ignore[misc]  # pybloom-live has no type information
    """A Bloom filter of 64-bit keys.

    Positions: the key is mixed with the filter's seed (xor, odd multiply, xor-shift), its halves are h1 and h2 (made
    odd), and slice i is probed at x_i = h1 + i*h2 mod 2^32 (double hashing: Kirsch and Mitzenmacher, "Less Hashing,
    Same Performance", 2006), brought into the slice by x_i * bits_per_slice >> 32 (Lemire, "Fast Random Integer
    Generation in an Interval", 2019).

    Two halves of 32 bits are enough for large filters. In a small one two keys may share all their positions: this adds
    about 1 / (2 * capacity * slices) to the false positive rate, which is 2e-7 at 131,072 keys and 17 slices. Where a
    rate of 1e-5 matters, size a filter for 100,000 keys at least.
    """

    error_rate: float
    num_slices: int
    bits_per_slice: int
    num_bits: int
    capacity: int
    count: int
    seed: int

    def __init__(self, capacity: int, error_rate: float = 1e-5, seed: int = 0) -> None:
        """`capacity` in distinct keys, `error_rate` at that capacity, `seed`: 64 bits, secret to the deployment."""
        self.seed = seed & _WORD
        super().__init__(capacity, error_rate)

    # -- in batches ------------------------------------------------------------------------------------------------

    def contains(self, keys: Keys) -> NDArray[np.bool_]:
        """For each of n keys: may it have been added? shape (n,) -> (n,). False is certain, True is a maybe."""
        found = np.zeros(len(keys), dtype=np.bool_)
        bits = self._bytes()
        for start in range(0, len(keys), PROBE_BATCH):
            batch = slice(start, start + PROBE_BATCH)
            found[batch][self._survivors(bits, keys[batch])] = True
        return found

    def add_keys(self, keys: Keys) -> int:
        """Add n keys, shape (n,), in any order and with repeats; returns how many were new, and counts those.

        Raises FilterFullError, and adds nothing, when the new keys would exceed the capacity.
        """
        fresh = distinct(keys)
        if self.count:
            fresh = fresh[~self.contains(fresh)]
        if self.count + len(fresh) > self.capacity:
            raise FilterFullError(self.count, len(fresh), self.capacity)
        self._switch_on(fresh)
        self.count += len(fresh)
        return len(fresh)

    def _survivors(self, bits: NDArray[np.uint8], keys: Keys) -> NDArray[np.intp]:
        """Indices of the keys that pass every slice. A slice is asked only about those which passed the one before."""
        x, step = self._halves(keys)
        alive: NDArray[np.intp] | None = None
        for i in range(self.num_slices):
            passed = _lookup(bits, self._positions(x, i)).nonzero()[0]
            alive = passed if alive is None else alive[passed]
            if not len(passed) or i == self.num_slices - 1:
                return alive
            step = step[passed]
            x = x[passed] + step
            if len(passed) <= TAIL:
                return alive[_lookup(bits, self._all_positions(x, step, i + 1)).all(axis=0)]
        raise AssertionError("a filter has at least one slice")

    def _switch_on(self, keys: Keys) -> None:
        """Slice by slice, so that the bytes which are written stay in a cache. Of two keys that meet in one byte one may
        overwrite the other, never what was there before; it is seen to be missing and written again."""
        bits = self._bytes()
        for start in range(0, len(keys), FILL_BATCH):
            x, step = self._halves(keys[start : start + FILL_BATCH])
            for i in range(self.num_slices):
                at = self._positions(x, i)
                where, bit = (at >> _3).view(np.int64), _1 << (at.astype(np.uint8) & _7)
                while len(where):
                    bits[where] |= bit
                    missing = np.flatnonzero((bits.take(where) & bit) == 0)
                    where, bit = where[missing], bit[missing]
                x += step

    def _halves(self, keys: Keys) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        mixed = keys ^ np.uint64(self.seed)
        mixed *= np.uint64(_MULTIPLIER)
        mixed ^= mixed >> _32
        step = (mixed >> _32).astype(np.uint32)
        step |= np.uint32(1)
        return mixed.astype(np.uint32), step

    def _positions(self, x: NDArray[np.uint32], which: int = 0) -> NDArray[np.uint64]:
        """The bit of the whole filter that each x means in slice `which`."""
        at = x.astype(np.uint64)
        at *= np.uint64(self.bits_per_slice)
        at >>= _32
        at += np.uint64(which * self.bits_per_slice)
        return at

    def _all_positions(self, x: NDArray[np.uint32], step: NDArray[np.uint32], first: int) -> NDArray[np.uint64]:
        """The bits of n keys, whose x in slice `first` is given, in that slice and all after it: (slices, n)."""
        ahead = np.arange(self.num_slices - first, dtype=np.uint32)[:, None]
        at = self._positions(x + step * ahead, first)
        at += ahead * np.uint64(self.bits_per_slice)
        return at

    def _bytes(self) -> NDArray[np.uint8]:
        """The bits as bytes, shared. While this view lives the bitarray cannot be resized; nothing here does so."""
        return np.frombuffer(self.bitarray, dtype=np.uint8)

    # -- how full --------------------------------------------------------------------------------------------------

    @property
    def fill(self) -> float:
        """Share of the bits that are on, 0 to 1; about 0.5 at capacity. Counts them, in pieces, so that other threads get
        their turns: some 30 ms for 24 million keys."""
        bits = self._bytes()
        on = sum(int(np.bitwise_count(bits[at : at + COUNT_BYTES]).sum()) for at in range(0, len(bits), COUNT_BYTES))
        return on / self.num_bits

    @property
    def false_positive_rate(self) -> float:
        """The chance that a key which was never added passes every slice, estimated from `fill`."""
        return self.rate_at(self.fill)

    def rate_at(self, fill: float) -> float:
        """The false positive rate at a share of bits that are on."""
        return float(fill**self.num_slices)

    # -- what pybloom-live does key by key, with the same bits ------------------------------------------------------

    def make_hashes(self, key: int) -> Iterator[int]:
        """The key's position within each slice, one by one; the twin of `_halves` and `_positions`."""
        mixed = ((int(key) ^ self.seed) & _WORD) * _MULTIPLIER & _WORD
        mixed ^= mixed >> 32
        x, step = mixed & _HALF, (mixed >> 32) | 1
        for _ in range(self.num_slices):
            yield x * self.bits_per_slice >> 32
            x = (x + step) & _HALF

    def _setup(self, error_rate: float, num_slices: int, bits_per_slice: int, capacity: int, count: int) -> None:
        if bits_per_slice > 1 << 32:
            raise ValueError(f"a slice of {bits_per_slice} bits is beyond the 2^32 that 32-bit halves can reach")
        super()._setup(error_rate, num_slices, bits_per_slice, capacity, count)
        # pybloom-live's hash functions are an attribute of each filter; ours are a method, and no attribute must hide it.
        # (A bound method as an attribute would be a cycle, and megabytes would wait for the collector.)
        del self.__dict__["make_hashes"]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__.copy()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @classmethod
    def fromfile(cls, f: BinaryIO, n: int = -1, seed: int = 0) -> Self:
        """Read what `tofile` wrote. The format is pybloom-live's and has no place for a seed: give the one it had."""
        loaded: Self = super().fromfile(f, n)
        loaded.seed = seed & _WORD
        return loaded

    def copy(self) -> Self:
        """A filter of its own with the same bits, seed and count."""
        twin = type(self)(self.capacity, self.error_rate, self.seed)
        twin.bitarray = self.bitarray.copy()
        twin.count = self.count
        return twin

    def union(self, other: KeyFilter) -> KeyFilter:
        """Both filters' keys. The count is an upper bound: keys in both are counted twice."""
        joined: KeyFilter = super().union(self._kin(other))
        joined.count = self.count + other.count
        return joined

    def intersection(self, other: KeyFilter) -> KeyFilter:
        """Keys of both filters, and some maybes more. The count is an upper bound."""
        common: KeyFilter = super().intersection(self._kin(other))
        common.count = min(self.count, other.count)
        return common

    def _kin(self, other: KeyFilter) -> KeyFilter:
        if not isinstance(other, KeyFilter) or other.seed != self.seed:
            raise ValueError("filters with different seeds have nothing in common: their bits mean different keys")
        return other


def as_keys(values: ArrayLike) -> Keys:
    """Anything array-like as a flat column of 64-bit keys."""
    return np.ascontiguousarray(values, dtype=np.uint64).reshape(-1)


def distinct(keys: Keys) -> Keys:
    """The distinct keys, ascending. (np.unique takes 30 times as long on a column of 1.6 million.)"""
    ordered = np.sort(keys)
    if len(ordered) < 2:
        return ordered
    first = np.empty(len(ordered), dtype=np.bool_)
    first[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def _lookup(bits: NDArray[np.uint8], at: NDArray[np.uint64]) -> NDArray[np.bool_]:
    found = bits.take((at >> _3).view(np.int64))
    found >>= at.astype(np.uint8) & _7
    found &= _1
    return found.view(np.bool_)
