"""A table's row is the contract's order, and every refusal says what to do."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.bulk import COLUMNS, advice, order_of
from stream.core.seal_verdict import SealReason
from tests.watchlists import orders
from watchlists.order import Order, Release, read_order

ROW = {
    "id": "ZX-1",
    "version": "1",
    "action": "place",
    "measure": "judicial_detention",
    "issued_at": "2026-11-20T09:00:00+08:00",
    "case_number": "(2026)粤0106执1234号",
    "party_role": "judgment_debtor",
    "court_code": "440106",
    "handler_name": "李法官",
    "handler_phone": "020-00000000",
    "person_name": "王伟",
    "former_names": "王大伟; 王小伟",
    "person_documents": "passport:E12345678; resident_id:00000019491231001X",
    "from": "2026-11-20T00:00:00+08:00",
    "until": "",
    "documents": f"detention_decision:{'0' * 64};assistance_notice:{'0' * 64}",
}


def test_S3_3_a_row_is_an_order() -> None:
    made = read_order(msgspec.json.encode(order_of(ROW)))
    assert isinstance(made, Order)
    assert made.person is not None
    assert (made.person.former_names, len(made.person.documents)) == (["王大伟", "王小伟"], 2)
    plain = {name: value for name, value in ROW.items() if name != "former_names"} | {"person_documents": "passport:E12345678"}
    assert order_of(plain) == {**json.loads(orders.order("ZX-1", 1, ["E12345678"]).raw), "control": {"from": ROW["from"]}}


def test_S3_2_a_row_of_a_seizure_and_S3_3b_of_a_release() -> None:
    listed = f"sealing_ruling:{'0' * 64};assistance_notice:{'0' * 64}"
    car = {name: ROW[name] for name in ROW if not name.startswith(("person", "former"))}
    car |= {"measure": "vehicle_seizure", "plate": "粤A12345", "plate_class": "02", "documents": listed}
    assert isinstance(read_order(msgspec.json.encode(order_of(car))), Order)
    ended = {name: ROW[name] for name in ("id", "issued_at", "court_code")} | {"version": "2", "action": "release"}
    assert isinstance(read_order(msgspec.json.encode(order_of(ended | {"reason": "fulfilled"}))), Release)


@pytest.mark.parametrize(
    ("column", "value"),
    [("version", "one"), ("version", "1.0"), ("version", "²"), ("documents", "E12345678"), ("person_documents", "passport")],
)
def test_a_cell_that_cannot_be_read_is_named_and_not_shown(column: str, value: str) -> None:
    with pytest.raises(ValueError, match=column) as raised:
        order_of(ROW | {column: value})
    assert value not in str(raised.value).removeprefix(column)


@given(st.dictionaries(st.sampled_from(sorted(COLUMNS)), st.text()))
def test_any_row_is_fields_or_a_refusal(row: dict[str, str]) -> None:
    try:
        fields = order_of(row)
    except ValueError:
        return
    assert all(value for value in fields.values())


def test_every_reason_has_advice_in_both_languages() -> None:
    for reason in (*SealReason, "invalid_order", "not_json"):
        assert advice(reason).zh
        assert advice(reason).en
    assert advice(SealReason.MISSING) != advice(SealReason.ALTERED) != advice("not_json")
