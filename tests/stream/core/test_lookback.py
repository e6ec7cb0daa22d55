"""What a pass searches, how it counts, and when it rests."""

from __future__ import annotations

import datetime as dt
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.lookback import (
    LAG_FREE,
    MARGIN,
    Arrived,
    Fate,
    Pass,
    Stretch,
    begin,
    fate,
    lag_s,
    rest_s,
    stretches,
)
from tests.watchlists import orders
from watchlists.index import MemoryIndex, Standing
from watchlists.lifecycle import UNKNOWN
from watchlists.order import Order, read_order

NOW = dt.datetime(2026, 11, 24, 14, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SINCE = NOW - 72 * HOUR
offsets = st.integers(0, 2**40)


def controlled(from_: dt.datetime, until: dt.datetime | None = None, version: int = 1) -> Order:
    fields = json.loads(orders.order("A", version, ["E1"]).raw)
    fields["control"] = {"from": from_.isoformat(), "until": until and until.isoformat()}
    order = read_order(json.dumps(fields).encode())
    assert isinstance(order, Order)
    return order


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (controlled(SINCE - 1000 * HOUR), Fate.SOUGHT),
        (controlled(NOW), Fate.SOUGHT),
        (controlled(NOW + MARGIN), Fate.SOUGHT),
        (controlled(NOW + 2 * MARGIN), Fate.BEGINS_LATER),
        (controlled(SINCE - 9 * HOUR, SINCE), Fate.SOUGHT),
        (controlled(SINCE - 9 * HOUR, SINCE - MARGIN), Fate.ENDED_BEFORE),
        (controlled(NOW, version=2), Fate.AMENDED),
        (None, Fate.NOT_IN_PLACE),
    ],
)
def test_an_order_in_place_whose_period_meets_what_is_retained_is_sought(order: Order | None, expected: Fate) -> None:
    assert fate(Arrived("A", 1), Standing(UNKNOWN, order), SINCE, NOW) is expected


async def test_what_the_index_holds_decides() -> None:
    index = MemoryIndex()
    await index.apply(0, 0, 2, [orders.order("A", 1, ["E1"]), orders.release("A", 2)])
    standings = (await index.standings(["A"])).of
    assert fate(Arrived("A", 1), standings["A"], SINCE, NOW) is Fate.NOT_IN_PLACE


@given(st.lists(st.integers(-200, 200), min_size=1))
def test_a_pass_begins_before_every_control_period_or_where_nothing_is_retained(hours: list[int]) -> None:
    found = begin([controlled(NOW + hour * HOUR) for hour in hours], SINCE)
    assert found >= SINCE
    assert found == SINCE or found == NOW + min(hours) * HOUR - MARGIN


@given(st.dictionaries(st.integers(0, 9), st.tuples(offsets, offsets)))
def test_stretches_hold_all_from_start_to_end_and_nothing_else(bounds: dict[int, tuple[int, int]]) -> None:
    starts = {partition: start for partition, (start, _) in bounds.items()}
    found = stretches(starts, {partition: end for partition, (_, end) in bounds.items()})
    assert {partition: (one.next, one.stop) for partition, one in found.items()} == {
        partition: pair for partition, pair in bounds.items() if pair[0] < pair[1]
    }


@given(st.lists(st.tuples(offsets, offsets, offsets).map(sorted)))
def test_a_pass_is_done_when_every_stretch_is_and_survives_being_written(cut: list[list[int]]) -> None:
    of = {partition: Stretch(*three) for partition, three in enumerate(cut)}
    whole = Pass({0: (3, 9), 1: (0, 0)}, NOW, NOW, 2, {"sightings.hotel": of})
    assert (whole.share_done == 1) == (whole.left == 0) or whole.left < whole.total * 1e-15
    assert bool(list(whole.stretches())) == bool(whole.left)
    assert whole.positions() == {0: 9, 1: 0}
    assert msgspec.json.decode(msgspec.json.encode(whole), type=Pass) == whole


@given(st.floats(0, 1e3), st.floats(0, 1e3), st.floats(0.01, 1))
def test_with_its_rest_a_pass_takes_its_share_and_no_more(cpu_s: float, wall_s: float, share: float) -> None:
    rest = rest_s(cpu_s, wall_s, share)
    assert rest >= 0
    assert cpu_s <= (wall_s + rest) * share * (1 + 1e-9) + 1e-12


@pytest.mark.parametrize(
    ("lag", "arrived", "over_s", "expected"),
    [
        (LAG_FREE, 0, 1.0, 0.0),
        (LAG_FREE + 1, 0, 1.0, float("inf")),
        (100_000, 50_000, 1.0, 2.0),
        (100_000, 50_000, 2.0, 4.0),
    ],
)
def test_a_lag_is_told_in_seconds_of_arrivals(lag: int, arrived: int, over_s: float, expected: float) -> None:
    assert lag_s(lag, arrived, over_s) == expected
