"""The schemas are current, and say what the readers do."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from matchers.sighting import read_sighting
from matchers.wire import UnreadableError
from stream.core.notification import DATA
from stream.schemas import DOCS, MAKERS, main, schemas, stale
from watchlists.order import read_order

# The contract's own examples, word for word.
SIGHTING = json.loads("""
{"id": "440106-H-0012/2026-000017", "kind": "hotel_checkin", "occurred_at": "2026-11-24T22:14:03+08:00",
 "station": {"code": "440106-H-0012", "name": "天河路旅馆", "province": "44"},
 "person": {"name": "王伟", "document": {"type": "resident_id", "number": "11010519491231002X"}, "phone": "13800000000"},
 "stay": {"check_in": "2026-11-24T22:10:00+08:00", "check_out": null, "hotel": "天河路旅馆", "address": "…", "room": "1203"}}
""")
ORDER = json.loads("""
{"id": "ZX-440106-2026-1234-01", "version": 1, "action": "place", "measure": "judicial_detention", "issued_at": "2026-11-20T09:00:00+08:00",
 "case": {"number": "(2026)粤0106执1234号", "filed_on": "2026-03-02", "party_role": "judgment_debtor", "status": "open", "claim_amount": "350000.00",
          "party": {"kind": "natural_person", "name": "王伟", "number": "11010519491231002X"}},
 "court": {"code": "440106", "name": "广州市天河区人民法院", "province": "44"},
 "handler": {"name": "李法官", "phone": "020-00000000"},
 "person": {"name": "王伟", "former_names": [], "sex": "male", "birth_date": "1949-12-31",
            "documents": [{"type": "resident_id", "number": "11010519491231002X"}, {"type": "passport", "number": "E12345678"}]},
 "control": {"from": "2026-11-20T00:00:00+08:00", "until": "2027-11-20T00:00:00+08:00", "requirement": null},
 "documents": [{"kind": "detention_decision", "sha256": "…"}, {"kind": "assistance_notice", "sha256": "…"}]}
