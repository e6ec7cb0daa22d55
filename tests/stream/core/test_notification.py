"""Notifications are CloudEvents 1.0 in structured JSON, and the same news has the same id for ever."""

import json
import re
import uuid

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stream.core.hit import Hit
from stream.core.notification import (
    DATA,
    Notification,
    Withdrawal,
    WithdrawalReason,
    event_id,
    hit_notification,
    withdrawal_notification,
)
from tests.factory import sighting_fields
from tests.stream.core.hits import AT, hit

REASONS: tuple[WithdrawalReason | None, ...] = ("fulfilled", "revoked", "executed", "mistaken_identity", "amended", None)

#: What CloudEvents 1.0 asks of structured JSON: required attributes, and names of lower-case letters and digits.
CLOUDEVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1, "format": "uri-reference"},
        "type": {"type": "string", "minLength": 1},
        "datacontenttype": {"type": "string", "minLength": 1},
        "dataschema": {"type": "string", "minLength": 1, "format": "uri"},
        "subject": {"type": "string", "minLength": 1},
        "time": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"},
        "data": {"type": "object"},
    },
    "propertyNames": {"pattern": "^[a-z0-9]+$"},
}


def test_a_hit_s_event_has_the_hit_s_id_and_an_update_the_version_too() -> None:
    first, update = hit(), hit(version=3)
    assert hit_notification(first, update=False, at=AT).id == first.id
    assert hit_notification(update, update=True, at=AT).id == f"{first.id}.3"
    assert {hit_notification(told, update=True, at=AT).subject for told in (first, update)} == {first.id}


def test_a_hit_s_event_carries_the_hit_as_it_stands_on_its_topic_nulls_included() -> None:
    event = json.loads(hit_notification(hit(), update=False, at=AT).body())
    assert event["data"] == json.loads(hit().model_dump_json(by_alias=True))
    assert event["data"]["sighting"]["stay"]["check_out"] is None
    assert Hit.model_validate(event["data"]) == hit()


@pytest.mark.parametrize("reason", REASONS)
def test_a_withdrawal_is_about_the_hit_and_repeats_nothing_of_the_person(reason: WithdrawalReason | None) -> None:
    event = withdrawal_notification(hit(), reason, at=AT)
    assert event.subject == hit().id
    assert event.type == "chakong.withdrawal.v1"
    assert Withdrawal.model_validate(event.data).reason == reason
    assert "王伟" not in event.body().decode()
    assert sighting_fields()["person"]["document"]["number"] not in event.body().decode()


@given(about=st.uuids().map(str), step=st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_an_event_s_id_is_a_uuid5_that_depends_on_type_and_step(about: str, step: str) -> None:
    made = event_id(about, "chakong.overdue.v1", step)
    assert uuid.UUID(made).version == 5
    assert made == event_id(about, "chakong.overdue.v1", step)
    others = [event_id(about, "chakong.incident.v1", step), event_id(about, "chakong.overdue.v1", step + "."), about]
    assert made not in others


def test_one_withdrawal_by_release_whatever_its_reason_and_one_for_each_version_amended_away() -> None:
    released = {withdrawal_notification(hit(version=v), "revoked", at=AT).id for v in (1, 2)}
    released |= {withdrawal_notification(hit(), reason, at=AT).id for reason in REASONS if reason != "amended"}
    amended = {withdrawal_notification(hit(version=v), "amended", at=AT).id for v in (1, 2)}
    assert (len(released), len(amended), len(released | amended)) == (1, 2, 3)


def test_ids_do_not_move_between_versions_of_this_code() -> None:
    assert hit().id == "964cdc0c-16a6-5a56-b56f-d1b8e9692129"
    assert withdrawal_notification(hit(), "revoked", at=AT).id == "0cd231f8-897e-54a1-a156-740a32b1909b"


@given(order_id=st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])), version=st.integers(1, 1 << 40))
def test_every_event_has_the_form_of_cloudevents(order_id: str, version: int) -> None:
    told = hit(order_id, version)
    for event in (
        hit_notification(told, update=False, at=AT),
        hit_notification(told, update=True, at=AT, source="urn:chakong:gd"),
        withdrawal_notification(told, "amended", at=AT),
    ):
        sent = msgspec.json.decode(event.body())
        jsonschema.validate(sent, CLOUDEVENT)
        assert Notification.model_validate(sent) == event
        DATA[event.type].model_validate(sent["data"])


def test_extension_attributes_are_carried_when_they_are_named_as_cloudevents_ask() -> None:
    plain = hit_notification(hit(), update=False, at=AT).model_dump()
    assert json.loads(Notification.model_validate({**plain, "traceparent": "00-a"}).body())["traceparent"] == "00-a"
    for name in ("trace_parent", "traceParent", "", "x" * 21):
        with pytest.raises(ValidationError, match="extension attributes"):
            Notification.model_validate({**plain, name: "00-a"})


@pytest.mark.parametrize(
    "change", [{"specversion": "0.3"}, {"id": ""}, {"type": "chakong.hit.v2"}, {"time": "2026-11-24T22:14:03"}, {"data": []}]
)
def test_what_is_no_event_of_ours_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Notification.model_validate({**hit_notification(hit(), update=False, at=AT).model_dump(), **change})


def test_S4_2_the_type_of_every_event_has_its_version() -> None:
    assert all(re.fullmatch(r"chakong\.[a-z_]+\.v[1-9]", type_) for type_ in DATA)


def test_S4_2_what_a_later_producer_says_more_comes_to_the_court_as_it_was_sent() -> None:
    sighting = sighting_fields(later={"a": [1]}) | {"person": {**sighting_fields()["person"], "face_match": 0.93}}
    told = hit_notification(hit(sighting=sighting, of_a_later_engine={"b": 2}), update=False, at=AT)
    data = json.loads(told.body())["data"]
    assert (data["sighting"], data["of_a_later_engine"]) == (sighting, {"b": 2})
    assert Hit.model_validate(data).sighting == sighting
