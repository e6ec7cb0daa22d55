"""A case, a dishonest debtor and a judgment, whole and valid unless a test says otherwise. Nobody in them exists."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from stream.core.fast_query import Category
from stream.core.feeds import CaseRecord, DebtorRecord, JudgmentRecord, Role, case_id
from stream.core.question import About, Asker, Question
from tests.factory import ID, Fields

COURT: Final = {"code": "440106", "name": "广州市天河区人民法院", "province": "44"}
HANDLER: Final = {"name": "李法官", "phone": "020-00000000"}
NUMBER: Final = "(2026)粤0106执1234号"
CASE_ID: Final = case_id("440106", NUMBER)
DEBTOR_ID: Final = "5b0e6f0e-58f5-4c0b-9d4e-0f6f3c1a2b7d"
CODE: Final = "91000000MA0000010L"
AT: Final = dt.datetime(2026, 11, 24, 1, 0, tzinfo=dt.UTC)
DIGEST: Final = "ab" * 32


def party_fields(role: str | None = "judgment_debtor", number: str = ID, **changes: Any) -> Fields:
    fields = {"kind": "natural_person", "name": "王伟", "number": number, **changes}
    return fields if role is None else fields | {"role": role}


def organisation_fields(role: str | None = "judgment_debtor") -> Fields:
    return party_fields(role, CODE, kind="organisation", name="合成贸易有限公司")


def stated(**changes: Any) -> Fields:
    return {
        "version": 1,
        "court": COURT,
        "handler": HANDLER,
        "number": NUMBER,
        "filed_on": "2026-03-02",
        "status": "open",
        "claim_amount": "350000.00",
        **changes,
    }


def case_facts(*parties: Fields, **changes: Any) -> Fields:
    """What a court puts of a case."""
    return stated(parties=list(parties) or [party_fields()], **changes)


def case(*parties: Fields, **changes: Any) -> CaseRecord:
    facts = case_facts(*parties, **changes)
    id_ = case_id(facts["court"]["code"], facts["number"])
    return CaseRecord.model_validate({"id": id_, "issued_at": AT.isoformat(), **facts})


def debtor_facts(**changes: Any) -> Fields:
    return stated(**{"party": party_fields(None), "conduct": "有履行能力而拒不履行", **changes})


def debtor(id_: str = DEBTOR_ID, **changes: Any) -> DebtorRecord:
    return DebtorRecord.model_validate({"id": id_, "issued_at": AT.isoformat(), **debtor_facts(**changes)})


def judgment(**changes: Any) -> JudgmentRecord:
    fields = {"sha256": DIGEST, "case_id": CASE_ID, "kind": "civil_judgment", "court": COURT, "handler": HANDLER, "version": 1}
    return JudgmentRecord.model_validate({**fields, "issued_at": AT.isoformat(), **changes})


def question(
    category: Category = Category.HOTEL_STAYS, role: Role = Role.JUDGMENT_DEBTOR, article: str = "S2.2.5", **changes: Any
) -> Question:
    fields: dict[str, Any] = {
        "id": "3f2a8a56-3c1c-5a0c-9d2e-6f1f5f1f9b10",
        "asked_at": AT,
        "court": "440106",
        "province": "44",
        "handler": "李法官",
        "case_id": CASE_ID,
        "case_number": NUMBER,
        "about": About(type="resident_id", number=ID),
        "purpose": "查找被执行人下落",
        "asker": Asker(id="440106", credential="440106.token"),
    }
    return Question.model_validate(fields | {"role": role, "category": category, "article": article} | changes)
