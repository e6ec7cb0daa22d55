"""Replay gives what the engine gave: for any orders and sightings in any order, at any instant, hits and non-hits alike."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.keys import KeyHasher
from matchers.sighting import Sighting, read_sighting
from stream.core.hit import Hit
from stream.core.replay import (
    Agreement,
    Found,
    LoggedHit,
    OrderRecord,
    OrderThen,
    State,
    held_against,
    replay,
)
from stream.core.resolve import Outcome, judge, resolve
from tests.factory import as_record, person_fields, sighting_fields
from tests.watchlists import orders
from watchlists.columns import mentions
from watchlists.index import Logged, Watchlist
from watchlists.order import read_order
from watchlists.policy import Policy

POLICY = Policy.national()
HASHER = KeyHasher(b"of this test")
BEGAN = dt.datetime(2026, 11, 24, 8, tzinfo=dt.UTC)
PASSPORTS = ("E10000001", "E10000002")
MEASURES = ("judicial_detention", "exit_restriction")
HOUR = dt.timedelta(hours=1)
ASKED_MAX = 3


class Event(NamedTuple):
    """Something that comes to the log: a record of ``orders``, or a sighting."""

    order: bytes | None
    sighting: Sighting | None


def placed(id_: str, version: int, passports: Sequence[str], court: str, measure: str, hours: int | None, action: str) -> bytes:
    fields = json.loads(orders.order(id_, version, passports, court=court, action=action).raw)
    until = None if hours is None else (BEGAN + hours * HOUR).isoformat()
    fields["control"] |= {"until": until}
    if measure == "exit_restriction":
        fields["control"] |= {"until": until or "2027-11-20T00:00:00+08:00", "requirement": "deny_exit"}
        fields["documents"] = [{"kind": "restriction_decision", "sha256": "0" * 64}]
    return as_record(fields | {"measure": measure})


def sighting(kind: str, passport: str, hours: int, number: int) -> Sighting:
    occurred = (BEGAN + hours * HOUR).isoformat()
    fields = sighting_fields(kind, id=f"s/{number}", occurred_at=occurred, person=person_fields(passport, "passport"))
    return read_sighting(as_record(fields))


ids, courts = st.sampled_from(["A", "B", "C"]), st.sampled_from(["440106", "330100"])
placings = st.builds(
    placed,
    ids,
    st.integers(1, 4),
    st.lists(st.sampled_from(PASSPORTS), min_size=1, max_size=2, unique=True),
    courts,
    st.sampled_from(MEASURES),
    st.none() | st.integers(-1, 12),
    st.sampled_from(["place", "amend"]),
)
releases = st.builds(lambda id_, version, court: orders.release(id_, version, court=court).raw, ids, st.integers(2, 5), courts)
seen = st.builds(
    sighting,
    st.sampled_from(["hotel_checkin", "border_crossing"]),
    st.sampled_from(PASSPORTS),
    st.integers(0, 12),
    st.integers(0, 9),
)
events = st.lists(
    (placings | releases).map(lambda raw: Event(raw, None)) | seen.map(lambda one: Event(None, one)), min_size=1, max_size=14
)


class Ran(NamedTuple):
    """What the engine held and said: after each event the orders, and every hit, with what it was found for."""

    records: list[OrderRecord]
    after: list[tuple[dt.datetime, dict[int, int]]]
    verdicts: list[list[tuple[Sighting, dict[str, Outcome]]]]
    hits: list[tuple[Sighting, Hit]]


def ran(of: Sequence[Event]) -> Ran:
    """The pure engine, live: each event in its turn, and after each the answer on some sightings, come or still to come."""
    watchlist, records, at = Watchlist(), [], BEGAN
    positions = {0: 0, 1: 0}
    after, verdicts, hits = [], [], []
    every = [event.sighting for event in of if event.sighting is not None][:ASKED_MAX]
    for event in of:
        at += dt.timedelta(minutes=1)
        if event.order is not None:
            record = read_order(event.order)
            partition = ord(record.id) % 2
            records.append(OrderRecord(partition, positions[partition], at, event.order))
            positions[partition] += 1
            watchlist.apply(Logged(record, event.order))
        elif event.sighting is not None:
            found = resolve(event.sighting, watchlist.candidates(event.sighting.keys()), POLICY, at)
            hits += [(event.sighting, hit) for hit in found]
        after.append((at, dict(positions)))
        verdicts.append([(one, answers(watchlist, one)) for one in every])
    return Ran(records, after, verdicts, hits)


def answers(watchlist: Watchlist, one: Sighting) -> dict[str, Outcome]:
    return {order.id: judge(order, one, POLICY).outcome for order in watchlist.candidates(one.keys())}


def history(records: Sequence[OrderRecord], one: Sighting) -> list[OrderRecord]:
    """All records of the orders that ever held one of the sighting's keys, as the reading of the log finds them."""
    wanted = np.array([HASHER.hash_key(key) for key in one.keys()], np.uint64)
    found = mentions([record.raw for record in records], wanted, HASHER)
    held = set(found.ids[found.holds].tolist())
    return [records[row] for row, id_ in zip(found.rows.tolist(), found.ids.tolist(), strict=True) if id_ in held]


