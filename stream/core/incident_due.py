"""What is owed of an incident: who is to be told now, of what, and since when it is overdue (S4.5).

The law gives 24 hours from the anomaly to the notice (双方应于系统发生异常的24小时内通知对方), so these waits run by the
clock from the opening, whoever was asleep meanwhile. A notice counts as given once a contact of the side took it, or one of
them acknowledged it. Pure: the moment is passed in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from stream.core.escalation import AnyLevel
from stream.core.incident_life import Incident
from stream.core.incident_record import SIDES, Side

GIVEN_UP_AFTER: Final = dt.timedelta(days=30)
"""So long after its resolution nothing of an incident is owed any more: nobody was there to take it."""


class Limits(NamedTuple):
    """How soon each side is to know, how long a level is waited for, and how soon an incident is to be resolved."""

    notice: dt.timedelta = dt.timedelta(hours=24)
    escalate: dt.timedelta = dt.timedelta(hours=4)
    resolve: dt.timedelta = dt.timedelta(hours=72)


class Late(StrEnum):
    """Why an incident is overdue."""

    NOT_NOTICED = "not_noticed"
    """A side does not know of it 24 hours after its opening."""
    NOT_ACKNOWLEDGED = "not_acknowledged"
    """Nobody of a side acknowledged it within the wait for one level."""
    NOT_RESOLVED = "not_resolved"


class Owed(NamedTuple):
    """News that a level of a side is to be told now. ``why`` is set of what goes to a higher level."""

    side: Side
    level: AnyLevel
    event: str
    why: Late | None = None
    is_last: bool = False


def notice_by(incident: Incident, limits: Limits) -> dt.datetime:
    """Until when both sides are to know."""
    return incident.round.at + limits.notice


def resolve_by(incident: Incident, limits: Limits) -> dt.datetime:
    return incident.round.at + limits.resolve


def late(incident: Incident, now: dt.datetime, limits: Limits) -> tuple[Late, ...]:
    """Why an incident is overdue; nothing where it is not, or is resolved. A notice that is late is so until it is given."""
    found = []
    if is_given_up(incident, now):
        return ()
    if now >= notice_by(incident, limits) and not all(incident.round.noticed_at(side) for side in SIDES):
        found.append(Late.NOT_NOTICED)
    if not incident.is_open:
        return tuple(found)
    if now >= incident.round.at + limits.escalate and not all(incident.round.acknowledged_at(side) for side in SIDES):
        found.append(Late.NOT_ACKNOWLEDGED)
    if now >= resolve_by(incident, limits):
        found.append(Late.NOT_RESOLVED)
    return tuple(found)


def owed(incident: Incident, chains: Mapping[Side, Sequence[AnyLevel]], now: dt.datetime, limits: Limits) -> tuple[Owed, ...]:
    """What is to be told now and has not been taken. ``chains``: each side's levels that have an endpoint, nearest first.

    The notice itself is owed after the incident is resolved, too: the law asks for it of every anomaly.
    """
    if is_given_up(incident, now):
        return ()
    return tuple(one for side in SIDES for one in _owed(incident, side, chains.get(side, ()), now, limits))


def is_given_up(incident: Incident, now: dt.datetime) -> bool:
    """Whether it was resolved so long ago that nobody will take the news of it."""
    return incident.resolved is not None and now - incident.resolved.at >= GIVEN_UP_AFTER


def _owed(incident: Incident, side: Side, chain: Sequence[AnyLevel], now: dt.datetime, limits: Limits) -> Iterator[Owed]:
    round_ = incident.round
    if not chain:
        return
    if round_.noticed_at(side) is None or (incident.is_open and not round_.has(round_.event, side, chain[0])):
        yield Owed(side, chain[0], round_.event)
    if incident.is_open:
        for number, why in enumerate(_due(incident, side, len(chain) - 1, now, limits), 1):
            event = round_.overdue(chain[number])
            if not round_.has(event, side, chain[number]):
                yield Owed(side, chain[number], event, why, is_last=number == len(chain) - 1)
    elif incident.resolution is not None:
        for level in dict.fromkeys(one.level for one in round_.told if one.side == side):
            if not round_.has(incident.resolution, side, level):
                yield Owed(side, level, incident.resolution)


def _due(incident: Incident, side: Side, levels: int, now: dt.datetime, limits: Limits) -> Iterator[Late]:
    """For each higher level that is due by now, why.

    An acknowledgement puts the next one off until the incident is to be resolved.
    """
    acknowledged_at, at = incident.round.acknowledged_at(side), incident.round.at
    for _ in range(levels):
        at += limits.escalate
        why = Late.NOT_ACKNOWLEDGED
        if acknowledged_at is not None and acknowledged_at < at:
            at, why = max(at, resolve_by(incident, limits)), Late.NOT_RESOLVED
        if at > now:
            return
        yield why
