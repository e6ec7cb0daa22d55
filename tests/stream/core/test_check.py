"""A check: asked strictly, read as the sighting that it is, and answered by the strictest of all orders that it hits."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, get_args

import msgspec
import pytest
from pydantic import TypeAdapter, ValidationError

from matchers.sighting import read_sighting
from stream.core.check import UNSAID, Check, CheckError, ExitCheck, Unsaid, VehicleCheck, answer, read_check
from stream.core.instruction import instruct
from stream.core.resolve import resolve
from tests.factory import ID, NAME, PLATE, VIN, changed
from tests.stream.core.asked import AT, detention, exit_check, restriction, seizure, vehicle_check
from watchlists.order import Order, read_order
from watchlists.policy import Policy

POLICY = Policy.national()
CHECKS: TypeAdapter[Check] = TypeAdapter(Check)


def order(fields: dict[str, Any]) -> Order:
    read = read_order(json.dumps(fields).encode())
    assert isinstance(read, Order)
    return read


def checked(asked: dict[str, Any], *orders: dict[str, Any]) -> Any:
    sighting = read_check(CHECKS.validate_python(asked), AT)
    return answer(sighting, resolve(sighting, [order(one) for one in orders], POLICY, AT), POLICY, AT)


@pytest.mark.parametrize(
    ("asked", "orders", "expected"),
    [
        (vehicle_check(), [], ("clear", None)),
        (vehicle_check(), [seizure("ZX-1")], ("blocked", "refuse_registration")),
        (vehicle_check(occasion="mortgage_registration"), [seizure("ZX-1")], ("blocked", "refuse_registration")),
        (vehicle_check(), [seizure("ZX-1", plate="粤A99999", vin=None)], ("clear", None)),
        (exit_check(), [], ("clear", None)),
        (exit_check(), [restriction("ZX-1")], ("blocked", "deny_exit")),
        (exit_check(), [restriction("ZX-1", requirement="report_only")], ("clear", "report_only")),
        (
            exit_check(),
            [restriction("ZX-1", requirement="deny_exit_and_hold_documents")],
            ("blocked", "deny_exit_and_hold_documents"),
        ),
        (exit_check(), [restriction("ZX-1", number="E99999999")], ("clear", None)),
        # A detention is no exit restriction: police tell the court, and nothing more is asked of them (S3.3).
        (exit_check(), [detention("ZX-1")], ("clear", "call_court")),
        (
            exit_check(),
            [detention("ZX-1"), restriction("ZX-2"), restriction("ZX-3", requirement="report_only")],
            ("blocked", "deny_exit"),
        ),
        # Not in the control period.
        (exit_check(), [changed(restriction("ZX-1"), "control.until", "2026-11-21T00:00:00+08:00")], ("clear", None)),
        (vehicle_check(), [changed(seizure("ZX-1"), "control.from", "2027-01-01T00:00:00+08:00")], ("clear", None)),
    ],
)
def test_S3_2_and_S3_1_what_a_desk_is_told(
    asked: dict[str, Any], orders: list[dict[str, Any]], expected: tuple[str, str]
) -> None:
    said = checked(asked, *orders)
    assert (said.answer, said.instruction and said.instruction.instruction) == expected
    assert said.says.zh
    assert said.says.en
    assert (said.id, said.station_code, said.as_of) == (asked["id"], asked["station"]["code"], AT)


def test_S3_2_a_desk_is_told_what_its_instruction_would_tell_it_and_no_more() -> None:
    asked = vehicle_check(vehicle={"plate": PLATE})
    sighting = read_check(VehicleCheck.model_validate(asked), AT)
    hits = resolve(sighting, [order(seizure("ZX-1")), order(seizure("ZX-2"))], POLICY, AT)
    record, told = instruct(hits, POLICY, at=AT), answer(sighting, hits, POLICY, AT).instruction
    assert told is not None
    assert told.model_dump().items() <= record.model_dump().items()
    assert (told.order_ids, len(told.call), told.verify_first) == (("ZX-1", "ZX-2"), 2, True)
    assert told.checks
    for secret in (PLATE, VIN):
        assert secret not in told.model_dump_json()


def test_S3_1_a_name_that_differs_blocks_and_is_to_be_verified_first() -> None:
    said = checked(exit_check(person={"document": {"type": "resident_id", "number": ID}, "name": "赵四"}), restriction("ZX-1"))
    assert (said.answer, said.instruction.verify_first) == ("blocked", True)


def test_a_check_is_read_as_the_sighting_that_a_sensor_would_have_sent() -> None:
    read = read_check(
        VehicleCheck.model_validate(vehicle_check(occurred_at="2026-11-24T23:01:00+08:00", person={"name": NAME})), AT
    )
    assert read == read_sighting(msgspec.json.encode(read.fields))
    assert (read.kind, read.occasion, read.person) == ("vehicle_inspection", "transfer_registration", None)
    assert read.occurred_at == dt.datetime(2026, 11, 24, 15, 1, tzinfo=dt.UTC)
    left = read_check(ExitCheck.model_validate(exit_check(vehicle={"plate": PLATE})), AT)
    assert (left.kind, left.direction, left.vehicle, left.occurred_at) == ("border_crossing", "exit", None, AT)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", ""),
        ("id", 5),
        ("id", "x" * 201),
        ("station", {}),
        ("station.province", "guangdong"),
        ("occasion", "annual_inspection"),
        ("occasion", None),
        ("vehicle", None),
        ("vehicle", {}),
        ("vehicle", {"brand": "比亚迪"}),
        ("vehicle.plate", 12345),
        ("vehicle.plate", "- -"),
        ("vehicle.vin", ""),
        ("vehicle.vin", "··"),
        ("vehicle.plate_class", 2),
        ("vehicle.plate_class", "small"),
        ("occurred_at", "yesterday"),
    ],
)
def test_S3_2_what_a_sensor_may_get_wrong_a_desk_may_not(path: str, value: object) -> None:
    """A value that is dropped would be a vehicle that is not found."""
    VehicleCheck.model_validate(vehicle_check())
    with pytest.raises(ValidationError):
        VehicleCheck.model_validate(changed(vehicle_check(), path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("person", None),
        ("person.document.type", "id_card"),
        ("person.document.number", "--"),
        ("person.document.number", 1),
        ("person.name", 5),
    ],
)
def test_S3_1_a_document_that_would_find_nobody_is_refused(path: str, value: object) -> None:
    ExitCheck.model_validate(exit_check())
    with pytest.raises(ValidationError):
        ExitCheck.model_validate(changed(exit_check(), path, value))


@pytest.mark.parametrize(("minutes", "is_now"), [(-6, False), (-5, True), (0, True), (5, True), (6, False)])
def test_a_check_is_about_now(minutes: int, is_now: bool) -> None:
    asked = VehicleCheck.model_validate(vehicle_check(occurred_at=(AT + dt.timedelta(minutes=minutes)).isoformat()))
    if is_now:
        assert read_check(asked, AT).occurred_at == asked.occurred_at
    else:
        with pytest.raises(CheckError, match="occurred_at: a check is about now, give or take 5 minutes"):
            read_check(asked, AT)


def test_what_is_odd_in_an_identifier_is_said_without_it() -> None:
    said = checked(vehicle_check(vehicle={"plate": "粤A1", "vin": "LSVAU033292123457"}))
    assert len(said.warnings) == 2
    assert "粤A1" not in said.model_dump_json()
    assert "LSVAU033292123457" not in said.model_dump_json()


def test_every_reason_for_no_answer_has_words() -> None:
    assert UNSAID.keys() == {reason for reasons in get_args(Unsaid) for reason in get_args(reasons)}
    assert all(words.zh and words.en for words in UNSAID.values())
