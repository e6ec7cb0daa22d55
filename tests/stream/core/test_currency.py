"""How current an index is: never relied on where it may lack an order, whatever the clock and the log do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.currency import Currency

BEHIND_S = 2.0


def known(*told: tuple[float, dict[int, int], dict[int, int] | None]) -> Currency:
    currency = Currency(BEHIND_S)
    for at_s, ends, indexed in told:
        currency.know(ends, at_s, indexed)
    return currency


@pytest.mark.parametrize(
    ("told", "positions", "now_s", "doubt"),
    [
        ([(10.0, {0: 5, 1: 0}, {0: 5})], {0: 5}, 10.0, None),
        ([(10.0, {0: 5, 1: 0}, {0: 5})], {0: 6, 1: 3}, 10.0, None),
        ([(10.0, {0: 5, 1: 1}, {0: 5})], {0: 5}, 10.0, "behind"),
        ([(10.0, {0: 5}, {0: 5})], {0: 4}, 10.0, "behind"),
        # What came since may be missing for a while, and no longer.
        ([(10.0, {0: 5}, {0: 5}), (11.0, {0: 9}, {0: 5})], {0: 5}, 12.0, None),
        ([(10.0, {0: 5}, {0: 5}), (11.0, {0: 9}, {0: 5})], {0: 5}, 12.5, "behind"),
        ([(10.0, {0: 5}, {0: 5}), (11.0, {0: 9}, {0: 5})], {0: 9}, 12.5, None),
        # Nobody knows how far it ought to be.
        ([], {0: 5}, 10.0, "log_away"),
        ([(10.0, {0: 5}, {0: 5})], {0: 5}, 12.5, "log_away"),
        # It holds nothing at all, were the log as empty.
        ([(10.0, {0: 0}, {})], {}, 10.0, "empty"),
        ([], {}, 10.0, "empty"),
        ([(10.0, {0: 0, 1: 0}, {0: 0})], {0: 0, 1: 0}, 10.0, "empty"),
        # It was further than the log is: the log is another one, until they agree again.
        ([(10.0, {0: 5}, {0: 6})], {0: 6}, 10.0, "other_log"),
        ([(10.0, {0: 5}, {0: 6}), (11.0, {0: 5}, None)], {0: 6}, 11.0, "other_log"),
        ([(10.0, {0: 5}, {0: 6}), (11.0, {0: 7}, {0: 6})], {0: 6}, 11.0, None),
        ([(10.0, {0: 5}, {1: 1})], {0: 5, 1: 1}, 10.0, "other_log"),
    ],
)
def test_S3_2_an_index_is_relied_on_only_where_it_holds_what_the_log_held(
    told: list[tuple[float, dict[int, int], dict[int, int] | None]],
    positions: dict[int, int],
    now_s: float,
    doubt: str | None,
) -> None:
    assert known(*told).doubt(positions, now_s) == doubt


def test_it_tells_the_first_ends_that_were_known() -> None:
    assert Currency(BEHIND_S).first() is None
    assert known((1.0, {0: 3}, {}), (2.0, {0: 9}, {})).first() == {0: 3}


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 4)), min_size=1, max_size=20), st.integers(1, 80), st.floats(0, 3))
def test_no_order_older_than_the_bound_is_ever_missing_where_there_is_no_doubt(
    steps: list[tuple[float, int]], position: int, later_s: float
) -> None:
    """The log grows by steps; its ends are known at each. Without doubt, the index holds all but the bound's last seconds."""
    currency, now_s, end, ends = Currency(BEHIND_S), 0.0, 0, []
    for wait_s, more in steps:
        now_s, end = now_s + wait_s, end + more
        ends.append((now_s, end))
        currency.know({0: end}, now_s, None)
    now_s += later_s
    if currency.doubt({0: position}, now_s) is None:
        assert position >= max((end for at_s, end in ends if at_s < now_s - BEHIND_S), default=0)
