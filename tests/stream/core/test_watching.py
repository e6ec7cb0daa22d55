"""Each watcher: what it sees, and what that opens. Nothing below its threshold, and nothing of anybody."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core import watching
from stream.core.delivery import Reason
from stream.core.incident import IncidentKind, Opening
from stream.core.notice import Kind, Place
from stream.core.outage import Outage
from stream.core.silence import UNKNOWN, Pattern
from stream.core.watching import Fullness, Progress, Reader, Source, Surge, Thresholds
from tests.stream.core.incidents import START, at

SECOND = dt.timedelta(seconds=1)
T = Thresholds()
SCREEN, WORKER = Reader("chakong-screen", "筛查", "screening"), Reader("chakong-worker", "核查", "resolving")


def about(openings: list[Opening]) -> list[tuple[IncidentKind, str]]:
    return [(one.kind, one.about) for one in openings]


def test_S4_5_groups_that_are_behind_for_long_open_an_incident_each() -> None:
    behind = {SCREEN: T.lag_s, WORKER: T.lag_s - 1}
    assert about(watching.lags(behind, T)) == [(IncidentKind.LAG, "chakong-screen")]


@pytest.mark.parametrize(("behind_s", "opens"), [(0, False), (T.index_s - 1, False), (T.index_s, True)])
def test_S4_5_an_index_without_the_newest_orders(behind_s: float, opens: bool) -> None:
    assert about(watching.stale_index(behind_s, T)) == ([(IncidentKind.STALE_INDEX, "orders")] if opens else [])


@pytest.mark.parametrize(("full_s", "opens"), [(0.0, False), (T.fill_s - 1, False), (T.fill_s, True)])
def test_S4_5_a_filter_that_stays_too_full(full_s: float, opens: bool) -> None:
    assert about(watching.filter_full(full_s, T)) == ([(IncidentKind.FILTER_FULL, "filter")] if opens else [])


@pytest.mark.parametrize(("count", "opens"), [(0, False), (T.dead_letters - 1, False), (T.dead_letters, True)])
def test_S4_5_a_surge_of_dead_letters(count: int, opens: bool) -> None:
    assert about(watching.dead_letter_surge(count, T)) == ([(IncidentKind.DEAD_LETTERS, "deadletters")] if opens else [])


def test_S4_5_chains_of_the_audit_log_that_do_not_verify() -> None:
    found = watching.audit_gaps([("w-2", "removed"), ("w-1", "changed"), ("w-2", "removed")])
    assert about(found) == [(IncidentKind.AUDIT_GAP, "w-1"), (IncidentKind.AUDIT_GAP, "w-2")]
    assert "removed 2" in found[1].says.en
    assert watching.audit_gaps([]) == []


def silent(topic: str, province: str | None, expected: float = 1000.0) -> tuple[Source, Pattern]:
    quiet = Pattern(at=at(1), last_at=START, expected=expected, hour=UNKNOWN)
    return Source(topic, province), quiet


def test_S4_5_sources_that_are_silent_and_a_topic_stands_for_its_provinces() -> None:
    patterns = dict(
        [
            silent("sightings.hotel", "44"),
            silent("sightings.hotel", "31", expected=1.0),
            silent("sightings.border", None),
            silent("sightings.border", "44"),
            silent("sightings.vehicle", "00"),
        ]
    )
    found = watching.silent_sources(patterns, T)
    assert [(one.about, one.province) for one in found] == [
        ("sightings.border", None),
        ("sightings.hotel 44", "44"),
        ("sightings.vehicle 00", None),
    ]


OUTAGE = Outage(kind=Kind.DOWN, since=START, noted_at=START, failures=5, reason=Reason.TIMED_OUT)
PLACES = [
    (Place("440106", "handler", "webhook", "https://court.example/…"), ("440106", "44", None)),
    (Place("44", "high_court", "webhook", "https://high.example/…"), (None, "44", None)),
    (Place("nation", "national_command", "email", "mailto:…@example"), (None, None, None)),
    (Place("*", "handler", "webhook", "https://any.example/…"), (None, None, None)),
    (Place("44", "province_police", "webhook", "https://police.example/…"), (None, "44", None)),
    (Place("00", "national_police", "webhook", "https://mps.example/…"), (None, None, None)),
    (Place("440106-B-0001", "station", "sms", "tel:…00"), (None, "44", "440106-B-0001")),
]


@pytest.mark.parametrize(("place", "owner"), PLACES)
def test_S4_5_an_endpoint_that_fails_for_long_is_its_own_side_s(place: Place, owner: tuple[str | None, ...]) -> None:
    longest = dt.timedelta(seconds=T.endpoint_s)
    (found,) = watching.failing_endpoints([(place, OUTAGE)], START + longest, T)
    assert (found.owner.court, found.owner.province, found.owner.station) == owner
    assert place.name in found.about
    assert watching.failing_endpoints([(place, OUTAGE)], START + longest - SECOND, T) == []
    recovered = msgspec.structs.replace(OUTAGE, recovered_at=START + SECOND)
    assert watching.failing_endpoints([(place, recovered)], START + longest, T) == []


def test_a_reader_is_behind_since_it_last_had_everything() -> None:
    progress: Progress[int] = Progress()
    assert progress.seen(START, {0: 10, 1: 5}, {0: 10, 1: 5}) == 0
    assert progress.seen(START + 10 * SECOND, {0: 20, 1: 5}, {0: 12, 1: 5}) == 10
    assert progress.seen(START + 20 * SECOND, {0: 30, 1: 5}, {0: 19, 1: 5}) == 20
    assert progress.seen(START + 30 * SECOND, {0: 40, 1: 5}, {0: 25, 1: 5}) == 20
    assert progress.seen(START + 40 * SECOND, {0: 40, 1: 5}, {0: 40, 1: 5}) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=1200))
def test_a_reader_that_has_everything_is_not_behind_and_no_more_behind_than_it_was_watched(
    looks: list[tuple[int, int]],
) -> None:
    progress: Progress[str] = Progress()
    end = read = 0
    for number, (came, taken) in enumerate(looks):
        end, read = end + came, min(read + taken, end + came)
        behind_s = progress.seen(START + number * SECOND, {"p": end}, {"p": read})
        assert 0 <= behind_s <= number
        assert read < end or behind_s == 0


def test_a_surge_is_what_came_within_its_time() -> None:
    surge = Surge()
    seen = [surge.seen(START + number * 10 * SECOND, total, 20) for number, total in enumerate([1000, 1005, 1010, 1010, 1010])]
    assert seen == [0, 5, 10, 5, 0]
    assert surge.seen(START + 60 * SECOND, 3, 20) == 0  # another topic: its total begins anew


def test_a_filter_is_too_full_since_it_was_and_only_while_it_is() -> None:
    fullness = Fullness()
    fills = [[], [0.5], [0.6, 0.2], [0.6], [0.4], [0.6]]
    assert [fullness.seen(START + number * SECOND, fill, 0.55) for number, fill in enumerate(fills)] == [0, 0, 0, 1, 0, 0]
