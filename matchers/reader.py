"""The fast reader of sightings: from the bytes of many records to the hashes of the keys they carry, in one pass.

It reads what a sighting requires and what makes keys, and checks the grammar of all the rest (see ``tokens``). It is stricter
than the contract: a record with anything unusual where it matters is *unsure*, and ``read_sighting`` decides on it alone.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from matchers.documents import DOCUMENT_TYPES
from matchers.hashing import hash_span
from matchers.keys import KEY_KINDS
from matchers.native import WORD_BYTES, byte_at, compiled, inlined, word_at
from matchers.tokens import (
    Text,
    after_null,
    after_space,
    after_string,
    after_value,
    first_member,
    is_closed,
    is_utf8,
    next_member,
    plain_end,
    string_end,
    value_after,
)
from matchers.writings import is_canonical

Spans = NDArray[np.int64]

RECORD_TEXTS: Final = -1
"""Stands in place of a kind for a required text with escapes, or not UTF-8: whether it can be decoded is still to be seen."""

_EACH: Final = 0x0101010101010101
_HIGH: Final = np.uint64(_EACH * 0x80)
_MASKS: Final = np.array([(1 << 8 * length) - 1 for length in range(WORD_BYTES + 1)], np.uint64)


def _word(text: str) -> np.uint64:
    return np.uint64(int.from_bytes(text.encode()[:WORD_BYTES], "little"))


_ID, _KIND, _STATION, _PERSON, _VEHICLE = map(_word, ("id", "kind", "station", "person", "vehicle"))
_CODE, _DOCUMENT, _TYPE, _NUMBER, _PLATE, _VIN = map(_word, ("code", "document", "type", "number", "plate", "vin"))
_OCCURRED, _OCCURRED_END = _word("occurred_at"), _word("_at")
_OCCURRED_BYTES: Final = len("occurred_at")

_PLATE_KIND, _VIN_KIND, _OTHER = (KEY_KINDS.index(kind) for kind in ("plate", "vin", "other"))
_INSPECTION: Final = 2
_N, _MINUS, _PLUS, _COLON, _POINT, _ZERO, _NINE, _T, _Z = b"n-+:.09TZ"
_MOMENT_BYTES: Final = len("2026-11-24T22:14:03Z")
_OFFSET_BYTES: Final = len("+08:00")
_DAYS: Final = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def _padded(texts: tuple[str, ...]) -> NDArray[np.uint64]:
    """Texts as words of noughts and their bytes, shape ``(n, 4)``, behind each its length in bytes."""
    rows = [text.encode().ljust(4 * WORD_BYTES, b"\0") for text in texts]
    words = np.frombuffer(b"".join(rows), "<u8").reshape(len(texts), 4)
    return np.column_stack([words, np.array([len(text) for text in texts], np.uint64)])


_KINDS: Final = _padded(("hotel_checkin", "border_crossing", "vehicle_inspection", "identity_check"))
_TYPES: Final = _padded(DOCUMENT_TYPES)

# Where a record's spans stand in ``found``: the first byte and the one behind, 0 and 0 where there is none.
_NUMBER_AT, _PLATE_AT, _VIN_AT, _ID_AT, _CODE_AT = range(0, 10, 2)
_TYPE_AT, _KIND_AT, _MOMENT_AT, _PERSON_AT, _VEHICLE_AT, _STATION_AT, _DOCUMENT_AT = range(10, 17)
_FOUND: Final = 17

KEYS_MAX: Final = 3
TEXTS_MAX: Final = 5


@compiled
def read_batch(
    text: Text,
    starts: Spans,
    ends: Spans,
    constants: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    rows: Spans,
    others: Spans,
    unsure: NDArray[np.bool_],
) -> tuple[int, int]:
    """Read n records and hash their keys; returns how many keys were hashed and how many identifiers were not.

    Args:
        text: see ``tokens``.
        starts, ends: int64 ``(n,)``, where each record is in the text.
        constants: of a ``KeyHasher``.
        keys, rows: out, uint64 and int64 ``(3n,)``: the hashes of canonical identifiers, and the records they stand in.
        others: out, int64 ``(5n, 4)``: identifiers in no canonical writing: record, kind, first byte, the one behind.
        unsure: out, bool ``(n,)``: records that this reader cannot read.
    """
    hashed, left = 0, 0
    found = np.empty(_FOUND, np.int64)
    for row in range(len(starts)):
        found[:] = 0
        if not _read_record(text, starts[row], ends[row], found):
            unsure[row] = True
            continue
        for at in (_NUMBER_AT, _PLATE_AT, _VIN_AT, _ID_AT, _CODE_AT):
            start, end = found[at], found[at + 1]
            if start >= end:
                continue
            if at >= _ID_AT:
                if plain_end(text, start) == end and (_is_ascii(text, start, end) or is_utf8(text, start, end)):
                    continue
                kind = RECORD_TEXTS
            else:
                kind = found[_TYPE_AT] if at == _NUMBER_AT else _PLATE_KIND if at == _PLATE_AT else _VIN_KIND
                if is_canonical(text, start, end, kind):
                    keys[hashed], rows[hashed] = hash_span(text, start, end, kind, constants), row
                    hashed += 1
                    continue
            others[left, 0], others[left, 1], others[left, 2], others[left, 3] = row, kind, start, end
            left += 1
    return hashed, left


@inlined
def _read_record(text: Text, start: int, end: int, found: Spans) -> Any:
    """Whether the record is a sighting with all that one requires."""
    at = first_member(text, start)
    while at >= 0 and not is_closed(text, at):
        name_end = string_end(text, at)
        value = value_after(text, name_end)
        if value < 0:
            return False
        at = _read_field(text, at + 1, name_end, value, found)
        if at >= 0:
            at = next_member(text, at)
    if at < 0:
        return False
    at = after_space(text, at + 1)
    has_person, has_vehicle = found[_NUMBER_AT + 1] != 0, found[_PLATE_AT + 1] != 0 or found[_VIN_AT + 1] != 0
    return (
        at == end
        and found[_ID_AT] < found[_ID_AT + 1]
        and found[_CODE_AT] < found[_CODE_AT + 1]
        and found[_MOMENT_AT] != 0
        and found[_KIND_AT] != 0
        and (has_vehicle if found[_KIND_AT] == _INSPECTION + 1 else has_person)
        and (has_vehicle or found[_VEHICLE_AT] != 1)
    )


@inlined
def _read_field(text: Text, name: int, name_end: int, value: int, found: Spans) -> int:
    """Behind the value of one of a record's own fields; negative where it comes twice, or is not what it should be."""
    length = name_end - name
    word = word_at(text, name)
    if length > WORD_BYTES:
        if length == _OCCURRED_BYTES and word == _OCCURRED and (word_at(text, name + 8) & _MASKS[3]) == _OCCURRED_END:
            return _read_moment(text, value, found)
        return after_value(text, value)
    word &= _MASKS[length]
    if word == _ID:
        return _read_text(text, value, found, _ID_AT)
    if word == _KIND:
        return _read_kind(text, value, found)
    if word == _STATION:
        return _read_block(text, value, found, _STATION_AT)
    if word == _PERSON:
        return _read_block(text, value, found, _PERSON_AT)
    if word == _VEHICLE:
        return _read_block(text, value, found, _VEHICLE_AT)
    return after_value(text, value)


