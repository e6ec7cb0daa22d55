"""Escalation: one level at a time, in order, and the same answer for the same facts."""

import datetime as dt
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.confirmation import Answer, Confirmation, Meaning, latest
from stream.core.escalation import LEVELS, Due, Escalated, Level, Rest, Why, chain_within, due
from stream.core.notification import DATA, Overdue, overdue_notification
from tests.factory import sighting_fields
from tests.stream.core.confirmations import confirmation, confirmations
from tests.stream.core.hits import AT, hit

WITHIN = dt.timedelta(minutes=10)


def after(minutes: float) -> dt.datetime:
    return AT + dt.timedelta(minutes=minutes)


def told(*levels: tuple[Level, float]) -> list[Escalated]:
    return [Escalated(level, after(minutes)) for level, minutes in levels]


def said(answer: Answer, minute: float, minutes: int | None = None) -> Confirmation:
    return confirmation(answer, at_s=minute * 60, minutes=minutes)


DESK: tuple[Level, float] = ("duty_desk", 12)
TOP: tuple[Level, float] = ("national_command", 60)
CASES: list[tuple[str, float | None, list[Confirmation], list[Escalated], Due | Rest]] = [
    ("nothing delivered", None, [], [], Due(after(10), "duty_desk", Why.NOT_DELIVERED, False)),
    ("no answer", 2, [], [], Due(after(12), "duty_desk", Why.NO_ANSWER, False)),
    ("nor of the duty desk", 2, [], told(DESK), Due(after(22), "enforcement_bureau", Why.NO_ANSWER, False)),
    ("one told late waits as long", 2, [], told(("duty_desk", 50)), Due(after(60), "enforcement_bureau", Why.NO_ANSWER, False)),
    ("to the last", 2, [], told(DESK, ("high_court", 50)), Due(after(60), "national_command", Why.NO_ANSWER, True)),
    ("nobody is above", 2, [], told(DESK, TOP), Rest(Why.TOP_REACHED)),
    *((f"{answer} ends it", 2.0, [said(answer, 5)], told(DESK), Rest(Why.ANSWERED)) for answer in (
        "acknowledged", "taking_over", "not_same", "executed")),
    ("answered at the top", 2, [said("executed", 90)], told(DESK, TOP), Rest(Why.ANSWERED)),
    ("asks for time", 2, [said("needs_minutes", 5, 30)], [], Due(after(35), "duty_desk", Why.TIME_ASKED_FOR_PASSED, False)),
    ("asks for less than there is", 2, [said("needs_minutes", 3, 5)], [], Due(after(12), "duty_desk", Why.NO_ANSWER, False)),
    ("asks the desk for time", 2, [said("needs_minutes", 15, 30)], told(DESK),
     Due(after(45), "enforcement_bureau", Why.TIME_ASKED_FOR_PASSED, False)),
    ("cannot act", 2, [said("cannot_act", 5)], [], Due(after(5), "duty_desk", Why.CANNOT_ACT, False)),
    ("which is said once", 2, [said("cannot_act", 12)], told(DESK), Due(after(22), "enforcement_bureau", Why.NO_ANSWER, False)),
    ("nor can the desk", 2, [said("cannot_act", 5), said("cannot_act", 13)], told(DESK),
     Due(after(13), "enforcement_bureau", Why.CANNOT_ACT, False)),
    ("cannot, then takes over", 2, [said("cannot_act", 5), said("taking_over", 6)], [], Rest(Why.ANSWERED)),
    ("takes over, then cannot", 2, [said("taking_over", 5), said("cannot_act", 6)], [],
     Due(after(6), "duty_desk", Why.CANNOT_ACT, False)),
]  # fmt: skip


@pytest.mark.parametrize(("case", "delivered", "answers", "escalated", "expected"), CASES, ids=[case[0] for case in CASES])
def test_who_is_due(
    case: str, delivered: float | None, answers: list[Confirmation], escalated: list[Escalated], expected: Due | Rest
) -> None:
    assert due(AT, None if delivered is None else after(delivered), WITHIN, answers, escalated) == expected


def test_nobody_waits_for_a_desk_that_is_not_there() -> None:
    chain: tuple[Level, ...] = ("handler", "high_court")
    assert due(AT, AT, WITHIN, [], [], chain) == Due(after(10), "high_court", Why.NO_ANSWER, True)
    assert due(AT, AT, WITHIN, [], told(("high_court", 10)), chain) == Rest(Why.TOP_REACHED)
    assert due(AT, AT, WITHIN, [], [], ()) == Rest(Why.TOP_REACHED)


escalations = st.lists(
    st.builds(Escalated, st.sampled_from(LEVELS), st.integers(0, 7200).map(lambda s: AT + dt.timedelta(seconds=s))), max_size=6
)
deliveries = st.none() | st.integers(0, 3600).map(lambda s: AT + dt.timedelta(seconds=s))
waits = st.integers(1, 60).map(lambda minutes: dt.timedelta(minutes=minutes))


