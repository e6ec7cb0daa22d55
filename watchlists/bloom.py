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

from matchers.native import compiled, inlined

Keys = NDArray[np.uint64]

FILL_BATCH = 1 << 16  # keys; the more, the better they share a slice's cache lines
COUNT_BYTES = 1 << 20  # bytes whose bits are counted at a time

_MULTIPLIER = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, odd: multiplying by it loses nothing
_WORD = (1 << 64) - 1
_HALF = (1 << 32) - 1
_LOW = np.uint64(_HALF)
_32, _3, _ODD, _SEVEN = (np.uint64(number) for number in (32, 3, 1, 7))
_1 = np.uint8(1)


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
        found = np.empty(len(keys), dtype=np.bool_)
        _probe(self._bytes(), keys, np.uint64(self.seed), self.num_slices, self.bits_per_slice, found)
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
        _switch_on(self._bytes(), fresh, np.uint64(self.seed), self.num_slices, self.bits_per_slice)
        self.count += len(fresh)
        return len(fresh)

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
        """The key's position within each slice, one by one; the twin of `_halves` and `_place`."""
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


@inlined
def _halves(key: np.uint64, seed: np.uint64) -> tuple[np.uint64, np.uint64]:
    mixed = (key ^ seed) * np.uint64(_MULTIPLIER)
    mixed ^= mixed >> _32
    return mixed & _LOW, (mixed >> _32) | _ODD


@inlined
def _place(halves: tuple[np.uint64, np.uint64], which: int, width: np.uint64) -> np.uint64:
    """The bit of the whole filter that a key has in slice `which`."""
    number = np.uint64(which)
    return (((halves[0] + number * halves[1]) & _LOW) * width >> _32) + number * width


@compiled
def _probe(
    bits: NDArray[np.uint8], keys: Keys, seed: np.uint64, slices: int, bits_per_slice: int, found: NDArray[np.bool_]
) -> None:
    """`KeyFilter.contains`: a key is let go at the first bit that is off."""
    width = np.uint64(bits_per_slice)
    for number in range(len(keys)):
        halves, maybe = _halves(keys[number], seed), True
        for which in range(slices):
            at = _place(halves, which, width)
            if not (bits[at >> _3] >> np.uint8(at & _SEVEN)) & _1:
                maybe = False
                break
        found[number] = maybe


@compiled
def _switch_on(bits: NDArray[np.uint8], keys: Keys, seed: np.uint64, slices: int, bits_per_slice: int) -> None:
    """Slice by slice for so many keys at a time, so that the bytes which are written stay in a cache."""
    width = np.uint64(bits_per_slice)
    for start in range(0, len(keys), FILL_BATCH):
        end = min(start + FILL_BATCH, len(keys))
        for which in range(slices):
            for number in range(start, end):
                at = _place(_halves(keys[number], seed), which, width)
                bits[at >> _3] |= _1 << np.uint8(at & _SEVEN)