@inlined
def _read_block(text: Text, at: int, found: Spans, which: int) -> int:
    """Behind a station, a person or a vehicle: an object, or null where it is no station."""
    if found[which]:
        return -1
    if byte_at(text, at) == _N and which != _STATION_AT:
        found[which] = 2
        return after_null(text, at)
    found[which] = 1
    at = first_member(text, at)
    while at >= 0 and not is_closed(text, at):
        name_end = string_end(text, at)
        value = value_after(text, name_end)
        if value < 0:
            return -1
        at = _read_block_field(text, at + 1, name_end, value, found, which)
        if at >= 0:
            at = next_member(text, at)
    if at < 0 or (which == _PERSON_AT and not found[_DOCUMENT_AT]):
        return -1
    return at + 1


@inlined
def _read_block_field(text: Text, name: int, name_end: int, value: int, found: Spans, which: int) -> int:
    length = name_end - name
    if length > WORD_BYTES:
        return after_value(text, value)
    word = word_at(text, name) & _MASKS[length]
    if which == _STATION_AT and word == _CODE:
        return _read_text(text, value, found, _CODE_AT)
    if which == _PERSON_AT and word == _DOCUMENT:
        return _read_document(text, value, found)
    if which == _VEHICLE_AT and word == _PLATE:
        return _read_optional(text, value, found, _PLATE_AT)
    if which == _VEHICLE_AT and word == _VIN:
        return _read_optional(text, value, found, _VIN_AT)
    return after_value(text, value)


@inlined
def _read_document(text: Text, at: int, found: Spans) -> int:
    if found[_DOCUMENT_AT]:
        return -1
    found[_DOCUMENT_AT] = 1
    has_type = False
    at = first_member(text, at)
    while at >= 0 and not is_closed(text, at):
        name_end = string_end(text, at)
        value = value_after(text, name_end)
        if value < 0:
            return -1
        length = name_end - at - 1
        word = word_at(text, at + 1) & _MASKS[min(length, WORD_BYTES)]
        if length < WORD_BYTES and word == _TYPE:
            if has_type:
                return -1
            has_type = True
            at = _read_type(text, value, found)
        elif length < WORD_BYTES and word == _NUMBER:
            at = _read_text(text, value, found, _NUMBER_AT)
        else:
            at = after_value(text, value)
        if at >= 0:
            at = next_member(text, at)
    if at < 0 or not has_type or found[_NUMBER_AT] == found[_NUMBER_AT + 1]:
        return -1
    return at + 1


