"""Examples of feeds, questions and answers: a made-up case, written by hand. Its ID number is of the region 000000."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any, Final

from stream.core.fast_query import Category
from stream.core.feeds import CaseRecord, DebtorRecord, DebtorRemoval, JudgmentRecord, Role, case_id
from stream.core.question import About, Answer, Asker, Question, SourceSays, query_id

_AT: Final = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.timezone(dt.timedelta(hours=8)))
_COURT: Final = {"code": "440106", "name": "广州市天河区人民法院", "province": "44"}
_NUMBER: Final = "(2026)粤0106执1234号"
_ID_NUMBER: Final = "000000194912310023"
_CASE_ID: Final = case_id("440106", _NUMBER)
_DEBTOR_ID: Final = "5b0e6f0e-58f5-4c0b-9d4e-0f6f3c1a2b7d"
_PARTY: Final = {"kind": "natural_person", "name": "王伟", "number": _ID_NUMBER}
_FED: Final = {
    "version": 1,
    "court": _COURT,
    "handler": {"name": "李法官", "phone": "020-00000000"},
    "issued_at": _AT,
}
_STATED: Final = _FED | {"number": _NUMBER, "filed_on": "2026-03-02", "status": "open", "claim_amount": "350000.00"}


def feed_examples() -> dict[str, list[Any]]:
    """Examples by message, as JSON values."""
    applicant = {"role": "applicant", "kind": "organisation", "name": "合成贸易有限公司", "number": "91000000MA0000010L"}
    case = CaseRecord.model_validate(
        _STATED | {"id": _CASE_ID, "parties": [_PARTY | {"role": Role.JUDGMENT_DEBTOR}, applicant]}
    )
    debtor = DebtorRecord.model_validate(
        _STATED | {"id": _DEBTOR_ID, "party": _PARTY, "conduct": "有履行能力而拒不履行生效法律文书确定义务"}
    )
    removal = DebtorRemoval.model_validate(_FED | {"id": _DEBTOR_ID, "version": 2})
    digest = hashlib.sha256("合成裁判文书".encode()).hexdigest()
    judgment = JudgmentRecord.model_validate(
        _FED | {"sha256": digest, "case_id": _CASE_ID, "kind": "civil_judgment", "pronounced_on": "2026-02-10"}
    )
    question = _question()
    said = {
        "case": case,
        "debtor": debtor,
        "debtor_removal": removal,
        "judgment": judgment,
        "query": question,
        "query_answer": _answer(question),
    }
    return {name: [one.model_dump(mode="json", exclude_none=True)] for name, one in said.items()}


def _question() -> Question:
    return Question(
        id=query_id("440106", "440106", "2026-0001"),
        asked_at=_AT,
        court="440106",
        province="44",
        handler="李法官",
        case_id=_CASE_ID,
        case_number=_NUMBER,
        role=Role.JUDGMENT_DEBTOR,
        category=Category.HOTEL_STAYS,
        article="S2.2.5",
        about=About(type="resident_id", number=_ID_NUMBER),
        purpose="查找被执行人下落",
        asker=Asker(id="440106", credential="440106.token", name="李法官"),
    )


def _answer(question: Question) -> Answer:
    stay = {
        "check_in": "2026-11-20T22:10:00+08:00",
        "check_out": None,
        "hotel": "天河路旅馆",
        "address": "天河路1号",
        "phone": "11600000000",
    }
    return Answer(
        query_id=question.id,
        answered_at=_AT + dt.timedelta(seconds=1),
        court=question.court,
        outcome="complete",
        records={"hotel_stays": [stay]},
        sources=[SourceSays(source="hotel_stays", outcome="answered", records=1)],
    )