@given(events)
@settings(deadline=None)
def test_the_replay_at_any_instant_is_what_the_engine_said_then(of: list[Event]) -> None:
    live = ran(of)
    for (at, positions), verdicts in zip(live.after, live.verdicts, strict=True):
        for one, expected in verdicts:
            replayed = replay(history(live.records, one), one, POLICY, positions)
            in_place = {then.id: then.judgement for then in replayed if then.state is State.IN_PLACE}
            assert {id_: judged.outcome for id_, judged in in_place.items() if judged is not None} == expected
            assert {then.id for then in replayed if then.is_hit} == {i for i, o in expected.items() if o is Outcome.HIT}
            hits = [hit for seen_, hit in live.hits if seen_ is one]
            for then in replayed:
                finding = against(then, one, [hit for hit in hits if hit.order_id == then.id], at)
                assert finding is not Agreement.DIFFERS
                found = [hit for hit in hits if hit.order_id == then.id and hit.detected_at <= at]
                assert not found or finding is (Agreement.AGREES if then.is_hit else Agreement.NO_MORE)
            assert {hit.order_id for hit in hits} <= {then.id for then in replayed}


def against(then: OrderThen, one: Sighting, hits: Sequence[Hit], at: dt.datetime) -> Agreement:
    found = Found(one, lambda _: POLICY)
    return held_against(then, [LoggedHit(0, n, hit) for n, hit in enumerate(hits)], found, at).agreement


@given(events, st.randoms())
@settings(max_examples=40, deadline=None)
def test_the_partitions_may_be_read_in_any_order(of: list[Event], dice: Any) -> None:
    live = ran(of)
    mixed = list(live.records)
    dice.shuffle(mixed)
    for one in [event.sighting for event in of if event.sighting is not None][:1]:
        for _, positions in live.after:
            assert replay(mixed, one, POLICY, positions) == replay(live.records, one, POLICY, positions)


# One order through its life: placed, amended to another passport, released. A column an instant.
LIFE = (
    placed("A", 1, PASSPORTS[:1], "440106", "judicial_detention", None, "place"),
    placed("A", 2, PASSPORTS[1:], "440106", "judicial_detention", None, "amend"),
    orders.release("A", 3).raw,
)
RECORDS = [OrderRecord(0, n, BEGAN + n * HOUR, raw) for n, raw in enumerate(LIFE)]
STAY = sighting("hotel_checkin", PASSPORTS[0], 0, 1)


def then_at(offset: int, records: Sequence[OrderRecord] = RECORDS) -> OrderThen:
    (then,) = replay(records, STAY, POLICY, {0: offset})
    return then


def hit_then(**changes: Any) -> Hit:
    (hit,) = resolve(STAY, [then_at(3).versions[1]], POLICY, BEGAN)
    return hit.model_copy(update=changes)


@pytest.mark.parametrize(
    ("offset", "state", "is_hit"),
    [(0, State.NOT_YET, False), (1, State.IN_PLACE, True), (2, State.OTHER_KEYS, False), (3, State.RELEASED, False)],
)
def test_an_order_is_as_it_was(offset: int, state: State, is_hit: bool) -> None:
    then = then_at(offset)
    assert (then.state, then.is_hit) == (state, is_hit)
    assert [step.before for step in then.steps] == [n < offset for n in range(3)]
    assert (then.judgement is None) is (offset == 0)
    assert sorted(then.versions) == [1, 2]


def test_a_release_that_came_first_and_what_nobody_can_read_are_told_apart() -> None:
    early = [OrderRecord(0, n, BEGAN, raw) for n, raw in enumerate((LIFE[2], b"{", LIFE[0]))]
    then = then_at(3, early)
    assert (then.state, then.newest, len(then.steps)) == (State.RELEASED_BEFORE_PLACED, None, 2)


@pytest.mark.parametrize(
    ("offset", "hit", "agreement"),
    [
        (1, {}, Agreement.AGREES),
        (1, None, Agreement.MISSING),
        (1, {"detected_at": BEGAN + 9 * HOUR}, Agreement.LATER),
        (0, {"detected_at": BEGAN + 9 * HOUR}, Agreement.LATER),
        (0, None, Agreement.AGREES),
        (2, {}, Agreement.NO_MORE),
        (3, {}, Agreement.NO_MORE),
        (3, None, Agreement.AGREES),
        (1, {"instruction": "none"}, Agreement.DIFFERS),
        (1, {"order_version": 7}, Agreement.DIFFERS),
        (1, {"order_version": 2}, Agreement.DIFFERS),
        (3, {"certainty": "verify"}, Agreement.DIFFERS),
        (1, {"policy_version": "1949"}, Agreement.DIFFERS),
        (1, {"lookback": True}, Agreement.AGREES),
    ],
)
def test_the_log_is_held_against_the_replay(offset: int, hit: dict[str, Any] | None, agreement: Agreement) -> None:
    hits = [] if hit is None else [hit_then(**hit)]
    assert against(then_at(offset), STAY, hits, BEGAN + HOUR) is agreement


def test_the_fields_that_differ_are_named() -> None:
    found = Found(STAY, lambda _: POLICY, ("rule",))
    changed = hit_then(certainty="verify", instruction="none", rule="another")
    finding = held_against(then_at(1), [LoggedHit(0, 0, changed)], found, BEGAN)
    assert finding.differences == ("certainty", "instruction")
    other = sighting("border_crossing", PASSPORTS[1], 0, 1)
    assert held_against(then_at(1), [LoggedHit(0, 0, hit_then())], Found(other, lambda _: POLICY), BEGAN).differences == (
        "outcome",
    )
