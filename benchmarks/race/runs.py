"""A contestant as the race sees it: it is run over a filled set of topics, and started and stopped for a paced one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from benchmarks.race.course import Filled
from benchmarks.race.figures import Round
from benchmarks.race.ground import Ends
from benchmarks.race.judge import Pair


class ContestError(RuntimeError):
    """A contestant ended, hung or could not be measured; the text says which."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A measured run, and the pairs that it found."""

    round: Round
    pairs: frozenset[Pair]


@dataclass(frozen=True, slots=True)
class Started:
    """A contestant that runs and waits for sightings.

    ``topic`` is the full name of the contract's topic of sightings; hits are read from ``hits_topic`` from ``hits_from`` on,
    each as its pair. ``finish`` waits until everything is handled and returns how many records could not be read; ``stop``
    ends it in any case.
    """

    topic: Callable[[str], str]
    hits_topic: str
    hits_from: Ends
    pair_of: Callable[[bytes], Pair]
    finish: Callable[[], int]
    stop: Callable[[], None]


class Runner(Protocol):
    """One contestant, ready to be run."""

    def rate(self, filled: Filled, number: int) -> Outcome:
        """Run over all that is in the topics, as round ``number``.

        Raises:
            ContestError: it did not come to an end.
        """

    def start(self, count: int, send_first: Callable[[Callable[[str], str]], int]) -> Started:
        """Start it on topics in which ``count`` sightings will come; ``send_first`` puts the first of them there and
        says how many.

        Raises:
            ContestError: it ended at once.
        """
