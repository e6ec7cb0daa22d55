"""Checks and the orders against them, as they are sent: whole and valid unless a test says otherwise."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, Final

from tests.factory import ID, NAME, PLATE, VIN, Fields

AT: Final = dt.datetime(2026, 11, 24, 15, 0, tzinfo=dt.UTC)
OFFICE: Final = "440106-V-0003"
BORDER: Final = "440304-B-0001"


def vehicle_check(**changes: Any) -> Fields:
    return {
        "id": uuid.uuid4().hex,
        "station": {"code": OFFICE, "name": "天河车管所", "province": "44"},
        "vehicle": {"plate": PLATE, "plate_class": "02", "vin": VIN},
        "occasion": "transfer_registration",
        **changes,
    }


def exit_check(**changes: Any) -> Fields:
    return {
        "id": uuid.uuid4().hex,
        "station": {"code": BORDER, "name": "深圳湾口岸", "province": "44"},
        "person": {"document": {"type": "resident_id", "number": ID}, "name": NAME},
        "crossing": {"port": "深圳湾口岸", "destination": "HKG"},
        **changes,
    }


def seizure(id_: str, *, plate: str | None = PLATE, vin: str | None = VIN, **changes: Any) -> Fields:
    """An order to seal a vehicle."""
    vehicle = {"plate": plate, "plate_class": "02", "vin": vin}
    documents = ("sealing_ruling", "assistance_notice")
    return _order(id_, "vehicle_seizure", documents) | {"vehicle": vehicle, **changes}


def restriction(id_: str, *, number: str = ID, requirement: str = "deny_exit", **changes: Any) -> Fields:
    """An order that a person is not to leave; a number that begins with a letter is a passport's."""
    type_ = "passport" if number[0].isalpha() else "resident_id"
    made = _order(id_, "exit_restriction", ("restriction_decision",))
    made["control"] |= {"until": "2027-11-20T00:00:00+08:00", "requirement": requirement}
    return made | {"person": {"name": NAME, "documents": [{"type": type_, "number": number}]}, **changes}


def detention(id_: str, *, number: str = ID) -> Fields:
    """An order to detain a person, by resident ID."""
    made = _order(id_, "judicial_detention", ("detention_decision", "assistance_notice"))
    return made | {"person": {"name": NAME, "documents": [{"type": "resident_id", "number": number}]}}


def _order(id_: str, measure: str, documents: tuple[str, ...]) -> Fields:
    return {
        "id": id_,
        "version": 1,
        "action": "place",
        "measure": measure,
        "issued_at": "2026-11-20T09:00:00+08:00",
        "case": {"number": "(2026)粤0106执1234号", "party_role": "judgment_debtor"},
        "court": {"code": "440106", "name": "广州市天河区人民法院", "province": "44"},
        "handler": {"name": "李法官", "phone": "020-00000000"},
        "control": {"from": "2026-11-20T00:00:00+08:00"},
        "documents": [{"kind": kind, "sha256": "0" * 64} for kind in documents],
    }
