"""When an endpoint is tested, and what its tests say; under a clock that is moved."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.wire import UnreadableError
from stream.core.delivery import Reason
from stream.core.reachability import (
    AGAIN_AFTER,
    CLAIM,
    Reach,
    ReachRecord,
    ReachStep,
    Rhythm,
    Seen,
    due,
    reach,
    read_record,
    seen_of,
)

START = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
ENDPOINT = "80000000" + "0" * 24
RHYTHM = Rhythm(dt.timedelta(hours=24), dt.timedelta(hours=24))
SECOND = dt.timedelta(seconds=1)


def at(hours: float) -> dt.datetime:
    return START + dt.timedelta(hours=hours)


def record(step: ReachStep, hours: float, test: str = "first", **changes: Any) -> ReachRecord:
    fields = {
        "test_id": test,
        "endpoint": ENDPOINT,
        "court": "440106",
        "level": "handler",
        "channel": "webhook",
        "step": step,
        "at": at(hours),
        "answer_by": at(hours + 24),
        "outcome": Reason.TIMED_OUT if step == "failed" else None,
    }
    return ReachRecord.model_validate(fields | changes)


STATES = [
    ([], 0, Reach.NEVER_TESTED),
    ([record("asked", 0)], 0, Reach.NEVER_TESTED),
    ([record("asked", 0), record("taken", 0.1)], 1, Reach.TAKEN_ONLY),
    ([record("asked", 0), record("taken", 0.1), record("answered", 2)], 3, Reach.ANSWERED),
    ([record("asked", 0), record("taken", 0.1)], 24, Reach.UNANSWERED),
    ([record("asked", 0), record("taken", 0.1), record("answered", 30)], 31, Reach.ANSWERED),
    ([record("asked", 0), record("failed", 0.1)], 1, Reach.FAILING),
    ([record("asked", 0), record("failed", 0.1), record("answered", 0.2)], 1, Reach.ANSWERED),
    ([record("asked", 0), record("failed", 0.1), record("asked", 1), record("taken", 1.1)], 2, Reach.TAKEN_ONLY),
    # Their clock is behind ours.
    ([record("asked", 0), record("taken", 0.1), record("answered", -1)], 48, Reach.ANSWERED),
    # What the test before said stands while the next answer may still come.
    ([record("asked", 0), record("answered", 2), record("asked", 24, "next"), record("taken", 24, "next")], 25, Reach.ANSWERED),
    ([record("asked", 0), record("taken", 0), record("asked", 24, "next"), record("taken", 24, "next")], 25, Reach.UNANSWERED),
    (
        [record("asked", 0), record("answered", 2), record("asked", 24, "next"), record("taken", 24, "next")],
        48,
        Reach.UNANSWERED,
    ),
    ([record("asked", 0), record("answered", 2), record("asked", 24, "next"), record("failed", 24, "next")], 25, Reach.FAILING),
    # An answer to the test before shows as well that somebody reads.
    ([record("asked", 0), record("asked", 24, "next"), record("answered", 25)], 48, Reach.ANSWERED),
]


@pytest.mark.parametrize(("records", "hours", "state"), STATES)
def test_what_tests_say(records: list[ReachRecord], hours: float, state: Reach) -> None:
    assert reach(seen_of(records), at(hours)) is state


@given(st.data())
def test_any_order_and_repeats_say_the_same(data: st.DataObject) -> None:
    records = data.draw(st.sampled_from([records for records, _, _ in STATES if records]))
    shuffled = data.draw(st.permutations(records * 2))
    assert seen_of(shuffled) == seen_of(records)


def sent(seen: Seen, now: dt.datetime) -> str:
    ask = due(ENDPOINT, seen, now, RHYTHM)
    assert ask is not None
    assert ask.answer_by == now + RHYTHM.answer_within
    return ask.test_id


def test_a_period_has_one_test_and_begins_at_a_moment_of_the_endpoint() -> None:
    first = sent(Seen(), at(1))
    taken = [record("asked", 1, first), record("taken", 1, first), record("answered", 2, first)]
    assert due(ENDPOINT, seen_of(taken), at(11.99), RHYTHM) is None
    assert sent(seen_of(taken), at(12)) != first  # the endpoint's digest is halfway through all that there are
    assert {sent(Seen(), at(hours)) for hours in range(-12, 12)} == {first}
    assert due("0" * 32, Seen(), at(1), RHYTHM) != due(ENDPOINT, Seen(), at(1), RHYTHM)


def test_nobody_is_asked_again_while_an_answer_may_still_come() -> None:
    first = sent(Seen(), at(1))
    taken = seen_of([record("asked", 1, first), record("taken", 1, first)])
    assert due(ENDPOINT, taken, at(24.9), RHYTHM) is None
    assert sent(taken, at(25)) != first


def test_a_test_that_failed_is_sent_again_under_its_id_after_a_while() -> None:
    first = sent(Seen(), at(1))
    failed = seen_of([record("asked", 1, first), record("failed", 1, first)])
    assert due(ENDPOINT, failed, at(1) + AGAIN_AFTER - SECOND, RHYTHM) is None
    assert sent(failed, at(1) + AGAIN_AFTER) == first


def test_an_endpoint_that_is_gone_waits_for_the_next_period() -> None:
    first = sent(Seen(), at(1))
    gone = seen_of([record("asked", 1, first), record("failed", 1, first, outcome=Reason.ENDPOINT_GONE)])
    assert due(ENDPOINT, gone, at(11.9), RHYTHM) is None
    assert sent(gone, at(12)) != first
    assert reach(gone, at(2)) is Reach.FAILING


def test_a_test_whose_worker_died_is_sent_again_under_its_id() -> None:
    first = sent(Seen(), at(1))
    begun = seen_of([record("asked", 1, first)])
    assert due(ENDPOINT, begun, at(1) + CLAIM - SECOND, RHYTHM) is None
    assert sent(begun, at(1) + CLAIM) == first


@given(st.lists(st.tuples(st.floats(0.1, 30), st.sampled_from(["answers", "is silent", "fails"])), min_size=1, max_size=12))
def test_whoever_never_answers_is_never_reachable_after_the_first_wait(looks: list[tuple[float, str]]) -> None:
    """However looks and failures fall, only an answer makes an endpoint answered, and silence shows within its time."""
    records: list[ReachRecord] = []
    hours, answered = 0.0, False
    for wait, what in looks:
        hours += wait
        ask = due(ENDPOINT, seen_of(records), at(hours), RHYTHM)
        if ask is not None:
            records.append(record("asked", hours, ask.test_id, answer_by=ask.answer_by))
            records.append(record("failed" if what == "fails" else "taken", hours, ask.test_id))
        if what == "answers":
            records.append(record("answered", hours, records[-1].test_id))
            answered = True
        state = reach(seen_of(records), at(hours))
        assert state is not Reach.ANSWERED or answered
        silent = all(one.step != "answered" and one.step != "failed" for one in records)
        if silent and hours - looks[0][0] >= 24:
            assert state is Reach.UNANSWERED


def test_a_record_that_is_none_is_refused_without_its_values() -> None:
    with pytest.raises(UnreadableError) as refused:
        read_record(b'{"test_id": "secret", "step": "thought of"}')
    assert refused.value.reason == "invalid_reachability"
    assert "secret" not in str(refused.value)
