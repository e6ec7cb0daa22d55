"""Hits: a sighting that an order's court must know of, explained (contract, "Hit")."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any, Final, Self

from pydantic import Field

from matchers.sighting import Sighting
from matchers.verdict import SAYS, Certainty, Evidence, Verdict
from matchers.wire import Message, Timestamp
from watchlists.order import Court, Handler, Measure, Order
from watchlists.overlay import Liaison, Response
from watchlists.policy import Allowed, Instruction

HIT_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:chakong:hit")


class Says(Message):
    """One sentence in the engine's two languages."""

    zh: str
    en: str


class LiaisonContact(Message):
    """Whom to call at a court or a border station (S3.1)."""

    name: str
    phone: str

    @classmethod
    def of(cls, named: Liaison | None) -> Self | None:
        return None if named is None else cls(name=named.name, phone=named.phone)


class EvidenceItem(Message):
    on: str
    sighting: str | None
    order: str | None
    rule: str
    says: Says


class Hit(Message):
    """One hit on the topic ``hits``, keyed by court code. ``checks`` says what to check first when ``verify_first``.

    The topic is kept for ever: hits from before there was a response class are read as routine, each told at once.
    """

    id: str
    order_id: str
    order_version: int
    measure: Measure
    certainty: Certainty
    verify_first: bool
    evidence: tuple[EvidenceItem, ...]
    warnings: tuple[str, ...]
    checks: tuple[Says, ...]
    instruction: Instruction
    court: Court
    handler: Handler
    case_number: str
    sighting: dict[str, Any] = Field(description="as sent, less a person or vehicle that no evidence is about")
    occurred_at: Timestamp
    detected_at: Timestamp
    lookback: bool
    expires_at: Timestamp
    rule: str = Field(description="the policy rule that let it hit")
    policy_version: str = Field(description="the nation's, and that of each provincial overlay with a say in it (S5.3)")
    response: Response = Field(default="routine", description="how soon the handler is to answer")
    respond_within_s: int = Field(default=3600, ge=0, description="seconds from being told to the handler's answer")
    group_within_s: int = Field(
        default=0,
        ge=0,
        description="seconds within which the same subject, seen again by the same station in the same situation, is one"
        " matter; 0: told at once",
    )
    liaison: LiaisonContact | None = Field(
        default=None, description="whom the court may call at the station, where its province names one (S3.1)"
    )


def hit_id(order_id: str, station_code: str, sighting_id: str) -> str:
    """The id of the hit of an order and a sighting: the same pair gives the same id for ever (UUIDv5)."""
    name = json.dumps([order_id, station_code, sighting_id], ensure_ascii=False, separators=(",", ":"))
    return str(uuid.uuid5(HIT_NAMESPACE, name))


def make_hit(
    order: Order,
    sighting: Sighting,
    verdict: Verdict,
    allowed: Allowed,
    *,
    policy_version: str,
    liaison: Liaison | None = None,
    detected_at: dt.datetime,
    lookback: bool = False,
) -> Hit:
    """The hit of a candidate with a positive verdict that policy allows."""
    beside = _bystander(order.measure)
    return Hit(
        id=hit_id(order.id, sighting.station.code, sighting.id),
        order_id=order.id,
        order_version=order.version,
        measure=order.measure,
        certainty=verdict.certainty,
        verify_first=verdict.certainty == "verify",
        evidence=tuple(_item(evidence) for evidence in verdict.evidence),
        warnings=(*(warning for warning in sighting.warnings if not warning.startswith(beside)), *order.warnings()),
        checks=tuple(Says(zh=words.zh, en=words.en) for words in verdict.checks),
        instruction=allowed.instruction,
        court=order.court,
        handler=order.handler,
        case_number=order.case.number,
        sighting={name: value for name, value in sighting.fields.items() if name != beside},
        occurred_at=sighting.occurred_at,
        detected_at=detected_at,
        lookback=lookback,
        expires_at=allowed.expires_at,
        rule=allowed.rule,
        policy_version=policy_version,
        response=allowed.response,
        respond_within_s=int(allowed.respond_within.total_seconds()),
        group_within_s=int(allowed.group_within.total_seconds()),
        liaison=LiaisonContact.of(liaison),
    )


def _item(evidence: Evidence) -> EvidenceItem:
    words = SAYS[evidence.rule]
    return EvidenceItem(
        on=evidence.on,
        sighting=evidence.sighting,
        order=evidence.order,
        rule=evidence.rule.value,
        says=Says(zh=words.zh, en=words.en),
    )


def _bystander(measure: Measure) -> str:
    """Whom no evidence is about: a sealed car's driver, or the car of a wanted driver, is nobody's business."""
    return "person" if measure == "vehicle_seizure" else "vehicle"
