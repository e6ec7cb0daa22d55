"""Who is owed what of an incident, and since when it is overdue; under a clock that is moved."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.escalation import AnyLevel
from stream.core.incident_due import GIVEN_UP_AFTER, Late, Limits, late, owed
from stream.core.incident_life import Incident, incident_of
from stream.core.incident_record import IncidentRecord, Side, told
from tests.stream.core.incidents import ID, at, first, hand, taken

HOUR = dt.timedelta(hours=1)
LIMITS = Limits(24 * HOUR, 4 * HOUR, 72 * HOUR)
CHAINS: dict[Side, tuple[AnyLevel, ...]] = {
    "court": ("handler", "high_court", "national_command"),
    "police": ("province_police", "national_police"),
}
BOTH = [taken("opened", "court", "handler", 0.1), taken("opened", "police", "province_police", 0.1)]
RESOLVED = hand("resolved", 30)


def known(*records: IncidentRecord) -> Incident:
    incident = incident_of([first(), *records])
    assert incident is not None
    return incident


def due(incident: Incident, hours: float) -> set[tuple[str, str, str]]:
    return {(one.side, one.level, one.event.partition(".")[0]) for one in owed(incident, CHAINS, at(hours), LIMITS)}


OPENED = {("court", "handler", "opened"), ("police", "province_police", "opened")}
HIGH, COMMAND, NATION = (
    ("court", "high_court", "overdue"),
    ("court", "national_command", "overdue"),
    ("police", "national_police", "overdue"),
)


@pytest.mark.parametrize(
    ("records", "hours", "wanted"),
    [
        ([], 0, OPENED),
        ([], 3.9, OPENED),
        (BOTH, 3.9, set()),
        (BOTH, 4, {HIGH, NATION}),
        # Who was asleep for long is not let off: each level has its own moment.
        (BOTH, 8, {HIGH, NATION, COMMAND}),
        ([], 8, OPENED | {HIGH, NATION, COMMAND}),
        # An acknowledgement puts the next level of its own side off, until the incident is to be resolved.
        ([*BOTH, hand("acknowledged", 1, "court")], 8, {NATION}),
        ([*BOTH, hand("acknowledged", 5, "court")], 8, {HIGH, NATION}),
        ([*BOTH, hand("acknowledged", 1, "court"), hand("acknowledged", 1, "police")], 71.9, set()),
        ([*BOTH, hand("acknowledged", 1, "court"), hand("acknowledged", 1, "police")], 72, {HIGH, NATION}),
        ([*BOTH, hand("acknowledged", 1, "court"), hand("acknowledged", 1, "police")], 76, {HIGH, NATION, COMMAND}),
        # Resolved: whoever was told is told that, nobody above is; and who does not know yet is told of it at last.
        ([*BOTH, RESOLVED], 31, {("court", "handler", "resolved"), ("police", "province_police", "resolved")}),
        ([BOTH[0], RESOLVED], 31, {("court", "handler", "resolved"), ("police", "province_police", "opened")}),
        ([*BOTH, RESOLVED], 30 + GIVEN_UP_AFTER / HOUR, set()),
        # Reopened: a new round.
        ([*BOTH, RESOLVED, hand("reopened", 40)], 41, {(*side[:2], "reopened") for side in OPENED}),
    ],
)
def test_S4_5_who_is_owed_news(records: list[IncidentRecord], hours: float, wanted: set[tuple[str, str, str]]) -> None:
    assert due(known(*records), hours) == wanted


@pytest.mark.parametrize(
    ("records", "hours", "why"),
    [
        ([], 3.9, ()),
        ([], 4, (Late.NOT_ACKNOWLEDGED,)),
        ([], 24, (Late.NOT_NOTICED, Late.NOT_ACKNOWLEDGED)),
        ([BOTH[0]], 24, (Late.NOT_NOTICED, Late.NOT_ACKNOWLEDGED)),
        (BOTH, 24, (Late.NOT_ACKNOWLEDGED,)),
        ([hand("acknowledged", 1, "court"), hand("acknowledged", 2, "police")], 24, ()),
        ([hand("acknowledged", 1, "court"), hand("acknowledged", 2, "police")], 72, (Late.NOT_RESOLVED,)),
        ([RESOLVED], 31, (Late.NOT_NOTICED,)),
        ([*BOTH, RESOLVED], 100, ()),
        ([RESOLVED], 30 + GIVEN_UP_AFTER / HOUR, ()),
    ],
)
def test_S4_5_both_sides_are_to_know_within_24_hours(
    records: list[IncidentRecord], hours: float, why: tuple[Late, ...]
) -> None:
    assert late(known(*records), at(hours), LIMITS) == why


def test_S4_5_the_last_of_a_side_is_told_that_it_is_the_last() -> None:
    told_last = {one.level: (one.is_last, one.why) for one in owed(known(*BOTH), CHAINS, at(8), LIMITS)}
    assert told_last == {
        "high_court": (False, Late.NOT_ACKNOWLEDGED),
        "national_command": (True, Late.NOT_ACKNOWLEDGED),
        "national_police": (True, Late.NOT_ACKNOWLEDGED),
    }


def test_S4_5_a_side_without_contacts_is_owed_nothing_and_shows_as_late() -> None:
    assert {one.side for one in owed(known(), {"court": CHAINS["court"]}, at(1), LIMITS)} == {"court"}
    assert Late.NOT_NOTICED in late(known(BOTH[0]), at(24), LIMITS)


@given(st.lists(st.tuples(st.floats(0.01, 9), st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_S4_5_whatever_fails_everybody_is_told_once_and_both_sides_in_time(looks: list[tuple[float, bool, bool]]) -> None:
    """Looks that each take what is owed or fail, as they fall: nothing is told twice, and what is taken is owed no more."""
    records: list[IncidentRecord] = []
    hours = 0.0
    for wait, court_takes, police_takes in looks:
        hours += wait
        takes = {"court": court_takes, "police": police_takes}
        now_owed = owed(known(*records), CHAINS, at(hours), LIMITS)
        records += [told(ID, one.event, one.side, one.level, at(hours), "x") for one in now_owed if takes[one.side]]
        for side, can in takes.items():
            if can:
                assert not [one for one in owed(known(*records), CHAINS, at(hours), LIMITS) if one.side == side]
    assert len({record.id for record in records}) == len(records)
    for side in CHAINS:
        noticed = known(*records).round.noticed_at(side)
        took = [record.at for record in records if record.side == side]
        assert noticed == (min(took) if took else None)
