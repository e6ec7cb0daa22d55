"""Delivery's decisions: is a hit new, is its order still in force, what is told, and what an attempt's outcome means.

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

from matchers.wire import Message, Timestamp
from stream.core.hit import Hit
from watchlists.index import Standing

Step = Literal["instructed", "attempted", "delivered", "skipped", "undeliverable"]


class Reason(StrEnum):
    """Why a delivery step went as it did."""

    NEW = "new"
    UPDATE = "update"
    DELIVERED = "delivered"
    ALREADY_DELIVERED = "already_delivered"
    UNCHANGED = "unchanged"
    ORDER_RELEASED = "order_released"
    ORDER_CHANGED = "order_changed"
    NO_ENDPOINT = "no_endpoint"
    ENDPOINT_GONE = "endpoint_gone"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    ADDRESS_REFUSED = "address_refused"
    CIRCUIT_OPEN = "circuit_open"
    TOO_LATE = "too_late"


class Receipt(Message):
    """One step of a hit's story, on the topic ``receipts`` keyed by hit id."""

    hit_id: str
    order_id: str
    order_version: int
    at: Timestamp
    step: Step
    outcome: Reason
    attempt: int = 0
    endpoint: str | None = None
    detail: str | None = None
    answer: str | None = None


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

    def wait_s(self, attempt: int, dice: random.Random) -> float:
        """Seconds to wait after the given attempt (from 1) failed."""
        step = min(self.first_s * 2.0 ** min(attempt - 1, 30), self.longest_s)
        return step * dice.uniform(0.5, 1.0)

    def gives_up(self, since: dt.datetime, now: dt.datetime) -> bool:
        return (now - since).total_seconds() >= self.give_up_s


DEFAULT_LADDER: Final = RetryLadder()