@given(deliveries, waits, st.lists(confirmations(), max_size=5), escalations, st.integers(0, 1 << 30))
def test_any_order_and_repeats_of_the_same_facts_give_the_same(
    delivered_at: dt.datetime | None, within: dt.timedelta, answers: list[Any], escalated: list[Any], seed: int
) -> None:
    dice = random.Random(seed)

    def mixed(facts: list[Any]) -> list[Any]:
        repeated = [*facts, *dice.choices(facts, k=3)] if facts else []
        dice.shuffle(repeated)
        return repeated

    facts = (AT, delivered_at, within)
    assert due(*facts, mixed(answers), mixed(escalated)) == due(*facts, answers, escalated)


@given(deliveries, waits, st.lists(confirmations(), max_size=5), st.lists(st.integers(0, 900), max_size=8))
def test_levels_are_told_one_by_one_upwards_each_once_and_never_before_they_are_due(
    delivered_at: dt.datetime | None, within: dt.timedelta, answers: list[Confirmation], late_s: list[int]
) -> None:
    """A worker that does what is due, sooner or later, comes to rest within as many steps as there are levels."""
    escalated: list[Escalated] = []
    for step in range(len(LEVELS)):
        found = due(AT, delivered_at, within, answers, escalated)
        if isinstance(found, Rest):
            break
        assert LEVELS.index(found.level) == step + 1
        assert found.is_last == (found.level == LEVELS[-1])
        if escalated:
            assert found.at > escalated[-1].at
        now = found.at + dt.timedelta(seconds=late_s[step] if step < len(late_s) else 0)
        escalated.append(Escalated(found.level, now))
    end = due(AT, delivered_at, within, answers, escalated)
    answer = latest(answers)
    assert end == Rest(Why.ANSWERED if answer is not None and answer.meaning is Meaning.ENDS else Why.TOP_REACHED)


@given(deliveries, waits, st.lists(confirmations(), max_size=5), escalations)
def test_an_answer_that_asks_for_time_never_brings_the_next_level_nearer(
    delivered_at: dt.datetime | None, within: dt.timedelta, answers: list[Confirmation], escalated: list[Escalated]
) -> None:
    silent = due(AT, delivered_at, within, [], escalated)
    newest = latest(answers)
    asked = due(AT, delivered_at, within, answers, escalated)
    if isinstance(silent, Due) and newest is not None and newest.meaning is Meaning.PROLONGS:
        assert isinstance(asked, Due)
        assert asked.at >= silent.at


def test_an_overdue_event_tells_who_waits_for_what_and_nothing_of_the_person() -> None:
    event = overdue_notification(
        hit(),
        "enforcement_bureau",
        Why.NO_ANSWER,
        planned_at=AT,
        delivered_at=after(2),
        respond_within=WITHIN,
        escalated=told(DESK),
        at=after(22),
    )
    data = DATA[event.type].model_validate(event.data)
    assert isinstance(data, Overdue)
    assert (event.subject, data.waiting_since, data.respond_within_s) == (hit().id, after(2), 600)
    assert [(one.level, one.at) for one in data.told_before] == [("handler", after(2)), ("duty_desk", after(12))]
    body = event.body().decode()
    assert "王伟" not in body
    assert sighting_fields()["person"]["document"]["number"] not in body


def test_each_level_has_one_event_of_a_hit_whenever_it_is_sent() -> None:
    def event_id(level: Level, at: dt.datetime) -> str:
        notification = overdue_notification(
            hit(), level, Why.NO_ANSWER, planned_at=AT, delivered_at=None, respond_within=WITHIN, at=at
        )
        return notification.id

    assert len({event_id(level, at) for level in LEVELS for at in (AT, after(5))}) == len(LEVELS)


@pytest.mark.parametrize(
    ("has", "province", "chain"),
    [
        (LEVELS[1:], ("duty_desk", "national_command"), ("duty_desk", "national_command")),
        (LEVELS[1:], LEVELS[1:], LEVELS[1:]),
        (("duty_desk", "high_court"), ("national_command",), ("high_court",)),
        (("duty_desk",), ("national_command",), ("duty_desk",)),
        ((), LEVELS[1:], ()),
    ],
)
def test_S5_3_a_province_passes_levels_over_and_news_climbs_as_high(
    has: tuple[Level, ...], province: tuple[str, ...], chain: tuple[Level, ...]
) -> None:
    assert chain_within(has, province) == chain


def test_S3_4_what_no_court_answers_comes_to_the_national_command() -> None:
    """Whatever levels a court has and its province passes over: silence climbs to the command, and no further."""
    for has in (LEVELS, ("handler", "national_command"), ("handler", "high_court", "national_command")):
        for passed_over in (set[str](), {"duty_desk"}, set(LEVELS)):
            chain = chain_within(has, set(LEVELS) - passed_over)
            escalated: list[Escalated] = []
            while isinstance(found := due(AT, AT, WITHIN, [], escalated, chain), Due):
                escalated.append(Escalated(found.level, found.at))
                last = found
            assert (last.level, last.is_last, found) == ("national_command", True, Rest(Why.TOP_REACHED))
