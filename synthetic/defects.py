"""Records as bad stations send them: those that must still be read, and those that nobody can (contract, "Sighting")."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any, Final

from synthetic.dice import Dice

Fields = dict[str, Any]

_NEPAL: Final = dt.timezone(dt.timedelta(hours=5, minutes=45))
_SUBJECT_OF: Final = {"vehicle_inspection": "vehicle"}
_BLOCKS: Final = ("stay", "crossing", "inspection", "check")
_NOT_SO: Final[tuple[tuple[str, str, Any], ...]] = (
    ("person", "phone", 11600000000),
    ("station", "name", 7),
    ("station", "province", 44),
    ("stay", "room", 1203),
    ("stay", "room", ["1203"]),
    ("stay", "check_in", "昨天"),
    ("stay", "check_out", False),
    ("stay", "address", {"city": "合成市"}),
    ("crossing", "destination", 5),
    ("crossing", "port", None),
    ("vehicle", "brand", ["合成牌"]),
    ("vehicle", "model", 3.5),
    ("check", "place", 0),
)
_MAY_GO: Final = (
    ("station", "name"),
    ("station", "province"),
    ("person", "phone"),
    ("stay", "hotel"),
    ("stay", "check_in"),
    ("stay", "check_out"),
    ("crossing", "port"),
    ("crossing", "destination"),
    ("vehicle", "brand"),
    ("vehicle", "type"),
    ("check", "reason"),
)


def encode(fields: Fields) -> bytes:
    """Compact JSON in UTF-8, as a good station sends it."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def untidy(fields: Fields, dice: Dice) -> bytes:
    """The record with optional fields missing or of the wrong type, with unknown fields, in another JSON dress."""
    for _ in range(dice.below(3)):
        block, name = dice.of(_MAY_GO)
        fields.get(block, {}).pop(name, None)
    for _ in range(dice.below(2)):
        block, name, wrong = dice.of(_NOT_SO)
        if name in fields.get(block, {}):
            fields[block][name] = wrong
    if dice.chance(25):
        fields |= {"schema": 3, "uploaded_by": {"version": "2.1", "tags": ["合成", None, 1.5e3, {"deep": []}]}}
    if dice.chance(10) and fields["kind"] in ("hotel_checkin", "identity_check"):
        fields["stay" if fields["kind"] == "hotel_checkin" else "check"] = "无"
    return _dressed(fields, dice)


def other_offset(moment: int, dice: Dice) -> str:
    """The same second in another offset, or with a fraction."""
    at = dt.datetime.fromtimestamp(moment, dt.UTC)
    ways = (at.isoformat().replace("+00:00", "Z"), at.astimezone(_NEPAL).isoformat(), at.isoformat(timespec="milliseconds"))
    return dice.of(ways)


def _dressed(fields: Fields, dice: Dice) -> bytes:
    way = dice.below(10)
    if way < 2:
        return json.dumps(fields, separators=(",", ":")).encode()  # ASCII only
    if way < 4:
        return json.dumps(fields, ensure_ascii=False).encode()  # spaces after , and :
    if way < 6:
        return encode(dict(reversed(fields.items())))
    value = encode(fields)
    if way == 6 and "person" in fields:
        first = fields["person"]["document"]["number"][0]
        value = value.replace(f'"number":"{first}'.encode(), f'"number":"\\u{ord(first):04x}'.encode(), 1)
    return value


def unreadable(fields: Fields, dice: Dice) -> tuple[str, bytes]:
    """Why the record cannot be read, and its bytes."""
    reason = dice.of(tuple(_SPOILERS))
    return reason, _SPOILERS[reason](fields)


def _subject(fields: Fields) -> str:
    return _SUBJECT_OF.get(fields["kind"], "person")


def _truncated(fields: Fields) -> bytes:
    return encode(fields)[:-7]


def _not_utf8(fields: Fields) -> bytes:
    """A station that sends GBK: its code is no UTF-8. In a required field, so that nothing of the record can be used."""
    return encode(fields).replace(b'"station":{"code":"', b'"station":{"code":"\xd6\xd0', 1)


def _without(*path: str) -> Callable[[Fields], bytes]:
    def spoil(fields: Fields) -> bytes:
        target = fields
        for name in path[:-1]:
            target = target[name]
        del target[path[-1]]
        return encode(fields)

    return spoil


def _with(value: Any, *path: str) -> Callable[[Fields], bytes]:
    def spoil(fields: Fields) -> bytes:
        target = fields
        for name in path[:-1]:
            target = target[name]
        target[path[-1]] = value
        return encode(fields)

    return spoil


def _no_subject(fields: Fields) -> bytes:
    return encode({name: value for name, value in fields.items() if name != _subject(fields)})


def _subject_without_identifier(fields: Fields) -> bytes:
    subject = _subject(fields)
    needless = ("document",) if subject == "person" else ("plate", "vin")
    fields[subject] = {name: value for name, value in fields[subject].items() if name not in needless}
    return encode(fields)


def _identifier_of_wrong_type(fields: Fields) -> bytes:
    subject = _subject(fields)
    if subject == "person":
        fields["person"]["document"]["number"] = 116000000
    else:
        fields["vehicle"] = {"plate": 12345}
    return encode(fields)


def _no_offset(fields: Fields) -> bytes:
    fields["occurred_at"] = fields["occurred_at"].removesuffix("+08:00")
    return encode(fields)


_SPOILERS: Final[dict[str, Callable[[Fields], bytes]]] = {
    "broken_json": _truncated,
    "not_an_object": lambda fields: json.dumps([fields["kind"]]).encode(),
    "invalid_utf8": _not_utf8,
    "missing_id": _without("id"),
    "missing_kind": _without("kind"),
    "missing_occurred_at": _without("occurred_at"),
    "missing_station_code": _without("station", "code"),
    "missing_subject": _no_subject,
    "missing_identifier": _subject_without_identifier,
    "unknown_kind": _with("karaoke_visit", "kind"),
    "wrong_type_id": _with(17, "id"),
    "wrong_type_station": _with("440106", "station"),
    "wrong_type_identifier": _identifier_of_wrong_type,
    "null_occurred_at": _with(None, "occurred_at"),
    "not_a_time": _with("昨天晚上", "occurred_at"),
    "no_offset": _no_offset,
}
