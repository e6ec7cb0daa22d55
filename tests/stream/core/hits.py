"""A hit, whole and valid unless a test says otherwise."""

import datetime as dt
from typing import Any

from stream.core.hit import Hit, hit_id
from tests.factory import sighting_fields

AT = dt.datetime(2026, 11, 24, 14, 14, 4, tzinfo=dt.UTC)


def hit(order_id: str = "ZX-1", version: int = 1, **changes: Any) -> Hit:
    fields = {
        "id": hit_id(order_id, "440106-H-0012", "1"),
        "order_id": order_id,
        "order_version": version,
        "measure": "judicial_detention",
        "certainty": "verify",
        "verify_first": True,
        "evidence": (),
        "warnings": (),
        "checks": ({"zh": "核对姓名", "en": "check the name"},),
        "instruction": "call_court",
        "court": {"code": "440106", "name": "广州市天河区人民法院"},
        "handler": {"name": "李法官", "phone": "020-00000000"},
        "case_number": "(2026)粤0106执1234号",
        "sighting": sighting_fields(id="1"),
        "occurred_at": "2026-11-24T22:14:03+08:00",
        "detected_at": AT,
        "lookback": False,
        "expires_at": "2026-11-25T12:00:00+08:00",
        "rule": "r",
        "policy_version": "p",
    }
    return Hit.model_validate({**fields, **changes})
