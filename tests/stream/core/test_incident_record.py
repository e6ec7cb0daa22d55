"""Steps of incidents: their ids are functions of what happened, and what is no step is refused without its values."""

from __future__ import annotations

import datetime as dt
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.wire import UnreadableError
from stream.core.authority import Grant, Principal, Role
from stream.core.incident import IncidentKind
from stream.core.incident_record import IncidentRecord, by, incident_id, incident_id_by_hand, read_record, side_of, step_id
from tests.stream.core.incidents import COURT, ID, OPENING, PROVINCE, START, STATION, at, first, hand, opening, taken


def test_S4_5_an_id_is_one_a_kind_thing_and_period() -> None:
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, "urn:chakong:incident")
    days = (START - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).days
    name = json.dumps(["lag", "chakong-screen", days], separators=(",", ":"))
    assert str(uuid.uuid5(namespace, name)) == ID
    assert incident_id(OPENING, at(21.9)) == ID
    others = {incident_id(one, START) for one in (opening(IncidentKind.STALE_INDEX), opening(about="x"))}
    assert len({ID, incident_id(OPENING, at(22)), incident_id_by_hand("a", "k")} | others) == 5


@pytest.mark.parametrize("record", [first(), hand("acknowledged", 1), taken("opened", "police", "province_police", 2)])
def test_what_is_written_is_read_again(record: IncidentRecord) -> None:
    assert read_record(record.body()) == record


@pytest.mark.parametrize(
    "changes",
    [
        {"step": "thought of"},
        {"opening": None},
        {"step": "noted"},
        {"step": "told", "opening": None},
        {"at": "yesterday, secret"},
        {"note": "x" * 2001},
    ],
)
def test_what_is_no_step_is_refused_without_its_values(changes: dict[str, object]) -> None:
    fields = {**json.loads(first().body()), **changes}
    with pytest.raises(UnreadableError) as refused:
        read_record(json.dumps(fields).encode())
    assert refused.value.reason == "invalid_incident"
    assert "secret" not in str(refused.value)


@given(st.lists(st.lists(st.text(max_size=5), max_size=4), unique_by=tuple, max_size=6))
def test_steps_about_other_things_have_other_ids(abouts: list[list[str]]) -> None:
    assert len({step_id(ID, *about) for about in abouts}) == len(abouts)


SIDES = [
    (Role.CLERK, "court"),
    (Role.HANDLER, "court"),
    (Role.SUPERVISOR, "court"),
    (Role.COMMAND, "court"),
    (Role.COURT_SYSTEM, "court"),
    (Role.POLICE, "police"),
    (Role.STATION, "police"),
    (Role.REGISTRY, "police"),
    (Role.OPERATOR, None),
    (Role.AUDITOR, None),
]


@pytest.mark.parametrize(("role", "side"), SIDES)
def test_S4_5_whose_people_somebody_is(role: Role, side: str | None) -> None:
    principal = Principal("p-1", (Grant(role, COURT, PROVINCE, STATION), Grant(Role.OPERATOR)), name="李法官")
    assert side_of(principal) == side
    assert by(principal).side == side
    assert "李法官" not in by(principal).model_dump_json()


@pytest.mark.parametrize(
    ("place", "province"),
    [
        ({"court": "440106"}, "44"),
        ({"station": "310101-B-1"}, "31"),
        ({"court": "650000", "province": "66"}, "66"),
        ({"station": "X4"}, None),
        ({}, None),
    ],
)
def test_S4_5_an_incident_of_a_court_or_station_is_its_province_s_too(place: dict[str, str], province: str | None) -> None:
    assert opening(**place).owner.province == province
