"""Orders as records of the topic `orders`, and the sealed documents behind them."""

from __future__ import annotations

from hashlib import sha256
from typing import Final, NamedTuple

from synthetic.checks import credit_code
from synthetic.clock import DAY, UTC_OFFSET, date, rfc3339
from synthetic.orders import Order, OrderBook
from synthetic.people import Person
from synthetic.places import CORPS
from synthetic.vehicles import Vehicle

DOCUMENT_KINDS: Final = {
    "vehicle_seizure": ("sealing_ruling", "assistance_notice"),
    "judicial_detention": ("detention_decision", "assistance_notice"),
    "exit_restriction": ("restriction_decision",),
}
RELEASE_REASONS: Final = ("fulfilled", "revoked", "executed", "mistaken_identity")

_SPREAD: Final = 7919
_CORPS_SEAT: Final = "650100"


class Record(NamedTuple):
    """What is sent to Kafka: for an order, its id and its JSON."""

    key: bytes
    value: bytes


def sealed_document(order_id: str, kind: str) -> bytes:
    """The document that an order lists; its SHA-256 is the digest in the order."""
    return f"合成文书 SYNTHETIC DOCUMENT\n{order_id}\n{kind}\n".encode()


def order_record(book: OrderBook, order: Order, action: str = "place") -> Record:
    """A whole order, as `place` or as `amend`.

    Written as text and not by way of a dict, which halves the time of a million orders: no value in this world has a
    character that JSON would escape.
    """
    number = order.subject.number
    subject = _person(book.person(number), order) if order.subject.is_person else _vehicle(book.vehicle(number), order)
    until = "null" if order.until is None else f'"{rfc3339(order.until)}"'
    requirement = "null" if order.requirement is None else f'"{order.requirement}"'
    documents = ",".join(
        [
            f'{{"kind":"{kind}","sha256":"{sha256(sealed_document(order.id, kind)).hexdigest()}"}}'
            for kind in DOCUMENT_KINDS[order.measure]
        ]
    )
    text = (
        f'{{"id":"{order.id}","version":{order.version},"action":"{action}","measure":"{order.measure}",'
        f'"issued_at":"{rfc3339(order.issued)}","case":{_case(book, order)},"court":{_court(order)},'
        f'"handler":{{"name":"{order.handler.name}","phone":"{order.handler.phone}"}},{subject},'
        f'"control":{{"from":"{rfc3339(order.begins)}","until":{until},"requirement":{requirement}}},'
        f'"documents":[{documents}]}}'
    )
    return Record(order.id.encode(), text.encode())


def release_record(order: Order, version: int, at: int, reason: str) -> Record:
    """The release of an order, issued at `at` (seconds since 1970)."""
    if reason not in RELEASE_REASONS:
        raise ValueError(f"{reason} is no reason for a release; there are {', '.join(RELEASE_REASONS)}")
    text = (
        f'{{"id":"{order.id}","version":{version},"action":"release","issued_at":"{rfc3339(at)}",'
        f'"court":{_court(order)},"reason":"{reason}"}}'
    )
    return Record(order.id.encode(), text.encode())


def _court(order: Order) -> str:
    court = order.court
    return f'{{"code":"{court.code}","name":"{court.name}","province":"{court.province}"}}'


def _case(book: OrderBook, order: Order) -> str:
    filed = date((order.filed + UTC_OFFSET) // DAY)
    word = "执" if order.role == "judgment_debtor" else "财保"
    case_number = f"({filed[:4]}){order.court.case_mark}{word}{order.number + 1}号"
    claim = (1 + order.number * _SPREAD % 4999) * 1000
    return (
        f'{{"number":"{case_number}","filed_on":"{filed}","party_role":"{order.role}","status":"open",'
        f'"claim_amount":"{claim}.00","party":{_party(book, order)}}}'
    )


def _party(book: OrderBook, order: Order) -> str:
    number = order.subject.number
    if order.subject.is_person:
        person = book.person(number)
        return f'{{"kind":"natural_person","name":"{person.name}","number":"{person.documents[0].number}"}}'
    region = order.court.code if order.court.province != CORPS.code else _CORPS_SEAT
    code = credit_code(f"91{region}", f"{number:08}")
    return f'{{"kind":"organisation","name":"合成第{number}号有限公司","number":"{code}"}}'


def _person(person: Person, order: Order) -> str:
    former = ",".join([f'"{name}"' for name in order.names[1:]])
    documents = ",".join([f'{{"type":"{kind}","number":"{number}"}}' for _, (kind, number) in order.documents])
    return (
        f'"person":{{"name":"{order.names[0]}","former_names":[{former}],"sex":"{person.sex}",'
        f'"birth_date":"{person.birth}","documents":[{documents}]}}'
    )


def _vehicle(vehicle: Vehicle, order: Order) -> str:
    known = (("plate", order.plate), ("plate_class", order.plate_class), ("vin", order.vin))
    fields = "".join([f'"{name}":"{value}",' for name, value in known if value is not None])
    return f'"vehicle":{{{fields}"brand":"{vehicle.brand}","model":"{vehicle.model}","type":"{vehicle.type}"}}'
