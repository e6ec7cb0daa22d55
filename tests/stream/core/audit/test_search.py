"""Pages of the audit log: whatever lies where, every record that is sought is told once, and in its order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.audit.fault import Stored
from stream.core.audit.search import Page, Sought, Stretch, page_of
from tests.stream.core.audit.logs import AT

Log = Mapping[int, list[Stored]]


def record(second: int, who: str = "440106", **entry: object) -> bytes:
    operation = {"who": {"kind": "court", "id": who}, "operation": "get_hit", "outcome": "done", "request_id": "r", **entry}
    return msgspec.json.encode({"at": AT + dt.timedelta(seconds=second), "kind": "operation", "operation": operation})


def page(log: Log, positions: Mapping[int, int], sought: Sought, limit: int, share: int) -> Page:
    """A page as a reader would have it that takes ``share`` records of each partition."""
    left = {
        partition: [one for one in stored if one.offset >= positions.get(partition, 0)] for partition, stored in log.items()
    }
    stretches = {
        partition: Stretch(rest[:share], rest[share].offset if len(rest) > share else 10_000, len(rest) <= share)
        for partition, rest in left.items()
    }
    return page_of(stretches, sought, limit)


SECONDS = st.lists(st.integers(0, 20), max_size=12)


@given(st.lists(SECONDS, min_size=1, max_size=3), st.integers(1, 5), st.integers(1, 6), st.integers(1, 3))
def test_S5_2_pages_tell_every_record_once_whatever_their_size(
    times: list[list[int]], limit: int, share: int, step: int
) -> None:
    log = {
        partition: [Stored(partition, number * step, None, record(second)) for number, second in enumerate(seconds)]
        for partition, seconds in enumerate(times)
    }
    told: list[bytes] = []
    positions: dict[int, int] = {}
    for _ in range(100):
        found = page(log, positions, Sought(), limit, share)
        assert len(found.records) <= limit
        told += found.records
        if not found.more:
            break
        assert found.positions != positions
        positions = found.positions
    assert sorted(told) == sorted(one.value for stored in log.values() for one in stored)


@given(st.lists(st.lists(st.integers(0, 20), max_size=12).map(sorted), min_size=1, max_size=3), st.integers(1, 6))
def test_S5_2_what_lies_in_order_is_told_in_order(times: list[list[int]], share: int) -> None:
    log = {
        partition: [Stored(partition, number, None, record(second)) for number, second in enumerate(seconds)]
        for partition, seconds in enumerate(times)
    }
    seen: list[str] = []
    positions: dict[int, int] = {}
    while True:
        found = page(log, positions, Sought(), 4, share)
        seen += [msgspec.json.decode(one)["at"] for one in found.records]
        if not found.more:
            break
        positions = found.positions
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("sought", "expected"),
    [
        (Sought(), {0, 1, 2, 3}),
        (Sought(who="310101"), {1}),
        (Sought(operation="put_order"), {2}),
        (Sought(outcome="refused"), {3}),
        (Sought(object="h-1"), {2}),
        (Sought(since=AT + dt.timedelta(seconds=2)), {2, 3}),
        (Sought(until=AT + dt.timedelta(seconds=2)), {0, 1}),
        (Sought(who="310101", outcome="refused"), set()),
    ],
)
def test_S5_2_only_what_fits_is_told(sought: Sought, expected: set[int]) -> None:
    records = [
        record(0),
        record(1, "310101"),
        record(2, operation="put_order", object={"kind": "hit", "id": "h-1"}),
        record(3, outcome="refused"),
        msgspec.json.encode({"at": AT, "kind": "checkpoint"}),
        b"no record",
        b"\xff",
    ]
    stretch = Stretch([Stored(0, number, None, raw) for number, raw in enumerate(records)], 7, whole=True)
    found = page_of({0: stretch}, sought, 10)
    assert (found.records, found.more) == ([records[number] for number in sorted(expected)], False)


def test_S5_2_a_stretch_that_brought_nothing_yet_is_waited_for() -> None:
    brought = Stretch([Stored(0, 5, None, record(0))], 6, whole=True)
    assert page_of({0: brought, 1: Stretch([], 3, whole=False)}, Sought(), 10) == Page([], {0: 5, 1: 3}, more=True)
