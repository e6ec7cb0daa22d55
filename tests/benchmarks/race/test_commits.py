"""Where a run of the engine begins and ends."""

from __future__ import annotations

import pytest

from benchmarks.race.commits import Sample, span
from benchmarks.race.runs import ContestError

RUN = [
    Sample(at, done, cpu)
    for at, done, cpu in ((0.0, 0, 1.0), (1.0, 100, 2.0), (2.0, 100, 3.0), (3.0, 600, 4.0), (4.0, 1000, 5.0), (5.0, 1000, 5.5))
]


def test_a_run_begins_with_a_commit_and_ends_with_the_last() -> None:
    assert span(RUN, 1000, not_before=0.0, not_until=0.0) == (RUN[1], RUN[4])


def test_it_does_not_begin_before_everybody_is_there() -> None:
    assert span(RUN, 1000, not_before=1.5, not_until=0.0)[0] == RUN[3]


def test_it_does_not_end_before_the_last_hit_is_stored() -> None:
    assert span(RUN, 1000, not_before=0.0, not_until=4.5)[1] == RUN[5]


def test_what_was_done_too_soon_is_not_measured() -> None:
    with pytest.raises(ContestError, match="more --sightings"):
        span(RUN, 1000, not_before=3.5, not_until=0.0)