""")  # noqa: E501

MADE = schemas(DOCS)
Fields = dict[str, Any]
Change = Callable[[Fields], object]


def valid(name: str, value: object) -> bool:
    return bool(Draft202012Validator(MADE[name]).is_valid(value))


def changed(fields: Fields, change: Change) -> Fields:
    twin = copy.deepcopy(fields)
    change(twin)
    return twin


def readable(read: Callable[[bytes], object], fields: Fields) -> bool:
    try:
        read(json.dumps(fields).encode())
    except UnreadableError:
        return False
    return True


def test_the_committed_documents_are_current() -> None:
    assert stale(DOCS) == []


@pytest.mark.parametrize("name", MAKERS)
def test_each_is_a_schema_and_its_examples_fit(name: str) -> None:
    Draft202012Validator.check_schema(MADE[name])
    assert MADE[name]["examples"]
    for example in MADE[name]["examples"]:
        Draft202012Validator(MADE[name]).validate(example)


def test_the_contracts_own_examples_fit() -> None:
    Draft202012Validator(MADE["sighting"]).validate(SIGHTING)
    Draft202012Validator(MADE["order"]).validate(ORDER)


@pytest.mark.parametrize("name", MAKERS)
def test_unknown_fields_are_tolerated_everywhere(name: str) -> None:
    def with_unknown(value: Any) -> Any:
        if isinstance(value, list):
            return [with_unknown(item) for item in value]
        if not isinstance(value, dict):
            return value
        # Maps, not records: a candidate's offsets by partition, and what an answer holds by source.
        return {key: item if key in ("positions", "records") else with_unknown(item) for key, item in value.items()} | {
            "later": {"a": [1]}
        }

    for example in MADE[name]["examples"]:
        Draft202012Validator(MADE[name]).validate(with_unknown(example))


SIGHTING_CASES: list[tuple[str, Change, bool]] = [
    ("no name and no stay", lambda s: (s["person"].pop("name"), s.pop("stay")), True),
    ("unknown document type", lambda s: s["person"]["document"].update(type="library_card"), True),
    ("no id", lambda s: s.pop("id"), False),
    ("empty id", lambda s: s.update(id=""), False),
    ("unknown kind", lambda s: s.update(kind="drone"), False),
    ("no station code", lambda s: s["station"].pop("code"), False),
    ("no subject", lambda s: s.pop("person"), False),
    ("null subject", lambda s: s.update(person=None), False),
    ("no document number", lambda s: s["person"]["document"].pop("number"), False),
    ("an inspection of a person only", lambda s: s.update(kind="vehicle_inspection"), False),
    ("an inspection", lambda s: s.update(kind="vehicle_inspection", vehicle={"plate": "粤A12345"}), True),
    ("an inspection by VIN", lambda s: s.update(kind="vehicle_inspection", vehicle={"vin": "1M8GDM9AXKP042788"}), True),
    ("neither plate nor VIN", lambda s: s.update(kind="vehicle_inspection", vehicle={"brand": "x"}), False),
]


@pytest.mark.parametrize(("case", "change", "good"), SIGHTING_CASES, ids=[case for case, _, _ in SIGHTING_CASES])
def test_the_sighting_schema_and_the_reader_agree(case: str, change: Change, good: bool) -> None:
    sighting = changed(SIGHTING, change)
    assert (valid("sighting", sighting), readable(read_sighting, sighting)) == (good, good)


def test_the_reader_is_more_lenient_where_the_contract_says_so() -> None:
    sighting = changed(SIGHTING, lambda s: s["stay"].update(room=1203))
    assert not valid("sighting", sighting)
    assert readable(read_sighting, sighting)


def _exit(order: Fields, **control: object) -> None:
    order.update(measure="exit_restriction", documents=[{"kind": "restriction_decision", "sha256": "…"}])
    order["control"].update(control)


ORDER_CASES: list[tuple[str, Change, bool]] = [
    ("an amendment", lambda o: o.update(action="amend", version=2), True),
    ("version 0", lambda o: o.update(version=0), False),
    ("version as text", lambda o: o.update(version="1"), False),
    ("unknown measure", lambda o: o.update(measure="fine"), False),
    ("no handler's phone", lambda o: o["handler"].pop("phone"), False),
    ("no party role", lambda o: o["case"].pop("party_role"), False),
    ("no documents of the person", lambda o: o["person"].update(documents=[]), False),
    ("no decision", lambda o: o["documents"].pop(0), False),
    ("no notice", lambda o: o["documents"].pop(1), False),
    ("no end of a detention", lambda o: o["control"].update(until=None), True),
    ("an exit restriction", lambda o: _exit(o, requirement="deny_exit"), True),
    ("an exit restriction without end", lambda o: _exit(o, requirement="deny_exit", until=None), False),
    ("an exit restriction without requirement", _exit, False),
    ("a seizure of a person", lambda o: o.update(measure="vehicle_seizure"), False),
]


@pytest.mark.parametrize(("case", "change", "good"), ORDER_CASES, ids=[case for case, _, _ in ORDER_CASES])
def test_the_order_schema_and_the_reader_agree(case: str, change: Change, good: bool) -> None:
    order = changed(ORDER, change)
    assert (valid("order", order), readable(read_order, order)) == (good, good)


def test_a_notifications_data_is_checked_by_its_type() -> None:
    hit, withdrawal, *_ = MADE["notification"]["examples"]
    assert not valid("notification", {**hit, "data": withdrawal["data"]})
    assert {event["type"] for event in MADE["notification"]["examples"]} == set(DATA)
    assert not valid("notification", {**hit, "specversion": "0.3"})
    assert not valid("notification", {name: value for name, value in hit.items() if name != "source"})


def test_check_names_what_is_stale_and_writes_nothing(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    (docs / "examples").mkdir(parents=True)
    for file in (DOCS / "examples").iterdir():
        (docs / "examples" / file.name).write_bytes(file.read_bytes())
    run = CliRunner()

    checked = run.invoke(main, ["--check", "--docs", str(docs)])
    assert checked.exit_code == 1
    assert "docs/schemas/hit.json" in checked.output
    assert not (docs / "asyncapi.json").exists()

    assert run.invoke(main, ["--docs", str(docs)]).exit_code == 0
    (docs / "schemas" / "gossip.json").write_text("{}")
    checked = run.invoke(main, ["--check", "--docs", str(docs)])
    assert (checked.exit_code, checked.output) == (1, "not current: docs/schemas/gossip.json; run python -m stream.schemas\n")
    assert run.invoke(main, ["--docs", str(docs)]).exit_code == 0
    assert run.invoke(main, ["--check", "--docs", str(docs)]).exit_code == 0


LEAST_SIGHTING = {
    "id": "1",
    "kind": "hotel_checkin",
    "occurred_at": "2026-11-24T22:14:03+08:00",
    "station": {"code": "440106-H-0012"},
    "person": {"document": {"type": "passport", "number": "E12345678"}},
}
LEAST_ORDER = {
    "id": "ZX-1",
    "version": 1,
    "action": "place",
    "measure": "judicial_detention",
    "issued_at": "2026-11-20T09:00:00+08:00",
    "case": {"number": "(2026)粤0106执1234号", "party_role": "judgment_debtor"},
    "court": {"code": "440106"},
    "handler": {"name": "李法官", "phone": "020-00000000"},
    "person": {"documents": [{"type": "passport", "number": "E12345678"}]},
    "control": {"from": "2026-11-20T00:00:00+08:00"},
    "documents": [{"kind": "detention_decision", "sha256": "…"}, {"kind": "assistance_notice", "sha256": "…"}],
}
LEAST_RELEASE = {
    "id": "ZX-1",
    "version": 2,
    "action": "release",
    "issued_at": "2026-11-21T09:00:00+08:00",
    "court": {"code": "440106"},
    "reason": "fulfilled",
}


@pytest.mark.parametrize(
    ("name", "read", "least"),
    [
        ("sighting", read_sighting, LEAST_SIGHTING),
        ("order", read_order, LEAST_ORDER),
        ("release", read_order, LEAST_RELEASE),
    ],
)
def test_S4_2_the_least_that_the_first_version_asked_for_is_enough_for_ever(
    name: str, read: Callable[[bytes], object], least: Fields
) -> None:
    """An old producer survives: no field that it did not know is ever asked of it, and what it sends is never refused."""
    assert valid(name, least)
    assert readable(read, least)
    assert readable(read, {**least, "of_a_later_version": {"a": [1]}})
    assert not [
        field for field in least if field != "reason" and readable(read, {k: v for k, v in least.items() if k != field})
    ]
