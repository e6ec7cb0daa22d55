"""Records of the feeds hold what S2.1 asks for, or are refused; and by what they are found."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from matchers.wire import UnreadableError
from stream.core.feeds import DebtorRecord, DebtorRemoval, case_id, document_key, read_case, read_debtor, read_judgment
from tests.factory import ID, as_record, changed, resident_id
from tests.stream.core.cases import AT, CASE_ID, CODE, DEBTOR_ID, case, debtor, judgment, organisation_fields, party_fields


def fields(record: Any) -> dict[str, Any]:
    written: dict[str, Any] = record.model_dump(mode="json")
    return written


S2_1_1 = ["number", "filed_on", "court", "status", "claim_amount", "parties"]


@pytest.mark.parametrize("missing", [*S2_1_1, "version", "id", "issued_at"])
def test_S2_1_1_a_case_without_what_the_article_lists_is_refused(missing: str) -> None:
    with pytest.raises(UnreadableError, match=f"invalid_case: {missing}"):
        read_case(as_record(changed(fields(case()), missing)))


@pytest.mark.parametrize("missing", ["name", "number", "kind", "role"])
def test_S2_1_1_so_is_a_party(missing: str) -> None:
    sent = fields(case())
    del sent["parties"][0][missing]
    with pytest.raises(UnreadableError, match=rf"parties\.0\.{missing}"):
        read_case(as_record(sent))


@pytest.mark.parametrize("missing", ["number", "filed_on", "court", "status", "claim_amount", "party", "conduct"])
def test_S2_1_2_a_dishonest_debtor_needs_the_same_and_the_conduct(missing: str) -> None:
    with pytest.raises(UnreadableError, match=f"invalid_debtor: {missing}"):
        read_debtor(as_record(changed(fields(debtor()), missing)))


@pytest.mark.parametrize("missing", ["sha256", "case_id", "kind", "court"])
def test_S2_1_3_a_judgment_names_its_document_and_its_case(missing: str) -> None:
    with pytest.raises(UnreadableError, match=f"invalid_judgment: {missing}"):
        read_judgment(as_record(changed(fields(judgment()), missing)))


WRONG: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("claim_amount", lambda c: c.update(claim_amount="many")),
    ("claim_amount", lambda c: c.update(claim_amount=350000)),
    ("status", lambda c: c.update(status="asleep")),
    ("version", lambda c: c.update(version=0)),
    ("version", lambda c: c.update(version=1 << 53)),
    ("filed_on", lambda c: c.update(filed_on="2026-02-30")),
    ("parties", lambda c: c.update(parties=[])),
    ("number", lambda c: c["parties"][0].update(number=" - ")),
    ("role", lambda c: c["parties"][0].update(role="friend")),
    ("id", lambda c: c.update(id=str(uuid.uuid4()))),
]


@pytest.mark.parametrize(("named", "change"), WRONG)
def test_what_is_wrong_is_named_and_not_repeated(named: str, change: Callable[[dict[str, Any]], object]) -> None:
    sent = fields(case())
    change(sent)
    with pytest.raises(UnreadableError, match=named) as refused:
        read_case(as_record(sent))
    assert ID not in str(refused.value)


def test_records_come_back_as_they_were_written_with_what_this_version_does_not_know() -> None:
    later = json.dumps(fields(case()) | {"later": {"a": 1}}).encode()
    assert read_case(later).model_extra == {"later": {"a": 1}}
    assert read_debtor(debtor().model_dump_json().encode()) == debtor()
    assert read_judgment(judgment().model_dump_json().encode()) == judgment()


def test_a_removal_is_read_as_one() -> None:
    fed = {"id": DEBTOR_ID, "action": "remove", "version": 2, "court": {"code": "440106"}, "issued_at": AT.isoformat()}
    removal = read_debtor(as_record(fed))
    assert isinstance(removal, DebtorRemoval)
    assert (removal.version, removal.keys()) == (2, ())
    with pytest.raises(UnreadableError):
        read_debtor(as_record(fed | {"action": "forget"}))


def test_a_cases_id_is_one_however_its_number_is_written_and_another_courts_another() -> None:
    assert case_id("440106", "（2026） 粤0106执1234号") == CASE_ID == case().id
    assert case_id("440105", "(2026)粤0106执1234号") != CASE_ID
    assert uuid.UUID(CASE_ID).version == 5


def test_a_debtor_is_found_by_any_document_and_an_organisation_by_its_code() -> None:
    passport = {"type": "passport", "number": "e 1234"}
    of_person = debtor(party=party_fields(None, documents=[passport, {"type": "other", "number": ID}]))
    assert of_person.keys() == (document_key("resident_id", ID), document_key("passport", "E1234"))
    (of_organisation,) = debtor(party=organisation_fields(None)).keys()
    assert of_organisation != document_key("other", CODE)
    assert isinstance(read_debtor(debtor().model_dump_json().encode()), DebtorRecord)
    assert document_key("resident_id", resident_id(2)) not in of_person.keys()
