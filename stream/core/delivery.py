"""Delivery's decisions: is its order still in force, what an attempt's outcome means, and the receipt of every step.

No I/O: the connectors do what is decided here, and every decision is a ``Reason`` that is also the metric's label, the
log's field and the receipt's outcome.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

import msgspec
from pydantic import Field

from matchers.wire import Message, Timestamp
from stream.core.escalation import Level
from stream.core.hit import Hit
from watchlists.index import Standing

Step = Literal[
    "planned",
    "held",
    "instructed",
    "attempting",
    "attempted",
    "delivered",
    "skipped",
    "undeliverable",
    "confirmed",
    "escalated",
    "recalled",
    "withdrawing",
    "withdrawn",
]
"""What a receipt tells of. ``planned``: who will be told; ``held``: told later, as part of a matter; ``instructed`` and
``recalled``: the station; ``attempting`` (of what waited in the ledger: no record of Kafka comes again for it) to
``undeliverable``: the court; ``withdrawing``: an attempt to say that it is void."""


class Reason(StrEnum):
    """Why a delivery step went as it did."""

    NEW = "new"
    UPDATE = "update"
    REPEATED = "repeated"
    CARRIES = "carries"
    GROUPED = "grouped"
    BEGUN = "begun"
    NOT_SENT = "not_sent"
    DELIVERED = "delivered"
    ALREADY_DELIVERED = "already_delivered"
    UNCHANGED = "unchanged"
    ORDER_RELEASED = "order_released"
    ORDER_CHANGED = "order_changed"
    NO_HIT_ANY_MORE = "no_hit_any_more"
    NO_ENDPOINT = "no_endpoint"
    NO_ANSWER = "no_answer"
    ENDPOINT_GONE = "endpoint_gone"
    BUSY = "busy"
    ACKNOWLEDGED = "acknowledged"
    TAKING_OVER = "taking_over"
    NOT_SAME = "not_same"
    EXECUTED = "executed"
    NEEDS_MINUTES = "needs_minutes"
    CANNOT_ACT = "cannot_act"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    ADDRESS_REFUSED = "address_refused"
    CIRCUIT_OPEN = "circuit_open"
    TOO_LATE = "too_late"


class Facts(Message):
    """What a hit's story needs to know of the hit; no name, no number. It stands in the first receipts of a version."""

    hit_at: tuple[int, int] = Field(description="partition and offset of the hit in the topic hits")
    court: str
    instruction_id: str
    slot: str = Field(description="what makes a repetition: a digest of order, station, situation and answer")
    respond_within_s: int
    group_within_s: int
    chain: tuple[Level, ...] = Field(default=(), description="who is told, level by level, while nobody answers")
    expires_at: Timestamp


class Receipt(Message):
    """One step of a hit's story, on the topic ``receipts`` keyed by hit id."""

    hit_id: str
    order_id: str
    order_version: int
    at: Timestamp
    step: Step
    outcome: Reason
    attempt: int = Field(
        default=0,
        description="of a delivery or a withdrawal, from 1; of an escalation, the level from 1; of a confirmation, its"
        " milliseconds since 1970",
    )
    endpoint: str | None = Field(default=None, description="redacted: no user, query or secret")
    channel: str | None = None
    level: str | None = Field(default=None, description="who was told, along the court's chain")
    detail: str | None = None
    answer: str | None = Field(default=None, description="a digest of what was told")
    notification: str | None = Field(default=None, description="the id of the event that told, or that will")
    matter: str | None = Field(default=None, description="the repetition that the hit is part of")
    next_at: Timestamp | None = Field(default=None, description="when the hit is taken up again")
    began_at: Timestamp | None = Field(default=None, description="when the attempt began, which the fence had let pass")
    took_s: float = Field(default=0.0, description="seconds from the attempt's start to its end")
    may_have_arrived: bool = Field(default=False, description="the court may know, whatever the outcome")
    late: bool = Field(default=False, description="whether the news was stale when it was told")
    facts: Facts | None = None


def answer_of(hit: Hit) -> str:
    """A digest of what a hit tells: under a higher order version it is delivered again only where this differs."""
    told = (hit.certainty, hit.instruction, [item.rule for item in hit.evidence], hit.handler.phone, hit.court.code)
    return hashlib.blake2b(msgspec.json.encode(told), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Fence:
    """The fence's answer before an attempt: ``passes``, or the reason why nothing may be sent."""

    passes: bool
    reason: Reason


def fence(hit: Hit, standing: Standing) -> Fence:
    """Check the order before an attempt: released means no send, a newer version means judging again.

    An expiry after the sighting changes nothing, so the control period is not asked.
    """
    if not standing.held.in_place:
        return Fence(False, Reason.ORDER_RELEASED)
    if standing.held.version > hit.order_version:
        return Fence(False, Reason.ORDER_CHANGED)
    return Fence(True, Reason.NEW)


class RetryLadder(msgspec.Struct, frozen=True):
    """When to try again: doubling from ``first_s`` to ``longest_s``, each with full jitter of a half, until ``give_up_s``."""

    first_s: float = 0.5
    longest_s: float = 300.0
    give_up_s: float = 24 * 3600.0
    park_s: float = 2.0
    """A hit that waits longer than this waits in the ledger, and holds up none that came behind it."""

    def wait_s(self, attempt: int, dice: random.Random) -> float:
        """Seconds to wait after the given attempt (from 1) failed."""
        step = min(self.first_s * 2.0 ** min(attempt - 1, 30), self.longest_s)
        return step * dice.uniform(0.5, 1.0)

    def gives_up(self, since: dt.datetime, now: dt.datetime) -> bool:
        return (now - since).total_seconds() >= self.give_up_s


DEFAULT_LADDER: Final = RetryLadder()
