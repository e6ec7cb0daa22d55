"""An offset is in force everywhere when the index and every live lease have passed it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchlists.force import STEPS_MAX, Passed, Progress, in_force_everywhere

positions = st.dictionaries(st.integers(0, 3), st.integers(0, 9), max_size=4)
leases = st.lists(positions, max_size=4)


@pytest.mark.parametrize(
    ("leases", "index", "everywhere"),
    [
        ([], {0: 5}, {}),
        ([{0: 5}], {}, {}),
        ([{0: 3}], {0: 5}, {0: 3}),
        ([{0: 7}], {0: 5}, {0: 5}),
        ([{0: 3, 1: 9}, {0: 4, 1: 2}], {0: 5, 1: 5}, {0: 3, 1: 2}),
        ([{0: 3}, {}], {0: 5}, {0: 0}),
    ],
)
def test_cases(leases: list[dict[int, int]], index: dict[int, int], everywhere: dict[int, int]) -> None:
    assert in_force_everywhere(leases, index) == everywhere


@given(leases=leases, index=positions, partition=st.integers(0, 3), offset=st.integers(1, 9))
def test_nothing_is_in_force_that_anybody_has_not_applied(
    leases: list[dict[int, int]], index: dict[int, int], partition: int, offset: int
) -> None:
    in_force = in_force_everywhere(leases, index).get(partition, 0) >= offset
    assert in_force == (bool(leases) and all(held.get(partition, 0) >= offset for held in (index, *leases)))


@given(leases=leases, other=positions, index=positions)
def test_one_more_lease_never_puts_more_in_force(
    leases: list[dict[int, int]], other: dict[int, int], index: dict[int, int]
) -> None:
    if leases:
        before, after = in_force_everywhere(leases, index), in_force_everywhere([*leases, other], index)
        assert all(after[partition] <= before[partition] for partition in before)


def at(second: int) -> dt.datetime:
    return dt.datetime(2026, 11, 24, tzinfo=dt.UTC) + dt.timedelta(seconds=second)


def test_the_last_worker_to_pass_is_named() -> None:
    progress = Progress()
    progress.see("a", {0: 5, 1: 1}, at(1))
    progress.see("b", {0: 2}, at(1))
    progress.see("b", {0: 5}, at(3))
    progress.see("a", {0: 9, 1: 1}, at(4))
    assert progress.last(0, 2) in (Passed("a", at(1)), Passed("b", at(1)))
    assert progress.last(0, 3) == Passed("b", at(3))
    assert progress.last(0, 6) == Passed("a", at(4))
    assert progress.last(0, 10) is None
    progress.forget({0: 5}, ["a"])
    assert progress.last(0, 5) == Passed("a", at(1))
    assert progress.last(2, 1) is None


def test_a_worker_that_began_anew_passes_anew() -> None:
    progress = Progress()
    progress.see("a", {0: 5}, at(1))
    progress.see("a", {0: 1}, at(2))
    assert progress.last(0, 5) is None
    progress.see("a", {0: 7}, at(3))
    assert progress.last(0, 5) == Passed("a", at(3))


def test_what_is_remembered_of_a_worker_is_bounded() -> None:
    progress = Progress()
    for offset in range(1, STEPS_MAX + 10):
        progress.see("a", {0: offset}, at(offset))
    assert progress.last(0, 5) == Passed("a", at(5))
    assert progress.last(0, STEPS_MAX + 3) == Passed("a", at(STEPS_MAX + 9))


looks = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), max_size=30)


@given(looks=looks, offset=st.integers(1, 30), forgotten=st.lists(st.integers(0, 29)))
def test_the_last_is_the_last_as_when_every_step_is_remembered(
    looks: list[tuple[str, int]], offset: int, forgotten: list[int]
) -> None:
    progress, came = Progress(), {"a": 0, "b": 0}
    passed: dict[str, dt.datetime] = {}
    for second, (worker, more) in enumerate(looks):
        came[worker] += more
        progress.see(worker, {0: came[worker]}, at(second))
        if came[worker] >= offset:
            passed.setdefault(worker, at(second))
        if second in forgotten:
            progress.forget({0: min(offset, *came.values())}, "ab")
    last = progress.last(0, offset)
    assert (last.at if last else None) == max(passed.values(), default=None)
