"""A fast wrong answer is a failure."""

from __future__ import annotations

import datetime as dt

from benchmarks.race.judge import Pair, Truth, failures
from synthetic.world import World

PAIRS = frozenset(Pair(f"ZX-{number}", "440106-H-0012", f"s-{number}") for number in range(3))
TRUTH = Truth(PAIRS, unreadable=5)


def test_the_truth_and_nothing_else_is_right() -> None:
    assert failures(TRUTH, set(PAIRS), unreadable=5) == []


def test_a_missed_pair_is_named() -> None:
    (missed,) = failures(TRUTH, set(PAIRS) - {Pair("ZX-1", "440106-H-0012", "s-1")}, unreadable=5)
    assert missed == "1 missed of 3 pairs: ZX-1 in s-1"


def test_a_false_pair_is_named() -> None:
    """The sighting is right, the order is another one's."""
    (false,) = failures(TRUTH, PAIRS | {Pair("ZX-9", "440106-H-0012", "s-1")}, unreadable=5)
    assert false == "1 false of 3 pairs: ZX-9 in s-1"


def test_unreadable_records_are_counted() -> None:
    assert failures(TRUTH, set(PAIRS), unreadable=4) == ["4 records taken for unreadable, 5 are"]


def test_no_more_than_a_few_are_named() -> None:
    (missed,) = failures(Truth(frozenset(Pair(f"ZX-{n}", "a", "b") for n in range(99)), 0), set(), unreadable=0)
    assert missed.startswith("99 missed of 99 pairs: ")
    assert missed.count("ZX-") == 3


def test_the_truth_is_what_the_world_tells() -> None:
    sightings = list(
        World(3, orders=200, at=dt.datetime(2026, 11, 24, tzinfo=dt.UTC)).sightings(2000, hit_ratio=0.02, dirtiness=0.1)
    )
    truth = Truth.of(sightings)

    assert truth.unreadable == sum(sighting.defect is not None for sighting in sightings) > 0
    assert len(truth.pairs) == sum(len(sighting.expected) for sighting in sightings) > 0
