"""An explanation, as JSON has it: of the present state, and of a replay; and what of it somebody may see.

One shape for the command and for the door. Times are aware datetimes until they are written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from matchers.sighting import Sighting
from matchers.verdict import SAYS
from stream.core.authority import Owner
from stream.core.hit import Says, hit_id
from stream.core.replay import Agreement, Finding, LoggedHit, OrderThen, State, Step
from stream.core.resolve import Judgement, Outcome
from watchlists.index import Positions
from watchlists.policy import Allowed, Denied

Source = Literal["given", "candidates", "sightings", "hits"]
"""Where a sighting was read: as it was given, or from which topics."""

OUTCOMES: Final = {
    Outcome.HIT: Says(zh="命中", en="hit"),
    Outcome.OTHER_SUBJECT: Says(zh="不是同一对象", en="not the subject of the order"),
    Outcome.BEFORE_CONTROL: Says(zh="早于控制期限", en="before the control period"),
    Outcome.AFTER_CONTROL: Says(zh="控制期限已过", en="after the control period"),
    Outcome.NO_RULE: Says(zh="政策无此规则", en="no policy rule lets this pair hit"),
    Outcome.OVERLAY: Says(zh="省级细则排除", en="a province's overlay takes the rule away"),
}
STATES: Final = {
    State.IN_PLACE: Says(zh="在控", en="in place"),
    State.OTHER_KEYS: Says(zh="已变更，不再含有这些关键字", en="amended: it holds none of these keys any more"),
    State.RELEASED: Says(zh="已解除", en="released"),
    State.RELEASED_BEFORE_PLACED: Says(zh="先于下达已解除", en="released before it was placed"),
    State.NOT_YET: Says(zh="尚未下达", en="not placed yet"),
}
AGREEMENTS: Final = {
    Agreement.AGREES: Says(zh="日志与重演一致", en="the log and the replay agree"),
    Agreement.LATER: Says(zh="命中在此刻之后才记入日志", en="the hit came to stand on the log only after this instant"),
    Agreement.NO_MORE: Says(zh="曾为命中，此刻已不再是", en="it was a hit when it was found, and at this instant no more"),
    Agreement.MISSING: Says(zh="重演为命中，而日志中没有", en="the replay gives a hit, and the log has none"),
    Agreement.DIFFERS: Says(zh="日志与重演不符", en="the log and the replay differ"),
}


class Arrived(NamedTuple):
    """Where a sighting lies on the log; ``at`` is Kafka's time of it."""

    topic: str
    partition: int
    offset: int
    at: dt.datetime


class Screened(NamedTuple):
    """When a filter took the sighting for a maybe, and how far in ``orders`` that filter was."""

    at: dt.datetime
    positions: Positions
    lookback: bool


class Everywhere(NamedTuple):
    """When a version of an order was in force everywhere, or released everywhere."""

    version: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class OrderPast:
    """An order at an instant, and what the log has of it and the sighting."""

    then: OrderThen
    hits: Sequence[LoggedHit]
    finding: Finding
    everywhere: Sequence[Everywhere]


@dataclass(frozen=True, slots=True)
class Past:
    """A sighting at an instant, replayed.

    ``whole`` is False where the log of orders has lost its beginning; ``times_known`` where nobody can say any more when
    orders were in force everywhere.
    """

    sighting: Sighting
    source: Source
    at: dt.datetime
    positions: Positions
    policy_version: str
    arrived: Arrived | None
    screened: Screened | None
    orders: Sequence[OrderPast]
    whole: bool
    times_known: bool

    @property
    def agrees(self) -> bool:
        """Whether nothing on the log speaks against the replay."""
        return all(order.finding.agreement is not Agreement.DIFFERS for order in self.orders)


def judgement_object(judgement: Judgement, seen: Sighting) -> dict[str, Any]:
    """What was found of one order: every comparison, the control period, the policy."""
    order = judgement.order
    return {
        "order_id": order.id,
        "version": order.version,
        "measure": order.measure,
        "court": order.court.code,
        "outcome": judgement.outcome.value,
        "says": OUTCOMES[judgement.outcome].model_dump(),
        "certainty": judgement.verdict.certainty if judgement.verdict.matches else None,
        "evidence": [
            {"on": e.on, "sighting": e.sighting, "order": e.order, "rule": e.rule.value, "says": SAYS[e.rule]._asdict()}
            for e in judgement.verdict.evidence
        ],
        "control": {"from": order.control.from_, "until": order.control.until, "occurred_at": seen.occurred_at},
        "policy": _ruling(judgement.policy),
        "warnings": list(order.warnings()),
        "hit_id": hit_id(order.id, seen.station.code, seen.id) if judgement.outcome is Outcome.HIT else None,
    }


def past_object(past: Past) -> dict[str, Any]:
    """The replay of a sighting, whole: for whoever may see everything, or to be ``restricted``."""
    seen = past.sighting
    return {
        "sighting": seen.id,
        "station": seen.station.code,
        "kind": seen.kind,
        "occurred_at": seen.occurred_at,
        "source": past.source,
        "at": past.at,
        "positions": _positions(past.positions),
        "policy_version": past.policy_version,
        "arrived": None if past.arrived is None else past.arrived._asdict(),
        "screened": _screened(past.screened),
        "keys": [{"kind": key.kind, "value": key.value} for key in seen.keys()],
        "warnings": list(seen.warnings),
        "orders": [_order_object(order, seen) for order in past.orders],
        "hits": sum(order.then.is_hit for order in past.orders),
        "agrees": past.agrees,
        "whole": past.whole,
        "times_known": past.times_known,
    }


