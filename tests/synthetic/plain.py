"""The contract's matching once more: slow, plain, from the bytes alone, every order against every sighting."""

import datetime as dt
import json
import re
import unicodedata
from typing import Any, NamedTuple

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
TYPES = {"resident_id", "passport", "hk_macau_permit", "taiwan_permit", "exit_entry_permit", "foreign_permanent_residence"}
GAPS = dict.fromkeys(map(ord, "-‐·・•‧ "))


class PlainOrder(NamedTuple):
    fields: dict[str, Any]
    begins: dt.datetime
    until: dt.datetime | None
    documents: set[tuple[str, str]]
    names: set[str]


def plain_order(value: bytes) -> PlainOrder:
    fields = json.loads(value)
    person = fields.get("person", {})
    control = fields["control"]
    return PlainOrder(
        fields,
        dt.datetime.fromisoformat(control["from"]),
        control["until"] and dt.datetime.fromisoformat(control["until"]),
        {document(d["type"], d["number"]) for d in person.get("documents", ())},
        {name(n) for n in (person.get("name"), *person.get("former_names", ())) if n},
    )


def judged(order: PlainOrder, sighting: dict[str, Any]) -> tuple[str, str] | None:
    """(certainty, instruction), or None for no hit."""
    at = dt.datetime.fromisoformat(sighting["occurred_at"])
    if at < order.begins or (order.until is not None and at >= order.until):
        return None
    told = instruction(order, sighting)
    certainty = match_vehicle(order, sighting) if "vehicle" in order.fields else match_person(order, sighting)
    return (certainty, told) if certainty and told else None


def instruction(order: PlainOrder, sighting: dict[str, Any]) -> str | None:
    measure, kind = order.fields["measure"], sighting["kind"]
    if measure == "judicial_detention":
        return "call_court"
    if measure == "exit_restriction":
        if kind != "border_crossing":
            return None
        if sighting["crossing"]["direction"] == "exit":
            return order.fields["control"]["requirement"]
        return "none" if order.fields["case"]["party_role"] == "judgment_debtor" else None
    if kind == "border_crossing":
        return "call_court"
    occasion = sighting["inspection"]["occasion"] if kind == "vehicle_inspection" else None
    return {
        "transfer_registration": "refuse_registration",
        "mortgage_registration": "refuse_registration",
        "annual_inspection": "call_court",
        "roadside_check": "call_court",
    }.get(occasion)


def match_person(order: PlainOrder, sighting: dict[str, Any]) -> str | None:
    person = sighting.get("person")
    if not person or document(person["document"]["type"], person["document"]["number"]) not in order.documents:
        return None
    given = person.get("name")
    return "confirmed" if given is None or name(given) in order.names else "verify"


def match_vehicle(order: PlainOrder, sighting: dict[str, Any]) -> str | None:
    seen, known = sighting.get("vehicle"), order.fields["vehicle"]
    if not seen:
        return None
    vins = [vin(v["vin"]) for v in (seen, known) if v.get("vin")]
    if len(vins) == 2 and vins[0] == vins[1]:
        return "confirmed"
    if not seen.get("plate") or not known.get("plate"):
        return None
    (one, one_repaired), (other, other_repaired) = plate(seen["plate"]), plate(known["plate"])
    classes = [v["plate_class"] for v in (seen, known) if v.get("plate_class")]
    if one != other or (len(classes) == 2 and classes[0] != classes[1]):
        return None
    return "verify" if one_repaired or other_repaired or len(classes) < 2 or len(vins) == 2 else "confirmed"


def clean(text: str) -> str:
    return unicodedata.normalize("NFKC", text).upper().translate(GAPS)


def name(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().translate(dict.fromkeys(map(ord, "·・•‧ ")))


def document(kind: str, number: str) -> tuple[str, str]:
    number = clean(number)
    kind = kind if kind in TYPES else "other"
    if kind == "resident_id" and re.fullmatch("[0-9]{15}", number):
        number = number[:6] + "19" + number[6:]
        number += check(number)
    if kind != "resident_id" and is_resident_id(number):
        kind = "resident_id"
    if (kind == "hk_macau_permit" and re.fullmatch("[A-Z][0-9]{10}", number)) or (
        kind == "taiwan_permit" and re.fullmatch("[0-9]{10}", number)
    ):
        number = number[:-2]
    return kind, number


def check(digits: str) -> str:
    return "10X98765432"[sum(w * int(d) for w, d in zip(WEIGHTS, digits, strict=True)) % 11]


def is_resident_id(number: str) -> bool:
    if not re.fullmatch("[0-9]{17}[0-9X]", number) or check(number[:17]) != number[17]:
        return False
    try:
        dt.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return True


def plate(text: str) -> tuple[str, bool]:
    text = clean(text)
    read = text[:2] + text[2:].replace("I", "1").replace("O", "0")
    return read, read != text


def vin(text: str) -> str:
    return clean(text).translate(str.maketrans("IOQ", "100"))
