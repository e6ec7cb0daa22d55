"""An endpoint's outage, as all workers share it, and what its court is to be told of it now.

    (none) ──down or gone──▶ under way ──a worker's probe delivered──▶ recovered ──the court was told──▶ over
                                 ◀─────────────down again, untold─────────┘

Several workers see the same endpoint fail, and each notes what it sees in one record. What the court is owed follows from
the record alone, so whoever looks at it next may tell it: once, and of each kind once an hour at most.

Pure: the moment is passed in.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from stream.core.delivery import Reason
from stream.core.health import Change
from stream.core.notice import Kind

EACH_KIND_AFTER: Final = dt.timedelta(hours=1)
"""So long after news of a kind, the same court is told no other of that kind about the same endpoint."""
UNSEEN_AFTER: Final = dt.timedelta(minutes=1)
"""An outage noted so long ago that no worker sees any more may be over: whoever saw it left."""
CLAIM: Final = dt.timedelta(minutes=2)
"""How long one worker has to tell; after that another may."""
RETRY_FIRST: Final = dt.timedelta(minutes=1)
RETRY_LONGEST: Final = dt.timedelta(hours=1)
_DOUBLINGS_MAX: Final = 10


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """What is on record of an endpoint that fails, or did."""

    kind: Kind
    since: dt.datetime
    noted_at: dt.datetime
    failures: int
    reason: Reason | None
    recovered_at: dt.datetime | None = None
    said: Kind | None = None
    """What the court was told last of this outage."""
    told: dict[Kind, dt.datetime] = {}
    """When the court was told of each kind last, of this outage or an earlier one."""
    claimed_until: dt.datetime | None = None
    tries: int = 0
    next_at: dt.datetime | None = None


class Why(StrEnum):
    """Why the court is told now, or is not."""

    NEWS = "news"
    UNSEEN = "unseen"
    TOLD = "told"
    TOLD_RECENTLY = "told_recently"
    CLAIMED = "claimed"
    WAITS = "waits"


class Decision(NamedTuple):
    """What the court is to be told now; ``kind`` is None for nothing.

    ``why`` is ``unseen`` where the news is told by the endpoint alone, since its delivery is what proves it.
    """

    kind: Kind | None
    why: Why


def noted(outage: Outage | None, kind: Kind, change: Change) -> Outage | None:
    """The record once a worker's change is noted in it; None where there is nothing to record.

    An endpoint that is gone stays gone. One that fails again before its court was told of the recovery never recovered.
    """
    health = change.health
    since = health.since or change.at
    if kind is Kind.RECOVERED:
        if outage is None or outage.kind is Kind.GONE or outage.recovered_at is not None:
            return outage
        return msgspec.structs.replace(outage, recovered_at=change.at, tries=0, next_at=None)
    if outage is None or is_over(outage):
        told = {} if outage is None else outage.told
        return Outage(kind=kind, since=since, noted_at=change.at, failures=health.failures, reason=health.reason, told=told)
    worse = Kind.GONE if Kind.GONE in (kind, outage.kind) else Kind.DOWN
    fresh = worse is not outage.kind or outage.recovered_at is not None
    return msgspec.structs.replace(
        outage,
        kind=worse,
        since=min(since, outage.since),
        noted_at=max(change.at, outage.noted_at),
        failures=max(health.failures, outage.failures),
        reason=health.reason,
        recovered_at=None,
        tries=0 if fresh else outage.tries,
        next_at=None if fresh else outage.next_at,
    )


def decide(outage: Outage, now: dt.datetime, *, is_seen: bool) -> Decision:
    """What the court is to be told now. ``is_seen``: some worker finds the endpoint failing."""
    kind, why = (Kind.RECOVERED if outage.recovered_at is not None else outage.kind), Why.NEWS
    if kind is Kind.DOWN and not is_seen and now - outage.noted_at >= UNSEEN_AFTER:
        kind, why = Kind.RECOVERED, Why.UNSEEN
    last = outage.told.get(kind)
    if outage.said is kind:
        return Decision(None, Why.TOLD)
    if last is not None and now - last < EACH_KIND_AFTER:
        return Decision(None, Why.TOLD_RECENTLY)
    if outage.claimed_until is not None and now < outage.claimed_until:
        return Decision(None, Why.CLAIMED)
    if outage.next_at is not None and now < outage.next_at:
        return Decision(None, Why.WAITS)
    return Decision(kind, why)


def claimed(outage: Outage, now: dt.datetime) -> Outage:
    """One worker tells, and no other does meanwhile."""
    return msgspec.structs.replace(outage, claimed_until=now + CLAIM)


def let_go(outage: Outage) -> Outage:
    """The worker that was to tell leaves."""
    return msgspec.structs.replace(outage, claimed_until=None)


def told(outage: Outage, kind: Kind, now: dt.datetime, *, proved: bool = False) -> Outage:
    """The court was told. ``proved``: by that, the endpoint recovered."""
    return msgspec.structs.replace(
        outage,
        recovered_at=now if proved else outage.recovered_at,
        said=kind,
        told={**outage.told, kind: now},
        claimed_until=None,
        tries=0,
        next_at=None,
    )


def not_told(outage: Outage, now: dt.datetime) -> Outage:
    """Nobody took the news; it is tried again after waits that double."""
    wait = min(RETRY_FIRST * 2 ** min(outage.tries, _DOUBLINGS_MAX), RETRY_LONGEST)
    return msgspec.structs.replace(outage, claimed_until=None, tries=outage.tries + 1, next_at=now + wait)


def is_over(outage: Outage) -> bool:
    """The endpoint recovered, and its court knows."""
    return outage.recovered_at is not None and outage.said is Kind.RECOVERED


def is_forgotten(outage: Outage, now: dt.datetime) -> bool:
    """Nothing is owed by the record any more, and it holds back nothing."""
    return is_over(outage) and all(now - at >= EACH_KIND_AFTER for at in outage.told.values())
