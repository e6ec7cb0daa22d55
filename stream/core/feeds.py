"""What courts feed to the police platform besides orders: cases, dishonest judgment debtors, judgments (S2.1.1 to S2.1.3).

Each record is whole and has a version; a lower or equal version than the one held changes nothing. None of them ever raises
a hit: they are looked up, and a case says who may be asked about in the fast query.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from matchers.documents import canonical_document
from matchers.keys import Key
from matchers.text import clean
from matchers.wire import Message, NonEmpty, Timestamp, UnreadableError, read_object, reason
from stream.core.authority import Owner
from watchlists.order import Court, Handler

CASE_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:chakong:case")
PARTIES_MAX: Final = 500
VERSION_MAX: Final = (1 << 53) - 1
"""The largest whole number that every JSON reader and Redis's Lua hold exactly."""

Short = Annotated[NonEmpty, Field(max_length=200)]
Long = Annotated[NonEmpty, Field(max_length=4000)]
Version = Annotated[int, Field(strict=True, ge=1, le=VERSION_MAX)]
Amount = Annotated[str, Field(strict=True, pattern=r"^[0-9]{1,15}(\.[0-9]{1,2})?$", description="yuan, as a decimal text")]
Digest = Annotated[str, Field(strict=True, pattern="^[0-9a-f]{64}$")]
Uuid = Annotated[str, Field(strict=True, pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
CaseStatus = Literal["open", "suspended", "closed"]


class Role(StrEnum):
    """What a party is in a case, the one with most to be asked about first."""

    JUDGMENT_DEBTOR = "judgment_debtor"
    """被执行人"""
    PRESERVATION_DEFENDANT = "preservation_defendant"
    """诉讼保全被告"""
    DEFENDANT = "defendant"
    """被告"""
    APPLICANT = "applicant"
    """申请执行人"""
    THIRD_PARTY = "third_party"
    """第三人"""


class FeedDocument(Message):
    """A document of a party."""

    type: Short
    number: Short


class Named(Message):
    """A person or an organisation: name, and ID number or organisation code (S2.1.1)."""

    kind: Literal["natural_person", "organisation"]
    name: Short
    number: Annotated[Short, Field(description="ID number, or an organisation's code (GB 32100)")]
    documents: Annotated[list[FeedDocument], Field(max_length=20)] | None = None

    @model_validator(mode="after")
    def _identifies(self) -> Self:
        if not clean(self.number):
            raise ValueError("number: nothing is left after cleaning")
        return self

    def keys(self) -> tuple[Key, ...]:
        """What the party is found by."""
        if self.kind == "organisation":
            return (organisation_key(self.number),)
        documents = (("resident_id", self.number), *((one.type, one.number) for one in self.documents or ()))
        return tuple(dict.fromkeys(document_key(*one) for one in documents))


class CaseParty(Named):
    """A party of a case, and what it is there."""

    role: Role


class _Fed(Message):
    """What every record of a feed says of itself: its version, and whose it is."""

    version: Version
    court: Court
    handler: Handler | None = None

    @property
    def owner(self) -> Owner:
        return Owner(self.court.code, self.court.province, handler=None if self.handler is None else self.handler.name)


class _Stated(_Fed):
    """What S2.1.1 asks of a case, and S2.1.2 of a dishonest debtor again."""

    number: Short
    filed_on: dt.date
    status: CaseStatus
    claim_amount: Amount

    @property
    def is_open(self) -> bool:
        """A suspended case goes on."""
        return self.status != "closed"

    @property
    def case_id(self) -> str:
        return case_id(self.court.code, self.number)


class CaseFacts(_Stated):
    """An enforcement or preservation case as a court states it (S2.1.1)."""

    parties: Annotated[list[CaseParty], Field(min_length=1, max_length=PARTIES_MAX)]


class CaseRecord(CaseFacts):
    """A case on the topic ``cases``, keyed by its id."""

    id: Uuid
    issued_at: Timestamp

    @model_validator(mode="after")
    def _is_of_its_court_and_number(self) -> Self:
        if self.id != self.case_id:
            raise ValueError("id: it is not the one of this court and case number")
        return self

    def keys(self) -> tuple[Key, ...]:
        """A case is found by its id alone."""
        return ()


class DebtorFacts(_Stated):
    """A dishonest judgment debtor as a court states it (S2.1.2)."""

    party: Named
    conduct: Annotated[Long, Field(description="the particulars of the dishonest conduct (失信行为的具体情形)")]


class DebtorRecord(DebtorFacts):
    """An entry of the list, on the topic ``debtors``, keyed by its id: the court's own UUID, and no function of the person."""

    id: Uuid
    action: Literal["put"] = "put"
    issued_at: Timestamp

    def keys(self) -> tuple[Key, ...]:
        return self.party.keys()


class DebtorRemoval(_Fed):
    """The end of an entry. A higher version may list the debtor again."""

    id: Uuid
    action: Literal["remove"] = "remove"
    issued_at: Timestamp

    def keys(self) -> tuple[Key, ...]:
        return ()


class JudgmentFacts(_Fed):
    """A judgment as a court states it: of which case it is, and what kind."""

    case_id: Uuid
    kind: Short
    pronounced_on: dt.date | None = None


class JudgmentRecord(JudgmentFacts):
    """A judgment in electronic form (S2.1.3), by the digest of its document, on the topic ``judgments``."""

    sha256: Digest
    issued_at: Timestamp

    @property
    def id(self) -> str:
        return self.sha256

    def keys(self) -> tuple[Key, ...]:
        return ()


Debtor = DebtorRecord | DebtorRemoval
FeedRecord = CaseRecord | DebtorRecord | DebtorRemoval | JudgmentRecord
_M = TypeVar("_M", CaseRecord, DebtorRecord, DebtorRemoval, JudgmentRecord)


def case_id(court: str, number: str) -> str:
    """A case's id: UUIDv5 of the compact JSON array of court code and case number, cleaned as identifiers are."""
    name = json.dumps([court, clean(number)], ensure_ascii=False, separators=(",", ":"))
    return str(uuid.uuid5(CASE_NAMESPACE, name))


def document_key(type_: str, number: str) -> Key:
    """What a natural person's document is found by."""
    document = canonical_document(type_, number)
    return Key(document.type, document.number)


def organisation_key(code: str) -> Key:
    """What an organisation is found by. No document of a person is written so."""
    return Key("other", f"organisation:{clean(code)}")


def read_case(raw: bytes) -> CaseRecord:
    """A record of ``cases``. Raises UnreadableError."""
    return _read(CaseRecord, read_object(raw), "invalid_case")


def read_debtor(raw: bytes) -> Debtor:
    """A record of ``debtors``. Raises UnreadableError."""
    fields = read_object(raw)
    if fields.get("action") == "remove":
        return _read(DebtorRemoval, fields, "invalid_debtor")
    return _read(DebtorRecord, fields, "invalid_debtor")


def read_judgment(raw: bytes) -> JudgmentRecord:
    """A record of ``judgments``. Raises UnreadableError."""
    return _read(JudgmentRecord, read_object(raw), "invalid_judgment")


def _read(model: type[_M], fields: dict[str, Any], code: str) -> _M:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise UnreadableError(code, reason(error)) from None
