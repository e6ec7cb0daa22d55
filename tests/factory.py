"""Synthetic sightings, persons and vehicles: whole and valid unless a test says otherwise.

No number here is anybody's: resident IDs bear the region 000000, which was never given out.
"""

from __future__ import annotations

import copy
import json
from typing import Any, Final

from matchers.documents import canonical_document, check_character
from matchers.plates import canonical_plate, canonical_vin
from matchers.subject import Person, Vehicle

Fields = dict[str, Any]

KINDS: Final = ("hotel_checkin", "border_crossing", "vehicle_inspection", "identity_check")
NAME: Final = "王伟"
PLATE: Final = "粤A12345"
VIN: Final = "LSVAU033292123456"
_ABSENT: Final = object()
_OWN_BLOCKS: Final[dict[str, Fields]] = {
    "hotel_checkin": {
        "stay": {
            "check_in": "2026-11-24T22:10:00+08:00",
            "check_out": None,
            "hotel": "天河路旅馆",
            "address": "天河路1号",
            "room": "1203",
        }
    },
    "border_crossing": {"crossing": {"direction": "exit", "port": "深圳湾口岸", "destination": "HKG"}},
    "vehicle_inspection": {"inspection": {"occasion": "annual_inspection"}},
    "identity_check": {"check": {"place": "广州南站", "reason": "例行核查"}},
}


def resident_id(sequence: int = 1, birth: str = "19491231", region: str = "000000") -> str:
    """A resident ID with a right check character; ``sequence`` is 0 to 999."""
    first_17 = f"{region}{birth}{sequence:03d}"
    return first_17 + check_character(first_17)


ID: Final = resident_id()


def document_fields(number: str = ID, type_: str = "resident_id") -> Fields:
    return {"type": type_, "number": number}


def person_fields(number: str = ID, type_: str = "resident_id", name: str | None = NAME) -> Fields:
    return {"name": name, "document": document_fields(number, type_), "phone": "13800000000"}


def vehicle_fields(plate: str | None = PLATE, vin: str | None = VIN, plate_class: str | None = "02") -> Fields:
    return {"plate": plate, "plate_class": plate_class, "vin": vin, "brand": "比亚迪", "model": "秦", "type": "小型轿车"}


def sighting_fields(kind: str = "hotel_checkin", **changes: Any) -> Fields:
    """A sighting as it is sent, with ``changes`` to its outermost fields. A vehicle inspection carries no person."""
    fields: Fields = {
        "id": "440106-H-0012/2026-000017",
        "kind": kind,
        "occurred_at": "2026-11-24T22:14:03+08:00",
        "station": {"code": "440106-H-0012", "name": "天河路旅馆", "province": "44"},
    }
    if kind == "vehicle_inspection":
        fields["vehicle"] = vehicle_fields()
    else:
        fields["person"] = person_fields()
    return {**fields, **copy.deepcopy(_OWN_BLOCKS.get(kind, {})), **changes}


def changed(fields: Fields, path: str, value: object = _ABSENT) -> Fields:
    """A copy of ``fields`` with one value, at a dotted path, replaced, or removed where no value is given."""
    result = copy.deepcopy(fields)
    inner = result
    *outer, last = path.split(".")
    for name in outer:
        inner = inner[name]
    if value is _ABSENT:
        del inner[last]
    else:
        inner[last] = value
    return result


def as_record(fields: object) -> bytes:
    """The bytes of a record: JSON in UTF-8."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def sighting_bytes(kind: str = "hotel_checkin", **changes: Any) -> bytes:
    return as_record(sighting_fields(kind, **changes))


def person(number: str = ID, type_: str = "resident_id", name: str | None = NAME, former_names: tuple[str, ...] = ()) -> Person:
    return Person((canonical_document(type_, number),), name, former_names)


def vehicle(plate: str | None = PLATE, plate_class: str | None = "02", vin: str | None = VIN) -> Vehicle:
    return Vehicle(None if plate is None else canonical_plate(plate), plate_class, None if vin is None else canonical_vin(vin))
