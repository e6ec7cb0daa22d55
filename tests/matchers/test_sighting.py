"""Sightings: what is required is strict, and nothing else ever costs a hit."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from matchers.keys import Key
from matchers.sighting import SIGHTING_TOPICS, read_sighting, sighting_in
from matchers.wire import UnreadableError
from tests.factory import (
    ID,
    KINDS,
    NAME,
    PLATE,
    VIN,
    Fields,
    as_record,
    changed,
    person_fields,
    sighting_bytes,
    sighting_fields,
    vehicle_fields,
)

PERSON_KEY = Key("resident_id", ID)
VEHICLE_KEYS = (Key("plate", PLATE), Key("vin", VIN))
WITH_ALL: Fields = sighting_fields("border_crossing", vehicle=vehicle_fields())
WRONG_VALUES = [1, 1.5, True, ["x"], {"deep": [1]}]


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        pytest.param(sighting_fields("hotel_checkin"), (PERSON_KEY,), id="a hotel stay carries a person"),
        pytest.param(sighting_fields("border_crossing"), (PERSON_KEY,), id="a crossing carries a person"),
        pytest.param(WITH_ALL, (PERSON_KEY, *VEHICLE_KEYS), id="and perhaps a vehicle"),
        pytest.param(sighting_fields("vehicle_inspection"), VEHICLE_KEYS, id="an inspection carries a vehicle"),
        pytest.param(
            sighting_fields("vehicle_inspection", person=person_fields()),
            (PERSON_KEY, *VEHICLE_KEYS),
            id="and perhaps who drives it",
        ),
        pytest.param(sighting_fields("identity_check"), (PERSON_KEY,), id="an identity check carries a person"),
        pytest.param(changed(WITH_ALL, "vehicle.vin"), (PERSON_KEY, VEHICLE_KEYS[0]), id="a plate is enough"),
        pytest.param(changed(WITH_ALL, "vehicle.plate", None), (PERSON_KEY, VEHICLE_KEYS[1]), id="a VIN is enough"),
    ],
)
def test_a_sighting_has_a_key_for_everything_it_carries(fields: Fields, keys: tuple[Key, ...]) -> None:
    sighting = read_sighting(as_record(fields))
    assert sighting.keys() == keys
    assert sighting.fields == fields
    assert sighting.warnings == ()


def test_a_sighting_is_read_as_it_was_sent() -> None:
    sighting = read_sighting(sighting_bytes())
    assert (sighting.id, sighting.kind, sighting.station.code) == (
        "440106-H-0012/2026-000017",
        "hotel_checkin",
        "440106-H-0012",
    )
    assert sighting.occurred_at == dt.datetime(2026, 11, 24, 14, 14, 3, tzinfo=dt.UTC)
    assert sighting.person is not None
    assert sighting.person.name == NAME
    assert (sighting.direction, sighting.occasion, sighting.check_out) == (None, None, None)
    assert read_sighting(sighting_bytes("border_crossing")).direction == "exit"
    assert read_sighting(sighting_bytes("vehicle_inspection")).occasion == "annual_inspection"
    checked_out = changed(sighting_fields(), "stay.check_out", "2026-11-25T08:00:00+08:00")
    assert read_sighting(as_record(checked_out)).check_out == dt.datetime(2026, 11, 25, tzinfo=dt.UTC)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["id", "kind", "occurred_at", "station", "station.code"])
def test_an_outermost_required_field_is_required_and_strict(kind: str, path: str) -> None:
    fields = sighting_fields(kind)
    for wrong in (changed(fields, path), *(changed(fields, path, value) for value in [*WRONG_VALUES, None, ""])):
        with pytest.raises(UnreadableError) as caught:
            read_sighting(as_record(wrong))
        assert caught.value.reason == "invalid_sighting"
        assert path in caught.value.detail


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        *((kind, path) for kind in KINDS if kind != "vehicle_inspection" for path in ("person", "person.document")),
        *((kind, "person.document.number") for kind in KINDS if kind != "vehicle_inspection"),
        ("vehicle_inspection", "vehicle"),
    ],
)
def test_the_subject_of_a_kind_is_required_and_strict(kind: str, path: str) -> None:
    fields = sighting_fields(kind)
    for wrong in (changed(fields, path), *(changed(fields, path, value) for value in [*WRONG_VALUES, None, "", " - "])):
        with pytest.raises(UnreadableError) as caught:
            read_sighting(as_record(wrong))
        assert path.split(".")[0] in caught.value.detail


def test_a_document_s_type_is_required_and_strict_but_may_be_unknown() -> None:
    path = "person.document.type"
    for wrong in (changed(sighting_fields(), path), *(changed(sighting_fields(), path, v) for v in [*WRONG_VALUES, None])):
        with pytest.raises(UnreadableError):
            read_sighting(as_record(wrong))
    unknown = read_sighting(as_record(sighting_fields(person=person_fields("A1", "driving_licence"))))
    assert unknown.keys() == (Key("other", "A1"),)
    assert any("document.type" in warning for warning in unknown.warnings)


@pytest.mark.parametrize("kind", ["hotel", "HOTEL_CHECKIN", "hotel_checkin ", "bus_ride", ""])
def test_an_unknown_kind_is_unreadable(kind: str) -> None:
    with pytest.raises(UnreadableError):
        read_sighting(as_record({**sighting_fields(), "kind": kind}))


def test_an_inspected_vehicle_needs_a_plate_or_a_vin() -> None:
    for plate, vin in ((None, None), ("", " "), ("-·", "")):
        with pytest.raises(UnreadableError):
            read_sighting(sighting_bytes("vehicle_inspection", vehicle=vehicle_fields(plate, vin)))


@pytest.mark.parametrize("wrong", WRONG_VALUES, ids=str)
@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("hotel_checkin", "station.name"),
        ("hotel_checkin", "station.province"),
        ("hotel_checkin", "person.name"),
        ("hotel_checkin", "person.phone"),
        ("hotel_checkin", "stay"),
        *(("hotel_checkin", f"stay.{name}") for name in ("check_in", "check_out", "hotel", "address", "room")),
        ("border_crossing", "crossing"),
        *(("border_crossing", f"crossing.{name}") for name in ("direction", "port", "destination")),
        ("border_crossing", "vehicle"),
        ("vehicle_inspection", "inspection"),
        ("vehicle_inspection", "inspection.occasion"),
        ("vehicle_inspection", "person"),
        *(("vehicle_inspection", f"vehicle.{name}") for name in ("plate_class", "brand", "model", "type")),
        ("identity_check", "check"),
        ("identity_check", "check.place"),
        ("identity_check", "check.reason"),
    ],
)
def test_a_wrong_value_anywhere_else_is_carried_with_a_warning_and_costs_no_key(kind: str, path: str, wrong: object) -> None:
    fields = changed(sighting_fields(kind), path, wrong) if "." in path else {**sighting_fields(kind), path: wrong}
    sighting = read_sighting(as_record(fields))
    assert sighting.keys() == read_sighting(sighting_bytes(kind)).keys()
    assert sighting.fields == fields
    only_unknown_fields = isinstance(wrong, dict) and path in ("stay", "crossing", "inspection", "check")
    assert only_unknown_fields or any(path.split(".")[-1] in warning for warning in sighting.warnings)


@pytest.mark.parametrize("path", ["person", "vehicle"])
def test_a_bystander_that_is_wrong_never_hides_the_subject(path: str) -> None:
    kind, wrong = (
        ("vehicle_inspection", {"document": {"type": "passport"}}) if path == "person" else ("hotel_checkin", {"vin": 5})
    )
    sighting = read_sighting(sighting_bytes(kind, **{path: wrong}))
    assert sighting.keys() == read_sighting(sighting_bytes(kind)).keys()
    assert any(warning.startswith(f"{path}:") for warning in sighting.warnings)


@pytest.mark.parametrize(("wrong", "kept"), [("plate", VEHICLE_KEYS[1]), ("vin", VEHICLE_KEYS[0])])
def test_a_plate_of_a_wrong_type_does_not_cost_the_vin_nor_the_reverse(wrong: str, kept: Key) -> None:
    fields = changed(sighting_fields("vehicle_inspection"), f"vehicle.{wrong}", 12345)
    assert read_sighting(as_record(fields)).keys() == (kept,)


@pytest.mark.parametrize("path", ["stay", "person.name", "person.phone", "station.name", "station.province"])
def test_anything_else_may_be_missing_or_null(path: str) -> None:
    for fields in (changed(sighting_fields(), path), changed(sighting_fields(), path, None)):
        sighting = read_sighting(as_record(fields))
        assert (sighting.keys(), sighting.warnings) == ((PERSON_KEY,), ())


def test_a_direction_or_occasion_that_is_not_known_is_a_warning() -> None:
    for kind, path in (("border_crossing", "crossing.direction"), ("vehicle_inspection", "inspection.occasion")):
        for fields in (changed(sighting_fields(kind), path), changed(sighting_fields(kind), path, "sideways")):
            sighting = read_sighting(as_record(fields))
            assert (sighting.direction, sighting.occasion) == (None, None)
            assert any(path in warning for warning in sighting.warnings)


def test_unknown_fields_are_carried_at_every_depth() -> None:
    fields = changed(changed(sighting_fields(x_new={"a": [1]}), "person.eyes", 2), "station.zone", ["b"])
    assert read_sighting(as_record(fields)).fields == fields


def test_a_plate_class_that_is_no_code_is_unknown_and_said() -> None:
    sighting = read_sighting(sighting_bytes("vehicle_inspection", vehicle=vehicle_fields(plate_class="small")))
    assert sighting.vehicle is not None
    assert sighting.vehicle.plate_class is None
    assert any("plate_class" in warning for warning in sighting.warnings)


def test_what_is_odd_about_an_identifier_is_a_warning_without_it() -> None:
    odd = ID[:17] + ("0" if ID[17] != "0" else "1")
    sighting = read_sighting(sighting_bytes(person=person_fields(odd)))
    assert sighting.keys() == (Key("resident_id", odd),)
    assert any("check character" in warning for warning in sighting.warnings)
    assert odd not in " ".join(sighting.warnings)


DAMAGE = [
    pytest.param(b'"\xcd\xf5\xce\xb0"', id="a text in GBK"),
    pytest.param(b'"\xe7\x8e"', id="a cut character"),
    pytest.param(b'"\\ud83d"', id="half an emoji"),
    pytest.param(b"1e999", id="a number beyond floats"),
    pytest.param(b"9" * 5000, id="an endless number"),
]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("path", ["stay.room", "person.name", "x_new", "station.name"])
def test_damage_outside_the_required_fields_costs_no_key(path: str, damage: bytes) -> None:
    fields = sighting_fields(x_new="")
    raw = as_record(changed(fields, path, "DAMAGE")).replace(b'"DAMAGE"', damage)
    sighting = read_sighting(raw)
    assert sighting.keys() == (PERSON_KEY,)
    assert sighting.warnings
    assert json.loads(json.dumps(sighting.fields, ensure_ascii=False).encode()) == sighting.fields
    if path == "person.name":
        assert sighting.person is not None
        assert sighting.person.name is None


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(
    "path", ["id", "kind", "occurred_at", "station.code", "person.document.type", "person.document.number"]
)
def test_damage_to_a_required_field_is_unreadable(path: str, damage: bytes) -> None:
    with pytest.raises(UnreadableError):
        read_sighting(as_record(changed(sighting_fields(), path, "DAMAGE")).replace(b'"DAMAGE"', damage))


def test_a_replacement_character_that_was_sent_is_a_character() -> None:
    assert read_sighting(sighting_bytes(id="a\ufffd")).id == "a\ufffd"


def test_the_sighting_of_a_hit_is_read_again_without_its_bystander() -> None:
    fields = sighting_fields("hotel_checkin", vehicle=vehicle_fields())
    assert sighting_in(fields).keys() == (PERSON_KEY, *VEHICLE_KEYS)
    assert sighting_in(changed(fields, "person")).keys() == VEHICLE_KEYS
    with pytest.raises(UnreadableError):
        sighting_in({})


def test_every_kind_has_its_topic() -> None:
    assert SIGHTING_TOPICS == ("sightings.hotel", "sightings.border", "sightings.vehicle", "sightings.identity")
