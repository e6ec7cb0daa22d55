"""A source falls silent against its own pattern, or keeps it; weeks of it, under a clock that is moved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.silence import BLIND_AFTER, Bounds, Pattern, first_look, is_silent, look

MONDAY: dt.datetime = dt.datetime(2026, 11, 23, tzinfo=dt.timezone(dt.timedelta(hours=8)))
MINUTE = dt.timedelta(minutes=1)
BOUNDS = Bounds(100.0, 15 * MINUTE)
STEP = 5 * MINUTE


def lived(days: int, came: Callable[[dt.datetime], int]) -> tuple[Pattern, bool]:
    """A source that was watched for so many days, and whether it ever counted as silent."""
    pattern, silent = first_look(MONDAY), False
    for number in range(1, days * 288 + 1):
        now = MONDAY + number * STEP
        pattern = look(pattern, now, came(now - STEP))
        silent = silent or is_silent(pattern, BOUNDS)
    return pattern, silent


def quiet_for(pattern: Pattern, minutes: int, came: int = 0) -> Pattern:
    for number in range(1, minutes + 1):
        pattern = look(pattern, pattern.at + MINUTE, came if number == minutes else 0)
    return pattern


def steady(now: dt.datetime) -> int:
    """A hundred an hour at day, and none at night."""
    return 50 if 8 <= now.hour < 22 else 0


def on_workdays(now: dt.datetime) -> int:
    return steady(now) if now.weekday() < 5 else 0


@pytest.mark.parametrize("came", [steady, on_workdays, lambda _: 1, lambda _: 0], ids=["nights", "weekends", "thin", "never"])
def test_S4_5_a_source_that_keeps_its_pattern_is_never_silent(came: Callable[[dt.datetime], int]) -> None:
    assert not lived(15, came)[1]


def test_S4_5_a_source_that_stops_is_silent_and_one_that_goes_on_is_not_any_more() -> None:
    pattern, _ = lived(7, steady)
    noon = quiet_for(pattern, 8 * 60, came=50)
    assert not is_silent(quiet_for(noon, 14), BOUNDS)
    stopped = quiet_for(noon, 30)
    assert is_silent(stopped, BOUNDS)
    assert not is_silent(quiet_for(stopped, 1, came=1), BOUNDS)


def test_S4_5_a_source_that_often_pauses_is_given_longer() -> None:
    pattern, _ = lived(7, lambda _: 50)
    paused = quiet_for(quiet_for(pattern, 20), 1, came=1)
    assert paused.quiet == pytest.approx(200, rel=0.1)
    assert not is_silent(quiet_for(paused, 40), BOUNDS)
    assert is_silent(quiet_for(paused, 70), BOUNDS)


def test_nothing_is_expected_of_hours_that_nobody_has_seen() -> None:
    pattern = first_look(MONDAY)
    for _ in range(12):
        pattern = quiet_for(pattern, 1, came=1000)
    assert not is_silent(quiet_for(pattern, 6 * 60), BOUNDS)


def test_a_time_that_nobody_looked_at_alarms_nobody_and_teaches_nothing() -> None:
    pattern, _ = lived(7, lambda _: 50)
    blind = look(pattern, pattern.at + dt.timedelta(hours=5), 0)
    assert not is_silent(blind, BOUNDS)
    assert blind.rates == pattern.rates
    assert look(blind, blind.at + dt.timedelta(hours=1), 0).rates == pattern.rates
    assert is_silent(quiet_for(blind, 20), BOUNDS)


counts = st.lists(st.tuples(st.integers(1, 540), st.integers(0, 500)), min_size=1, max_size=200)


@given(counts)
@settings(max_examples=50)
def test_S4_5_whoever_sent_since_the_last_look_is_not_silent(looks: list[tuple[int, int]]) -> None:
    pattern = lived(2, lambda _: 50)[0] if looks[0][1] % 2 else first_look(MONDAY)
    for seconds, came in looks:
        before = pattern
        pattern = look(pattern, pattern.at + dt.timedelta(seconds=seconds), came)
        assert not (came and is_silent(pattern, BOUNDS))
        assert pattern.expected >= (0 if came else before.expected)
        assert all(rate == -1 or rate >= 0 for rate in pattern.rates)


@given(st.integers(1, 8), st.integers(0, 100))
def test_how_often_is_looked_changes_nothing_of_what_is_expected(pieces: int, came: int) -> None:
    pattern, _ = lived(3, lambda _: 50)
    once = look(pattern, pattern.at + BLIND_AFTER, came)
    often = pattern
    for number in range(pieces):
        often = look(often, often.at + BLIND_AFTER / pieces, came if not number else 0)
    assert often.hour == once.hour
    if not came:
        assert often.expected == pytest.approx(once.expected)


def test_a_look_that_comes_late_or_twice_changes_nothing() -> None:
    pattern, _ = lived(1, steady)
    assert look(pattern, pattern.at, 7) == pattern
    assert look(pattern, pattern.at - MINUTE, 7) == pattern
