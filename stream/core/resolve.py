"""Resolving: a sighting and the orders that share a key with it -> judgements -> hits. Exact and explained.

Filters and keys only nominate. Here the subject is compared, the control period and the policy are asked, and each answer
comes with its reason, a no as well as a yes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from matchers.sighting import Sighting
from matchers.subject import Person, Vehicle
from matchers.verdict import Verdict, compare_persons, compare_vehicles
from stream.core.hit import Hit, make_hit
from watchlists.order import Order
from watchlists.policy import Allowed, Denied, Policy


class Outcome(StrEnum):
    """Why a candidate is a hit or is none; also the metric's label."""

    HIT = "hit"
    OTHER_SUBJECT = "other_subject"
    BEFORE_CONTROL = "before_control"
    AFTER_CONTROL = "after_control"
    NO_RULE = "no_rule"
    OVERLAY = "overlay"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer on one candidate: everything that ``explain`` shows."""

    order: Order
    outcome: Outcome
    verdict: Verdict
    policy: Allowed | Denied


def judge(order: Order, sighting: Sighting, policy: Policy) -> Judgement:
    """Judge one candidate. The order is taken to be in place; whether it was released is the index's to know."""
    verdict = _compare(order, sighting)
    ruling = policy.judge(order, sighting)
    return Judgement(order, _outcome(order, sighting, verdict, ruling), verdict, ruling)


def hit_of(
    judgement: Judgement, sighting: Sighting, policy: Policy, detected_at: dt.datetime, *, lookback: bool = False
) -> Hit | None:
    """The hit that a judgement amounts to, if it does."""
    if judgement.outcome is not Outcome.HIT or not isinstance(judgement.policy, Allowed):
        return None
    return make_hit(
        judgement.order,
        sighting,
        judgement.verdict,
        judgement.policy,
        policy_version=policy.version_of(judgement.order, sighting),
        liaison=policy.liaison_of_station(sighting.station.province, sighting.station.code),
        detected_at=detected_at,
        lookback=lookback,
    )


def resolve(sighting: Sighting, orders: Sequence[Order], policy: Policy, detected_at: dt.datetime) -> list[Hit]:
    """Every hit of a sighting among its candidate orders, in their order."""
    hits = (hit_of(judge(order, sighting, policy), sighting, policy, detected_at) for order in orders)
    return [hit for hit in hits if hit is not None]


def _compare(order: Order, sighting: Sighting) -> Verdict:
    sought = order.subject
    if isinstance(sought, Person):
        return compare_persons(sighting.person or Person(()), sought)
    return compare_vehicles(sighting.vehicle or Vehicle(), sought)


def _outcome(order: Order, sighting: Sighting, verdict: Verdict, ruling: Allowed | Denied) -> Outcome:
    if not verdict.matches:
        return Outcome.OTHER_SUBJECT
    if not order.controls(sighting.occurred_at):
        before = sighting.occurred_at < order.control.from_
        return Outcome.BEFORE_CONTROL if before else Outcome.AFTER_CONTROL
    if isinstance(ruling, Denied):
        return Outcome.OVERLAY if ruling.why == "overlay" else Outcome.NO_RULE
    return Outcome.HIT
