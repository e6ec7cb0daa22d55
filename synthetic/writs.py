"""Orders as records of the topic `orders`, and the sealed documents behind them."""

from __future__ import annotations

import hashlib
from typing import Any, Final, NamedTuple

import msgspec

from synthetic.checks import credit_code
from synthetic.clock import DAY, rfc3339
from synthetic.orders import Order, OrderBook

DOCUMENT_KINDS: Final = {
    "vehicle_seizure": ("sealing_ruling", "assistance_notice"),
    "judicial_detention": ("detention_decision", "assistance_notice"),
    "exit_restriction": ("restriction_decision",),
}
RELEASE_REASONS: Final = ("fulfilled", "revoked", "executed", "mistaken_identity")

_SPREAD: Final = 7919

_encode = msgspec.json.Encoder().encode


class Record(NamedTuple):
    """What is sent to Kafka: for an order, its id and its JSON."""

    key: bytes
    value: bytes


def sealed_document(order_id: str, kind: str) -> bytes:
    """The document that an order lists; its SHA-256 is the digest in the order."""
    return f"合成文书 SYNTHETIC DOCUMENT\n{order_id}\n{kind}\n".encode()


def order_record(book: OrderBook, order: Order, action: str = "place") -> Record:
    """A whole order, as `place` or as `amend`."""
    fields: dict[str, Any] = {
        "id": order.id,
        "version": order.version,
        "action": action,
        "measure": order.measure,
        "issued_at": rfc3339(order.issued),
        "case": _case(book, order),
        "court": _court(order),
        "handler": {"name": order.handler.name, "phone": order.handler.phone},
    }
    if order.subject.is_person:
        person = book.person(order.subject.number)
        fields["person"] = {
            "name": order.names[0],
            "former_names": order.names[1:],
            "sex": person.sex,
            "birth_date": person.birth.isoformat(),
            "documents": [{"type": d.type, "number": d.number} for _, d in order.documents],
        }
    else:
        fields["vehicle"] = _vehicle(book, order)
    fields["control"] = {
        "from": rfc3339(order.begins),
        "until": None if order.until is None else rfc3339(order.until),
        "requirement": order.requirement,
    }
    fields["documents"] = [
        {"kind": kind, "sha256": hashlib.sha256(sealed_document(order.id, kind)).hexdigest()}
        for kind in DOCUMENT_KINDS[order.measure]
    ]
    return Record(order.id.encode(), _encode(fields))


def release_record(order: Order, version: int, at: int, reason: str) -> Record:
    """The release of an order, issued at `at` (seconds since 1970)."""
    if reason not in RELEASE_REASONS:
        raise ValueError(f"{reason} is no reason for a release; there are {', '.join(RELEASE_REASONS)}")
    fields = {
        "id": order.id,
        "version": version,
        "action": "release",
        "issued_at": rfc3339(at),
        "court": _court(order),
        "reason": reason,
    }
    return Record(order.id.encode(), _encode(fields))


def _court(order: Order) -> dict[str, str]:
    return {"code": order.court.code, "name": order.court.name, "province": order.court.province}


def _case(book: OrderBook, order: Order) -> dict[str, Any]:
    issued = rfc3339(order.issued)
    word = "执" if order.role == "judgment_debtor" else "财保"
    lot = order.number * _SPREAD  # the court's own choices: how long ago it was filed, how much is claimed
    return {
        "number": f"({issued[:4]}){order.court.case_mark}{word}{order.number + 1}号",
        "filed_on": rfc3339(order.issued - (1 + lot % 199) * DAY)[:10],
        "party_role": order.role,
        "status": "open",
        "claim_amount": f"{(1 + lot % 4999) * 1000}.00",
        "party": _party(book, order),
    }


def _party(book: OrderBook, order: Order) -> dict[str, str]:
    if order.subject.is_person:
        person = book.person(order.subject.number)
        return {"kind": "natural_person", "name": person.name, "number": person.documents[0].number}
    body = f"{order.subject.number % 10**8:08}"
    code = credit_code(f"91{order.court.code if order.court.province != '66' else '650100'}", body)
    return {"kind": "organisation", "name": f"合成第{order.subject.number}号有限公司", "number": code}


def _vehicle(book: OrderBook, order: Order) -> dict[str, str]:
    vehicle = book.vehicle(order.subject.number)
    known = {"plate": order.plate, "plate_class": order.plate_class, "vin": order.vin}
    fields = {name: value for name, value in known.items() if value is not None}
    return fields | {"brand": vehicle.brand, "model": vehicle.model, "type": vehicle.type}
