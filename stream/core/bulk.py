"""Orders in bulk: a table's row as the contract's order, and what to do about a record that was refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from stream.core.hit import Says
from stream.core.seal_verdict import SealReason

Fields = dict[str, Any]

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id",),
    "version": ("version",),
    "action": ("action",),
    "measure": ("measure",),
    "issued_at": ("issued_at",),
    "reason": ("reason",),
    "case_number": ("case", "number"),
    "party_role": ("case", "party_role"),
    "filed_on": ("case", "filed_on"),
    "case_status": ("case", "status"),
    "claim_amount": ("case", "claim_amount"),
    "party_kind": ("case", "party", "kind"),
    "party_name": ("case", "party", "name"),
    "party_number": ("case", "party", "number"),
    "court_code": ("court", "code"),
    "court_name": ("court", "name"),
    "court_province": ("court", "province"),
    "handler_name": ("handler", "name"),
    "handler_phone": ("handler", "phone"),
    "person_name": ("person", "name"),
    "former_names": ("person", "former_names"),
    "sex": ("person", "sex"),
    "birth_date": ("person", "birth_date"),
    "person_documents": ("person", "documents"),
    "plate": ("vehicle", "plate"),
    "plate_class": ("vehicle", "plate_class"),
    "vin": ("vehicle", "vin"),
    "brand": ("vehicle", "brand"),
    "model": ("vehicle", "model"),
    "from": ("control", "from"),
    "until": ("control", "until"),
    "requirement": ("control", "requirement"),
    "documents": ("documents",),
}
"""A column's name, and where its value stands in an order. An empty cell is no value."""
BETWEEN: Final = ";"
"""Between the values of a cell that holds several: former names, and pairs as ``passport:E12345678``."""
_PAIRS: Final = {"person_documents": ("type", "number"), "documents": ("kind", "sha256")}

_MEND_THE_LINE: Final = Says(
    zh="按所述更正该行，另存为新文件再导入", en="mend what is named, and import the line again from another file"
)
_ANOTHER_SEAL: Final = Says(
    zh="由签发令状的法院重新盖章，以新摘要更新令状后再导入",
    en="have the order's own court seal the document again, list its new digest, and import the line again",
)
ADVICE: Final[Mapping[str, Says]] = {
    SealReason.MISSING: Says(
        zh="将该摘要对应的 PDF 放入文书文件夹后再导入",
        en="put the PDF with this digest into the folder, and import the line again",
    ),
    SealReason.DAMAGED: Says(zh="重新提交该文书后再导入", en="add the document again, and import the line again"),
    SealReason.REVOCATION_UNKNOWN: Says(
        zh="更新信任库中的吊销列表（crls/）后再导入", en="bring a current revocation list into crls/, and import the line again"
    ),
    SealReason.UNTRUSTED: Says(
        zh="核对信任库中该法院的根证书；若印章并非其所有，请法院重新盖章",
        en="check the roots of this court in the trust store; if they are right, have the court seal the document again",
    ),
}
"""What to do, by the reason. What is not here: mend the line, or have the document sealed again."""


def order_of(row: Mapping[str, str]) -> Fields:
    """An order's or a release's fields, as a row has them; nothing is checked but what could not be written otherwise.

    Raises:
        ValueError: a version that is no number, or a pair without a colon; says which column, without its value.
    """
    fields: Fields = {}
    for column, value in row.items():
        text = value.strip()
        if text:
            *outer, last = COLUMNS[column]
            inner = fields
            for name in outer:
                inner = inner.setdefault(name, {})
            inner[last] = _value(column, text)
    return fields


def advice(reason: str) -> Says:
    """What to do about a record, or a document, that was refused for this reason."""
    return ADVICE.get(reason) or (_ANOTHER_SEAL if reason in set(SealReason) else _MEND_THE_LINE)


def _value(column: str, text: str) -> object:
    if column == "version":
        if not (text.isascii() and text.isdigit()):
            raise ValueError("version: not a whole number")
        return int(text[:32])
    if column == "former_names":
        return [name.strip() for name in text.split(BETWEEN) if name.strip()]
    if column in _PAIRS:
        return [_pair(column, part) for part in text.split(BETWEEN) if part.strip()]
    return text


def _pair(column: str, part: str) -> dict[str, str]:
    kind, colon, value = part.partition(":")
    if not colon:
        raise ValueError(f"{column}: each of them is two words with a colon between")
    first, second = _PAIRS[column]
    return {first: kind.strip(), second: value.strip()}
