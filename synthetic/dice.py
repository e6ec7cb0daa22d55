"""Chance without state: the same seed and the same place in the world always give the same choice.

Everything in the synthetic world is a function of (seed, kind of thing, number). So it can be made in any order, by any
number of processes, in bounded memory.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

_PLACE_BYTES: Final = 24  # seed, number and salt
_WORD_MAX: Final = (1 << 64) - 1


class Dice:
    """Chance for one thing of the world, handed out in small pieces; more is made when 500 bits are used up."""

    __slots__ = ("_bits", "_hash")

    def __init__(self, seed: int, thing: bytes, number: int, salt: int = 0) -> None:
        """`thing` names the kind of thing, at most 16 bytes; two kinds never share their chance."""
        place = (seed & _WORD_MAX) | number << 64 | salt << 128
        self._hash = hashlib.blake2b(place.to_bytes(_PLACE_BYTES, "little"), person=thing)
        self._bits = int.from_bytes(self._hash.digest(), "little")

    def below(self, n: int) -> int:
        """A number from 0 to n - 1."""
        if self._bits < n:
            self._hash.update(b"more")
            self._bits = int.from_bytes(self._hash.digest(), "little")
        self._bits, value = divmod(self._bits, n)
        return value

    def chance(self, percent: int) -> bool:
        return self.below(100) < percent

    def of(self, things: Sequence[T]) -> T:
        return things[self.below(len(things))]

    def word(self, letters: str, length: int) -> str:
        """So many of the letters, in one draw."""
        base = len(letters)
        value = self.below(base**length)
        word = ""
        for _ in range(length):
            value, letter = divmod(value, base)
            word += letters[letter]
        return word


class Shuffle:
    """A bijection of 0..size-1 onto itself, looked up one by one: different numbers give different places.

    An affine map, so neighbours land far apart; that is all the disorder that identifiers need.
    """

    __slots__ = ("_offset", "_step", "size")

    def __init__(self, seed: int, thing: bytes, size: int) -> None:
        dice = Dice(seed, thing, size)
        self.size = size
        self._offset = dice.below(size)
        step = size // 3 + dice.below(size // 3)
        while math.gcd(step, size) != 1:
            step += 1
        self._step = step

    def __call__(self, number: int) -> int:
        """The place of a number.

        Raises:
            ValueError: there are no more places; going on would repeat one.
        """
        if not 0 <= number < self.size:
            raise ValueError(f"number {number} is outside a space of {self.size}")
        return (number * self._step + self._offset) % self.size
