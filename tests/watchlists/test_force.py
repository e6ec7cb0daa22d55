"""An offset is in force everywhere when the index and every live lease have passed it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchlists.force import in_force_everywhere

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
