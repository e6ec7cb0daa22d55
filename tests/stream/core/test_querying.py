"""Odd querying against a naive count of the same questions, and what is said of it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.incident import IncidentKind
from stream.core.querying import CHINA, Asked, Limits, Oddity, Querying

DAY = dt.timedelta(days=1)
LIMITS = Limits(DAY, by_credential=5, off_hours_by_credential=2, askers_of_subject=2, opens_hour=7, closes_hour=21)
TUESDAY = dt.datetime(2026, 11, 24, 9, 0, tzinfo=CHINA)


def asked(
    number: int, at: dt.datetime = TUESDAY, credential: str = "a.token", subject: int = 1, court: str = "440106"
) -> Asked:
    return Asked(f"q{number}", at, credential, court, court[:2], subject)


def odd(questions: list[Asked], limits: Limits = LIMITS) -> list[tuple[Oddity, str]]:
    querying = Querying(limits)
    return [(oddity, opening.about) for one in questions for oddity, opening in querying.noted(one)]


def test_S5_1_too_many_questions_of_a_credential_are_odd_once_a_window() -> None:
    at_limit = [asked(n, subject=n) for n in range(5)]
    assert odd(at_limit) == []
    assert odd([*at_limit, *(asked(n, subject=n) for n in range(5, 20))]) == [(Oddity.VOLUME, "a.token")]
    again = [asked(n, TUESDAY + DAY * 2, subject=n) for n in range(20, 26)]
    assert odd([*(asked(n, subject=n) for n in range(6)), *again]) == [(Oddity.VOLUME, "a.token")] * 2


@pytest.mark.parametrize(
    ("at", "off"),
    [
        (TUESDAY, False),
        (TUESDAY.replace(hour=7), False),
        (TUESDAY.replace(hour=6, minute=59), True),
        (TUESDAY.replace(hour=20, minute=59), False),
        (TUESDAY.replace(hour=21), True),
        (TUESDAY.replace(hour=2), True),
        (TUESDAY + 4 * DAY, True),
        (TUESDAY + 5 * DAY, True),
        (dt.datetime(2026, 11, 24, 23, 30, tzinfo=dt.UTC), False),
    ],
)
def test_working_hours_are_beijings_from_monday_to_friday(at: dt.datetime, off: bool) -> None:
    assert LIMITS.is_off_hours(at) is off


def test_S5_1_questions_outside_working_hours_are_odd_sooner() -> None:
    night = TUESDAY.replace(hour=23)
    assert odd([asked(n, night, subject=n) for n in range(2)]) == []
    assert odd([asked(n, night, subject=n) for n in range(3)]) == [(Oddity.OFF_HOURS, "a.token")]


def test_S5_1_one_subject_asked_about_by_many_is_odd_and_named_by_a_digest() -> None:
    questions = [asked(n, credential=f"{n}.token", court=f"44010{n}", subject=0xABC) for n in range(3)]
    querying = Querying(LIMITS)
    ((oddity, opening),) = [one for question in questions for one in querying.noted(question)]
    assert (oddity, opening.kind, opening.about) == (Oddity.MANY_ASKERS, IncidentKind.ODD_QUERYING, "subject 0000000000000abc")
    assert opening.owner == (None, None, None, None)
    assert odd([asked(n, credential="a.token", subject=1) for n in range(4)]) == []


def test_an_incident_of_a_credential_is_its_courts() -> None:
    querying = Querying(LIMITS)
    (opening,) = [opening for n in range(6) for _, opening in querying.noted(asked(n, subject=n))]
    assert (opening.owner.court, opening.owner.province, opening.about) == ("440106", "44", "a.token")
    assert "6" in opening.says.zh
    assert "6 queries within 24 h" in opening.says.en


questions = st.lists(
    st.builds(
        asked,
        st.integers(0, 60),
        st.integers(0, 96).map(lambda hours: TUESDAY + dt.timedelta(hours=hours)),
        st.sampled_from(["a.token", "b.token", "c.token", "d.token"]),
        st.integers(0, 2),
    ),
    max_size=60,
)


@given(questions)
def test_in_the_order_of_time_a_naive_count_agrees(sent: list[Asked]) -> None:
    sent.sort(key=lambda one: one.at)
    querying, last, kept = Querying(LIMITS), {}, []
    for one in sent:
        kept = [past for past in kept if past.at > one.at - DAY]
        repeat = any(past.id == one.id for past in kept)
        told = {(oddity, opening.about) for oddity, opening in querying.noted(one)}
        if repeat:
            assert told == set()
            continue
        kept.append(one)
        mine = [past for past in kept if past.credential == one.credential]
        off = [past for past in mine if LIMITS.is_off_hours(past.at)]
        askers = {past.credential for past in kept if past.subject == one.subject}
        wanted = {(Oddity.VOLUME, one.credential)} if len(mine) > 5 else set()
        wanted |= {(Oddity.OFF_HOURS, one.credential)} if len(off) > 2 and LIMITS.is_off_hours(one.at) else set()
        wanted |= {(Oddity.MANY_ASKERS, f"subject {one.subject:016x}")} if len(askers) > 2 else set()
        news = {of for of in wanted if of not in last or one.at - last[of] >= DAY}
        last |= dict.fromkeys(news, one.at)
        assert told == news


@given(questions)
def test_repeats_and_late_ones_never_count_twice(sent: list[Asked]) -> None:
    once, twice = Querying(LIMITS), Querying(LIMITS)
    for one in sent:
        assert twice.noted(one) == once.noted(one)
        assert twice.noted(one) == []
