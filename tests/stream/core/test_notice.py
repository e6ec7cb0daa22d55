"""A notice tells of a change that matters, and of nothing that is secret or somebody's own."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest

from stream.core.delivery import Reason
from stream.core.health import Change, Health, State
from stream.core.notice import Kind, Place, kind_of, notice
from stream.core.notification import EndpointNews, endpoint_notification
from stream.core.outage import noted
from stream.core.wording import letter, short_text

AT = dt.datetime(2026, 11, 24, 14, 14, 4, tzinfo=dt.UTC)
PLACE = Place("440106", "handler", "webhook", "https://court.example/hits")
OPENED = Change(State.CLOSED, State.OPEN, AT, Health(State.OPEN, AT - dt.timedelta(seconds=41), 5, Reason.TIMED_OUT))
MEANINGS = {
    (State.CLOSED, State.OPEN): Kind.DOWN,
    (State.CLOSED, State.DISABLED): Kind.GONE,
    (State.OPEN, State.DISABLED): Kind.GONE,
    (State.HALF_OPEN, State.DISABLED): Kind.GONE,
    (State.OPEN, State.CLOSED): Kind.RECOVERED,
    (State.HALF_OPEN, State.CLOSED): Kind.RECOVERED,
}


@pytest.mark.parametrize(("before", "after"), [*itertools.product(State, State)])
def test_a_probe_that_begins_or_fails_means_nothing_to_others(before: State, after: State) -> None:
    assert kind_of(before, after) is MEANINGS.get((before, after))


def test_the_same_change_has_the_same_id_and_another_workers_another() -> None:
    one = notice(PLACE, Kind.DOWN, OPENED, "w-1")
    assert one == notice(PLACE, Kind.DOWN, OPENED, "w-1")
    assert one.id != notice(PLACE, Kind.DOWN, OPENED, "w-2").id
    assert (one.since, one.failures, one.reason) == (AT - dt.timedelta(seconds=41), 5, Reason.TIMED_OUT)


def test_an_outage_has_one_event_of_each_kind_whoever_tells_it_and_when() -> None:
    outage = noted(None, Kind.DOWN, OPENED)
    assert outage is not None
    later = AT + dt.timedelta(minutes=3)
    events = [
        endpoint_notification(PLACE, outage, kind, waiting=waiting, at=at)
        for kind, waiting, at in ((Kind.DOWN, 0, AT), (Kind.DOWN, 7, later), (Kind.RECOVERED, 7, later))
    ]
    assert len({event.id for event in events}) == 2
    assert len({event.subject for event in events}) == 1
    news = [EndpointNews.model_validate(event.data) for event in events]
    assert [(one.health, one.recovered_at, one.waiting) for one in news] == [
        (Kind.DOWN, None, 0),
        (Kind.DOWN, None, 7),
        (Kind.RECOVERED, later, 7),
    ]


def test_it_is_told_in_words_too() -> None:
    outage = noted(None, Kind.DOWN, OPENED)
    assert outage is not None
    event = endpoint_notification(PLACE, outage, Kind.DOWN, waiting=3, at=AT)
    text = letter(event).text
    for line in ("状态：无法送达", "原因：超时", "State: cannot be reached", "Endpoint: https://court.example/hits"):
        assert line in text
    assert short_text(event, 1) == f"【查控】通知渠道状态变化，状态无法送达，编号{event.subject[:8]}。请登录系统查看并回复。"
