"""Orders: what the cases of scan cannot see. Their rules stand in ``tests/cases/orders.ndjson``."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from matchers.documents import canonical_document
from matchers.subject import Holder, Person
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


def misused(**note: Any) -> Order:
    return order("detention", person=BASES["detention"]["person"] | {"misused_identity": note})


def test_a_misused_identity_is_noted_with_what_is_known_of_its_holder() -> None:
    holder = {
        "name": "李真",
        "former_names": ["李默"],
        "sex": "female",
        "birth_date": "1980-01-01",
        "phone": "13800000000",
        "documents": [{"type": "passport", "number": "e 7"}],
    }
    noted = misused(holder=holder, noted_at="2026-11-21T09:00:00+08:00", text="证件于2020年遗失")
    assert not noted.warnings()
    assert isinstance(noted.subject, Person)
    assert noted.subject.holder == Holder(
        ("李真", "李默"), (canonical_document("passport", "e 7"),), "13800000000", "female", dt.date(1980, 1, 1)
    )
    assert noted.keys() == order("detention").keys()


@pytest.mark.parametrize(
    ("note", "place"),
    [
        ({"holder": "李真"}, "misused_identity.holder"),
        ({"holder": {"name": 1}}, "misused_identity.holder.name"),
        ({"holder": {"former_names": "李默"}}, "misused_identity.holder.former_names"),
        ({"holder": {"sex": "f"}}, "misused_identity.holder.sex"),
        ({"holder": {"birth_date": "1980"}}, "misused_identity.holder.birth_date"),
        ({"holder": {"phone": 13800000000}}, "misused_identity.holder.phone"),
        ({"holder": {"documents": [{"type": "passport"}]}}, "misused_identity.holder.documents"),
        ({"noted_at": "yesterday"}, "misused_identity.noted_at"),
        ({"text": 7}, "misused_identity.text"),
    ],
)
def test_a_wrong_value_in_the_note_costs_itself_only(note: dict[str, Any], place: str) -> None:
    noted = misused(**note)
    assert [warning.split(": ")[1] for warning in noted.warnings()] == [place]
    assert isinstance(noted.subject, Person)
    assert noted.subject.holder == Holder()


def test_a_note_that_is_none_is_dropped_and_said() -> None:
    odd = order("detention", person=BASES["detention"]["person"] | {"misused_identity": "李真"})
    assert isinstance(odd.subject, Person)
    assert odd.subject.holder is None
    (warning,) = odd.warnings()
    assert "misused_identity" in warning
    assert "李真" not in warning
