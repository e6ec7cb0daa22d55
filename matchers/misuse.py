"""Misused identities: may a person seen be the genuine holder of an identity that the person sought goes by?

The two share at least the document that matched, so only what differs between them can tell. A phone can show that it is the
holder and never that it is not: people have several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from matchers.documents import Document, birth_date, is_valid_resident_id, sex
from matchers.names import contradicts
from matchers.subject import Holder, Person
from matchers.text import clean, clean_name

_NO_DIGITS: Final = re.compile(r"[^0-9]+")
_PHONE_DIGITS: Final = 11


def told_apart(seen: Person, sought: Person, holder: Holder) -> bool:
    """Whether the person seen, who matches the one sought, is not the holder: something contradicts, and nothing agrees."""
    return not _agrees(seen, sought, holder) and _contradicts(seen, holder)


def told_of(holder: Holder) -> Iterator[str]:
    """The names of what is known of a holder, by the order's fields; no values."""
    known = {
        "name": holder.names,
        "sex": holder.sex,
        "birth_date": holder.birth_date,
        "phone": holder.phone,
        "documents": holder.documents,
    }
    return (name for name, value in known.items() if value)


def _agrees(seen: Person, sought: Person, holder: Holder) -> bool:
    """Whether something that the sighting tells is the holder's and not the wanted person's."""
    name = clean_name(seen.name) if seen.name else ""
    of_holder = {clean_name(known) for known in holder.names}
    of_sought = {clean_name(known) for known in (sought.name, *sought.former_names) if known}
    if name and name in of_holder - of_sought:
        return True
    phone = _phone(seen.phone)
    return bool(phone) and phone == _phone(holder.phone)


def _phone(written: str | None) -> str:
    """The last digits of a phone number, as many as a mobile number of the mainland has: so it may bear the country's code."""
    return _NO_DIGITS.sub("", clean(written or ""))[-_PHONE_DIGITS:]


def _contradicts(seen: Person, holder: Holder) -> bool:
    return contradicts(seen.name, holder.names) or any(_is_another_s(document, holder) for document in seen.documents)


def _is_another_s(document: Document, holder: Holder) -> bool:
    """Whether a document seen is not the holder's: theirs of that type are known, or its number tells another birth or sex."""
    theirs = {known.number for known in holder.documents if known.type == document.type}
    if theirs:
        return document.number not in theirs
    if document.type != "resident_id" or not is_valid_resident_id(document.number):
        return False
    other_birth = holder.birth_date is not None and holder.birth_date != birth_date(document.number)
    return other_birth or (holder.sex is not None and holder.sex != sex(document.number))
