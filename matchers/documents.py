"""Identity and travel documents: their one canonical form, and what is odd about them.

Sources: GB 11643-1999 (citizen identification number: 6 digits of region, 8 of birth date, 3 of sequence whose last is odd
for men, 1 check character after ISO 7064 MOD 11-2); contract, "Keys". Region codes are not verified: 810000, 820000 and
830000 are real.
"""

from __future__ import annotations

import datetime as dt
import operator
import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from matchers.text import clean

DocumentType = Literal[
    "resident_id",
    "passport",
    "hk_macau_permit",
    "taiwan_permit",
    "exit_entry_permit",
    "foreign_permanent_residence",
    "other",
]
DOCUMENT_TYPES: Final[tuple[DocumentType, ...]] = get_args(DocumentType)

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS: Final = "10X98765432"
_EIGHTEEN: Final = re.compile(r"[0-9]{17}[0-9X]")
_FIFTEEN: Final = re.compile(r"[0-9]{15}")
_HK_MACAU_WITH_ISSUE: Final = re.compile(r"[A-Z][0-9]{10}")
_TAIWAN_WITH_ISSUE: Final = re.compile(r"[0-9]{10}")
_ISSUE_COUNT_DIGITS: Final = 2


@dataclass(frozen=True, slots=True)
class Document:
    """A document in canonical form; two documents are the same exactly when ``type`` and ``number`` are equal.

    ``number`` is empty when nothing is left after cleaning: such a document identifies nobody. ``given`` is the number as
    it was written. ``warnings`` say what is odd, in words and without the number.
    """

    type: DocumentType
    number: str
    given: str = ""
    warnings: tuple[str, ...] = ()


def canonical_document(type_: str, number: str) -> Document:
    """The canonical form of a document as it was written down.

    A type outside the contract's list is ``other``. A 15-digit resident ID becomes 18 characters; a valid 18-character
    resident ID under any other type is a resident ID; permit numbers lose their issue count.
    """
    kind, canonical = document_key(type_, number)
    return Document(kind, canonical, number, _warnings(canonical) if type_ == "resident_id" else ())


def document_key(type_: str, number: str) -> tuple[DocumentType, str]:
    """Type and number of ``canonical_document``, for whoever needs no more than what makes two documents the same."""
    kind: DocumentType = type_ if type_ in DOCUMENT_TYPES else "other"
    cleaned = clean(number)
    if kind == "resident_id":
        if _FIFTEEN.fullmatch(cleaned):
            first_17 = f"{cleaned[:6]}19{cleaned[6:]}"
            cleaned = first_17 + check_character(first_17)
        return kind, cleaned
    if is_valid_resident_id(cleaned):
        return "resident_id", cleaned
    if (kind == "hk_macau_permit" and _HK_MACAU_WITH_ISSUE.fullmatch(cleaned)) or (
        kind == "taiwan_permit" and _TAIWAN_WITH_ISSUE.fullmatch(cleaned)
    ):
        cleaned = cleaned[:-_ISSUE_COUNT_DIGITS]
    return kind, cleaned


def check_character(first_17: str) -> str:
    """The 18th character of a resident ID (GB 11643, ISO 7064 MOD 11-2)."""
    return _CHECK_CHARACTERS[sum(map(operator.mul, _WEIGHTS, map(int, first_17))) % 11]


def is_valid_resident_id(number: str) -> bool:
    """Whether a cleaned number is an 18-character resident ID with a real birth date and the right check character."""
    return bool(_EIGHTEEN.fullmatch(number)) and birth_date(number) is not None and _check_is_right(number)


def birth_date(resident_id: str) -> dt.date | None:
    """The birth date written in an 18-character resident ID, or None where it is no date of the calendar."""
    try:
        return dt.date(int(resident_id[6:10]), int(resident_id[10:12]), int(resident_id[12:14]))
    except ValueError:
        return None


def sex(resident_id: str) -> Literal["male", "female"]:
    """The sex written in an 18-character resident ID: its 17th digit is odd for men."""
    return "male" if int(resident_id[16]) % 2 else "female"


def _check_is_right(number: str) -> bool:
    return check_character(number[:17]) == number[17]


def _warnings(resident_id: str) -> tuple[str, ...]:
    if not _EIGHTEEN.fullmatch(resident_id):
        return ("resident_id has neither 15 digits nor 18 characters",)
    warnings = []
    if birth_date(resident_id) is None:
        warnings.append("resident_id holds a birth date that is not in the calendar")
    if not _check_is_right(resident_id):
        warnings.append("resident_id has a wrong check character")
    return tuple(warnings)
