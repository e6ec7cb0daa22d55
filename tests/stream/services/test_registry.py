"""What of a partition is committed when questions are answered out of order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.services.registry import Done


@given(st.permutations(list(range(12))))
def test_a_partition_is_committed_up_to_the_first_that_is_not_done(order: list[int]) -> None:
    done, finished, committed = Done(), set(), 0
    for offset in range(12):
        done.came(0, offset * 3)
    for offset in order:
        finished.add(offset)
        moved = done.done(0, offset * 3)
        first_open = next((n for n in range(12) if n not in finished), 12)
        if moved is not None:
            assert moved == (first_open - 1) * 3 + 1
            committed = first_open
        assert committed == first_open
    assert done.done(1, 5) is None


def test_a_partition_that_was_given_away_commits_nothing() -> None:
    done = Done()
    done.came(0, 7)
    done.forget(0)
    assert done.done(0, 7) is None
