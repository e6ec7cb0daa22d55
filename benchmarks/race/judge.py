"""Found against expected: a fast wrong answer is a failure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass
from typing import Final, NamedTuple

from synthetic.crowd import SyntheticSighting

_SHOWN: Final = 3


class Pair(NamedTuple):
    """A hit, by what identifies it."""

    order_id: str
    station_code: str
    sighting_id: str


@dataclass(frozen=True, slots=True)
class Truth:
    """What a set of sightings must bring: the pairs that hit, and how many records nobody can read."""

    pairs: frozenset[Pair]
    unreadable: int

    @classmethod
    def of(cls, sightings: Iterable[SyntheticSighting]) -> Truth:
        """The truth that the world tells about them."""
        pairs: set[Pair] = set()
        unreadable = 0
        for sighting in sightings:
            pairs.update(pairs_of(sighting))
            unreadable += sighting.defect is not None
        return cls(frozenset(pairs), unreadable)


def pairs_of(sighting: SyntheticSighting) -> list[Pair]:
    return [Pair(pair.order_id, pair.station, pair.sighting_id) for pair in sighting.expected]


def failures(truth: Truth, found: Set[Pair], unreadable: int) -> list[str]:
    """What is wrong with an answer, in words; nothing, where nothing is. Repeats are allowed: ``found`` is a set."""
    wrong = []
    for word, pairs in (("missed", truth.pairs - found), ("false", found - truth.pairs)):
        if pairs:
            wrong.append(f"{len(pairs)} {word} of {len(truth.pairs)} pairs: {_shown(pairs)}")
    if unreadable != truth.unreadable:
        wrong.append(f"{unreadable} records taken for unreadable, {truth.unreadable} are")
    return wrong


def _shown(pairs: Collection[Pair]) -> str:
    first = ", ".join(f"{pair.order_id} in {pair.sighting_id}" for pair in sorted(pairs)[:_SHOWN])
    return first + (" …" if len(pairs) > _SHOWN else "")
