"""One good body an operation that takes one in JSON: of the court 440106, its province 44, and stations there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.connectors.door.office import order_fields
from tests.factory import ID, sighting_fields
from tests.stream.core.asked import exit_check, vehicle_check
from tests.stream.core.cases import CASE_ID, COURT, HANDLER, case_facts, debtor_facts

ORDER_ID: Final = "ZX-FUZZ"
BODIES: Final[Mapping[str, Any]] = {
    "confirm_hit": {"answer": "needs_minutes", "minutes": 20, "note": "正在核实", "by": {"name": "李法官", "role": "承办法官"}},
    "put_order": order_fields(ORDER_ID),
    "release_order": {"reason": "fulfilled"},
    "put_case": case_facts(),
    "put_debtor": debtor_facts(),
    "find_debtors": {"party": {"type": "resident_id", "number": ID}},
    "put_judgment": {"version": 1, "court": COURT, "handler": HANDLER, "case_id": CASE_ID, "kind": "civil_judgment"},
    "ask_registry": {
        "case": CASE_ID,
        "party": {"type": "resident_id", "number": ID},
        "category": "identity",
        "purpose": "核实被执行人身份",
        "by": {"name": "李法官"},
    },
    "check_vehicle": vehicle_check(id="fuzz-1"),
    "check_exit": exit_check(id="fuzz-2"),
    "open_incident": {"about": "夜间联调", "says": {"zh": "联调期间回执延迟", "en": "receipts are late"}, "court": "440106"},
    "move_incident": {"step": "note", "note": "正在排查"},
    "change_court_rules": {"reason": "值班调整", "effective_from": None, "rules": {"narrow": [{"rule": "return"}]}},
    "change_police_rules": {"reason": "值班调整", "rules": {"narrow": [], "liaison": []}},
    "verify_audit": {"since": "2026-11-24T00:00:00+08:00", "until": None, "known": []},
    "explain_sighting": {"sighting": sighting_fields(), "at": "2026-11-24T22:20:00+08:00"},
}