def restricted(
    past: Mapping[str, Any], may_see: Callable[[Owner], bool], tellable: Collection[str], *, given: bool
) -> dict[str, Any] | None:
    """What somebody may see of a replay; None: nothing, as if there were no such sighting.

    Of another's order nothing is told, nor that there is one. ``given``: they sent the sighting, so they know it. One that is
    only named is told where it hit one of their orders, and the hit is ``tellable``: where no article lets an order's court
    know of a sighting, or the order was released before it came, naming it at an instant that suits must not be a way to
    hear of it. So, too, that the log has a sighting, or that a filter took it for a maybe, which another's order may have
    caused, is told only with such a hit. What else was in the sighting is nobody's business.
    """
    orders = [_as_if(order, tellable) for order in past["orders"] if may_see(Owner(**order["owner"]))]
    seen = [order for order in orders if given or order["hits"]]
    if not seen and not given:
        return None
    told = dict(past)
    told["orders"] = [_own(order, may_see) for order in seen]
    told["hits"] = sum(order["is_hit"] for order in seen)
    told["agrees"] = all(order["agreement"] != Agreement.DIFFERS for order in seen)
    if not given:
        told["keys"], told["warnings"] = [], []
    if not any(order["hits"] for order in seen):
        told["arrived"] = told["screened"] = None
    return told


def _as_if(order: Mapping[str, Any], tellable: Collection[str]) -> Mapping[str, Any]:
    """An order as if the log had no hit of it that may not be told."""
    if not order["hits"] or order["hit_id"] in tellable:
        return order
    agreement = Agreement.MISSING if order["is_hit"] else Agreement.AGREES
    says = AGREEMENTS[agreement].model_dump()
    hit = order["hit_id"] if order["is_hit"] else None
    return {**order, "hits": [], "hit_id": hit, "agreement": agreement.value, "agreement_says": says, "differences": []}


def _own(order: Mapping[str, Any], may_see: Callable[[Owner], bool]) -> dict[str, Any]:
    """An order without what courts that are not open to whoever asks tried with its id."""
    told = {name: value for name, value in order.items() if name != "owner"}
    told["steps"] = [step for step in order["steps"] if step["court"] == order["court"] or may_see(Owner(court=step["court"]))]
    return told


def _order_object(order: OrderPast, seen: Sighting) -> dict[str, Any]:
    then, finding = order.then, order.finding
    judged = {} if then.judgement is None else judgement_object(then.judgement, seen)
    outcome = judged["outcome"] if then.state is State.IN_PLACE else then.state.value
    says = judged["says"] if then.state is State.IN_PLACE else STATES[then.state].model_dump()
    owner = _owner(then)
    return {
        "version": None,
        "measure": None,
        "certainty": None,
        "evidence": [],
        "control": None,
        "policy": None,
        "warnings": [],
        **judged,
        "order_id": then.id,
        "court": owner.court,
        "state": then.state.value,
        "outcome": outcome,
        "says": says,
        "is_hit": then.is_hit,
        "hit_id": hit_id(then.id, seen.station.code, seen.id) if then.is_hit or order.hits else None,
        "steps": [_step(step) for step in then.steps],
        "everywhere": [mark._asdict() for mark in order.everywhere],
        "hits": [_hit(logged) for logged in order.hits],
        "agreement": finding.agreement.value,
        "agreement_says": AGREEMENTS[finding.agreement].model_dump(),
        "differences": list(finding.differences),
        "owner": {"court": owner.court, "province": owner.province, "handler": owner.handler},
    }


def _owner(then: OrderThen) -> Owner:
    """Whose an order is: its newest version's. One that was never in place is nobody's."""
    newest = then.newest
    return Owner() if newest is None else Owner(newest.court.code, newest.court.province, None, newest.handler.name)


def _hit(logged: LoggedHit) -> dict[str, Any]:
    hit = logged.hit
    return {
        "order_version": hit.order_version,
        "detected_at": hit.detected_at,
        "lookback": hit.lookback,
        "certainty": hit.certainty,
        "instruction": hit.instruction,
        "rule": hit.rule,
        "policy_version": hit.policy_version,
        "partition": logged.partition,
        "offset": logged.offset,
    }


def _step(step: Step) -> dict[str, Any]:
    return {**step._asdict(), "decision": step.decision.value}


def _screened(screened: Screened | None) -> dict[str, Any] | None:
    return None if screened is None else {**screened._asdict(), "positions": _positions(screened.positions)}


def _positions(positions: Positions) -> dict[str, int]:
    return {str(partition): offset for partition, offset in sorted(positions.items())}


def _ruling(ruling: Allowed | Denied) -> dict[str, Any]:
    if isinstance(ruling, Denied):
        return {"denied": ruling.why, "detail": ruling.detail}
    return {
        "rule": ruling.rule,
        "instruction": ruling.instruction,
        "response": ruling.response,
        "respond_within_s": int(ruling.respond_within.total_seconds()),
        "group_within_s": int(ruling.group_within.total_seconds()),
        "expires_at": ruling.expires_at,
    }