@inlined
def _read_text(text: Text, at: int, found: Spans, which: int) -> int:
    """Behind a text, whose span is noted."""
    behind = after_string(text, at)
    if behind < 0 or found[which]:
        return -1
    found[which], found[which + 1] = at + 1, behind - 1
    return behind


@inlined
def _read_optional(text: Text, at: int, found: Spans, which: int) -> int:
    """Behind a text that may be null; an empty one is none."""
    if byte_at(text, at) == _N:
        return -1 if found[which] else after_null(text, at)
    behind = after_string(text, at)
    if behind < 0 or found[which]:
        return -1
    found[which] = at + 1
    found[which + 1] = behind - 1 if behind > at + 2 else 0
    return behind


@inlined
def _read_type(text: Text, at: int, found: Spans) -> int:
    """Behind the type of a document; one that is not known is another's."""
    end = string_end(text, at)
    if end < 0 or not _is_ascii(text, at + 1, end):
        return -1
    which = _which(text, at + 1, end, _TYPES)
    found[_TYPE_AT] = _OTHER if which < 0 else which
    return end + 1


@inlined
def _read_kind(text: Text, at: int, found: Spans) -> int:
    """Behind the kind of a sighting, noted from 1 on."""
    end = string_end(text, at)
    if end < 0 or found[_KIND_AT]:
        return -1
    found[_KIND_AT] = _which(text, at + 1, end, _KINDS) + 1
    return end + 1 if found[_KIND_AT] else -1


@inlined
def _read_moment(text: Text, at: int, found: Spans) -> int:
    """Behind a moment of the calendar with its offset (RFC 3339), written in capitals and with at most nine decimals."""
    end = string_end(text, at)
    if end < 0 or found[_MOMENT_AT] or end - at - 1 < _MOMENT_BYTES:
        return -1
    at += 1
    century, year, month, day = _two(text, at), _two(text, at + 2), _two(text, at + 5), _two(text, at + 8)
    hour, minute, second = _two(text, at + 11), _two(text, at + 14), _two(text, at + 17)
    year += century * 100
    punctuated = (
        byte_at(text, at + 4) == _MINUS
        and byte_at(text, at + 7) == _MINUS
        and byte_at(text, at + 10) == _T
        and byte_at(text, at + 13) == _COLON
        and byte_at(text, at + 16) == _COLON
    )
    if not (punctuated and 1 <= year < 9999 and 1 <= month <= 12 and 1 <= day <= _DAYS[month]):
        return -1
    if month == 2 and day == 29 and (year % 4 or (not year % 100 and year % 400)):
        return -1
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 59):
        return -1
    at += 19
    if byte_at(text, at) == _POINT:
        first = at + 1
        at = first
        while _ZERO <= byte_at(text, at) <= _NINE:
            at += 1
        if not 1 <= at - first <= 9:
            return -1
    if not (_is_offset(text, at, end) or (byte_at(text, at) == _Z and at + 1 == end)):
        return -1
    found[_MOMENT_AT] = 1
    return end + 1


@inlined
def _is_offset(text: Text, at: int, end: int) -> Any:
    return (
        end - at == _OFFSET_BYTES
        and (byte_at(text, at) == _PLUS or byte_at(text, at) == _MINUS)
        and 0 <= _two(text, at + 1) <= 23
        and byte_at(text, at + 3) == _COLON
        and 0 <= _two(text, at + 4) <= 59
    )


@inlined
def _two(text: Text, at: int) -> int:
    """The number in two digits; far below nought where one is none."""
    tens, ones = byte_at(text, at) - _ZERO, byte_at(text, at + 1) - _ZERO
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else -100_000


@inlined
def _which(text: Text, start: int, end: int, words: NDArray[np.uint64]) -> int:
    """The row of ``words`` that says what these bytes say, or a negative number."""
    length = end - start
    for row in range(len(words)):
        if words[row, -1] == np.uint64(length):
            same = True
            for lane in range((length + WORD_BYTES - 1) // WORD_BYTES):
                left = length - lane * WORD_BYTES
                mask = _MASKS[min(left, WORD_BYTES)]
                same = same and (word_at(text, start + lane * WORD_BYTES) & mask) == words[row, lane]
            if same:
                return row
    return -1


@inlined
def _is_ascii(text: Text, start: int, end: int) -> Any:
    high = np.uint64(0)
    while start < end:
        high |= word_at(text, start) & _MASKS[min(end - start, WORD_BYTES)]
        start += WORD_BYTES
    return (high & _HIGH) == 0
