"""What the records of an incident say together, in any order and however often each is read."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.incident import IncidentKind
from stream.core.incident_life import incident_of, is_settled, next_at
from stream.core.incident_record import IncidentRecord, by_engine, incident_id, opened
from tests.stream.core.incidents import ID, START, at, first, hand, opening, taken

RESOLVED = hand("resolved", 5)
REOPENED = hand("reopened", 6)
AGAIN = f"reopened.{REOPENED.id}"
LIFE = [
    first(),
    taken("opened", "court", "national_command", 0.1),
    taken("opened", "police", "national_police", 0.2),
    hand("acknowledged", 1, "court"),
    hand("acknowledged", 3, "court"),
    hand("acknowledged", 2, None),
    hand("noted", 4, "police"),
    RESOLVED,
    taken(f"resolved.{RESOLVED.id}", "court", "national_command", 5.1),
    REOPENED,
    taken(AGAIN, "police", "national_police", 6.1),
    taken(f"overdue.national_police.{REOPENED.id}", "police", "national_police", 10),
    hand("acknowledged", 7, "police"),
]


@pytest.mark.parametrize(
    ("records", "is_open", "court", "police"),
    [
        (LIFE[:1], True, (None, None), (None, None)),
        (LIFE[:3], True, (0.1, None), (0.2, None)),
        (LIFE[:7], True, (0.1, 1), (0.2, None)),
        (LIFE[:9], False, (0.1, 1), (0.2, None)),
        (LIFE[:10], True, (None, None), (None, None)),
        (LIFE, True, (None, None), (6.1, 7)),
        # Whoever acknowledges knows, whether or not the news was delivered.
        ([first(), hand("acknowledged", 1, "police")], True, (None, None), (1, 1)),
        # What is open is not reopened, and what is resolved is not resolved anew.
        ([first(), hand("acknowledged", 1), hand("reopened", 2)], True, (1, 1), (None, None)),
        ([first(), RESOLVED, hand("resolved", 5.5)], False, (None, None), (None, None)),
    ],
)
def test_S4_5_what_is_known_of_an_incident(
    records: list[IncidentRecord], is_open: bool, court: tuple[float | None, ...], police: tuple[float | None, ...]
) -> None:
    incident = incident_of(records)
    assert incident is not None
    assert incident.is_open is is_open
    for side, (noticed, acknowledged) in (("court", court), ("police", police)):
        assert incident.round.noticed_at(side) == (None if noticed is None else at(noticed))
        assert incident.round.acknowledged_at(side) == (None if acknowledged is None else at(acknowledged))


@given(st.data())
def test_S4_5_any_order_and_repeats_say_the_same(data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(LIFE), unique_by=lambda record: record.id))
    late = [record.model_copy(update={"at": record.at + (at(1) - at(0))}) for record in some]
    shuffled = data.draw(st.permutations(some * 2 + late))
    assert incident_of(shuffled) == incident_of(some)
    assert (incident_of(some) is None) is (first() not in some)


def test_S4_5_two_that_open_the_same_make_one_incident() -> None:
    one, other = (opened(ID, opening(), at(hours)) for hours in (0.2, 0.1))
    incident = incident_of([one, other])
    assert incident is not None
    assert (len(incident.steps), incident.opened_at) == (1, at(0.1))


def test_S4_5_a_step_is_later_than_all_that_whoever_takes_it_has_seen() -> None:
    incident = incident_of([first(), RESOLVED])
    assert incident is not None
    for now in (at(0), RESOLVED.at, at(6)):
        reopened = by_engine(ID, "reopened", RESOLVED.id, next_at(incident, now))
        again = incident_of([reopened, RESOLVED, first()])
        assert again is not None
        assert again.is_open


SETTLED: list[tuple[Sequence[IncidentRecord], bool]] = [
    (LIFE[:3], False),
    (LIFE[:8], False),
    (LIFE[:9], False),
    ([*LIFE[:9], taken(f"resolved.{RESOLVED.id}", "police", "national_police", 5.2)], True),
    ([first(), taken("opened", "court", "national_command", 1), RESOLVED], False),
]


@pytest.mark.parametrize(("records", "settled"), SETTLED)
def test_S4_5_nobody_is_owed_anything_once_all_who_were_told_know_that_it_is_resolved(
    records: Sequence[IncidentRecord], settled: bool
) -> None:
    incident = incident_of(records)
    assert incident is not None
    assert is_settled(incident) is settled


def test_what_stands_is_what_the_engine_saw_last() -> None:
    cleared = by_engine(ID, "cleared", first().id, at(1))
    recurred = by_engine(ID, "recurred", cleared.id, at(2))
    for records, stands in (([], True), ([cleared], False), ([cleared, recurred], True), ([cleared, hand("noted", 3)], False)):
        incident = incident_of([first(), *records])
        assert incident is not None
        assert (incident.standing is not None) is stands
    odd = opening(IncidentKind.ODD_QUERYING, "token")
    incident = incident_of([opened(incident_id(odd, START), odd, START)])
    assert incident is not None
    assert incident.standing is None
