"""A stream of sightings: the crowd, and among it, at stated ratios, those who are wanted and those who nearly are."""

from __future__ import annotations

import random
import sys
from array import array
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from synthetic.casts import Director
from synthetic.clock import rfc3339
from synthetic.crowd import Crowd, SyntheticSighting
from synthetic.places import KINDS, SOURCES

DEFAULT_MIX: Final[Mapping[str, float]] = {
    "hotel_checkin": 0.45,
    "border_crossing": 0.10,
    "vehicle_inspection": 0.20,
    "identity_check": 0.25,
}
STREAMS_MAX: Final = 1 << 16
_CHUNK: Final = 1 << 12  # sightings whose chance is drawn at once
_CERTAIN: Final = 1 << 24
_WHEEL: Final = 256


class Ratios(NamedTuple):
    """Shares of a stream, from 0 to 1: `hits` have an expected pair, `near_misses` look like it, `dirty` are the crowd's
    (and, apart from that, the wanted's) badly written records.
    """

    hits: float
    near_misses: float
    dirty: float

    def checked(self) -> Ratios:
        """Itself.

        Raises:
            ValueError: a share is below 0, or they are above 1 together.
        """
        if min(self) < 0 or sum(self) > 1:
            raise ValueError(f"hit, near-miss and dirty shares must be 0 to 1, also together; they are {tuple(self)}")
        return self


def wheel(mix: Mapping[str, float]) -> list[int]:
    """256 places in SOURCES, each kind as often as its share says.

    Raises:
        ValueError: an unknown kind, or no positive share.
    """
    unknown = sorted(set(mix) - set(KINDS))
    total = sum(mix.values())
    if unknown or total <= 0 or min(mix.values()) < 0:
        raise ValueError(f"a mix gives kinds of {', '.join(KINDS)} shares above 0; this one is {dict(mix)}")
    places: list[int] = []
    reached = 0.0
    for index, kind in enumerate(KINDS):
        reached += mix.get(kind, 0) / total
        places += [index] * (round(reached * _WHEEL) - len(places))
    return places


def stream_sightings(
    seed: int, crowd: Crowd, director: Director, count: int, ratios: Ratios, at: int, rate: float, places: list[int]
) -> Iterator[SyntheticSighting]:
    """`count` sightings, `rate` of them a second of the world's time, from `at` on.

    All state is a chunk of random numbers: memory does not grow.
    """
    makers = [crowd.maker(source, director.stream) for source in SOURCES]
    hit_below = round(ratios.hits * _CERTAIN)
    near_below = hit_below + round(ratios.near_misses * _CERTAIN)
    special_below = near_below + round(ratios.dirty * _CERTAIN)
    chance = random.Random(f"chakong {seed} {director.stream}")
    moment, turn, local = at, 0, b""
    for start in range(0, count, _CHUNK):
        size = min(_CHUNK, count - start)
        lots, words = _numbers(chance, "I", size), _numbers(chance, "Q", 2 * size)
        for i in range(size):
            number = start + i
            if number >= turn:
                moment = at + int(number / rate)
                turn = max(number + 1, int((moment - at + 1) * rate))
                local = rfc3339(moment)[:-6].encode()
            lot = lots[i]
            place = places[lot & 255]
            lot >>= 8
            if lot >= special_below:
                yield makers[place](number, local, words[2 * i], words[2 * i + 1])
            elif lot < hit_below:
                yield director.hit(SOURCES[place], number, moment)
            elif lot < near_below:
                yield director.near_miss(SOURCES[place], number, moment)
            else:
                yield director.dirty(SOURCES[place], number, local, words[2 * i])


def _numbers(chance: random.Random, code: str, count: int) -> array[int]:
    numbers = array(code)
    numbers.frombytes(chance.randbytes(count * numbers.itemsize))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
