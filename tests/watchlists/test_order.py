"""Orders: what the cases of scan cannot see. Their rules stand in ``tests/cases/orders.ndjson``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from matchers.wire import UnreadableError
from watchlists.order import Order, Release, read_order

BASES: dict[str, Any] = json.loads((Path(__file__).resolve().parents[1] / "cases" / "bases.json").read_text("utf-8"))


def order(base: str, **fields: Any) -> Order:
    record = read_order(json.dumps(BASES[base] | fields).encode())
    assert isinstance(record, Order)
    return record


def test_a_refusal_says_what_and_where_and_holds_no_value() -> None:
    spoilt = BASES["detention"] | {"handler": {"name": "李法官"}, "version": "first", "person": {"documents": []}}
    with pytest.raises(UnreadableError) as caught:
        read_order(json.dumps(spoilt).encode())
    assert caught.value.reason == "invalid_order"
    for part in ("handler.phone", "version", "person.documents"):
        assert part in caught.value.detail
    assert "first" not in caught.value.detail
    assert "李法官" not in caught.value.detail


def test_missing_documents_are_named() -> None:
    with pytest.raises(UnreadableError, match="assistance_notice and detention_decision"):
        read_order(json.dumps(BASES["detention"] | {"documents": []}).encode())


def test_each_key_of_the_subject_once() -> None:
    documents = [
        {"type": "resident_id", "number": "11010519491231002X"},
        {"type": "resident_id", "number": "110105491231002"},
        {"type": "other", "number": "1101 0519 4912 3100 2x"},
    ]
    person = {"documents": documents}
    assert [tuple(key) for key in order("detention", person=person).keys()] == [("resident_id", "11010519491231002X")]
    assert [key.kind for key in order("seizure").keys()] == ["plate", "vin"]


def test_unknown_fields_are_carried() -> None:
    assert (order("detention", priority=1).model_extra or {})["priority"] == 1


def test_what_is_odd_is_said_once_and_costs_nothing() -> None:
    odd = order("detention", person=BASES["detention"]["person"] | {"birth_date": "1950-01-01", "sex": 2})
    assert sorted(warning.split(":")[0] for warning in odd.warnings()) == ["order", "order.person.birth_date"]


def test_a_release_is_no_order_and_needs_no_subject() -> None:
    assert isinstance(read_order(json.dumps(BASES["release"]).encode()), Release)
