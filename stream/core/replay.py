"""Replay: why a past sighting did or did not hit at an instant, from the log alone (S5.2: every act can be explained later).

What the log of orders says up to the instant's positions goes through ``lifecycle.decide`` and ``resolve.judge``, the very
functions that decided then. Then what the topic ``hits`` holds is held against what the replay gives.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from matchers.keys import Key
from matchers.sighting import Sighting
from matchers.wire import UnreadableError
from stream.core.hit import Hit
from stream.core.resolve import Judgement, Outcome, hit_of, judge
from watchlists.index import Positions
from watchlists.lifecycle import UNKNOWN, Decision, Held, decide
from watchlists.order import Order, Release, ReleaseReason, read_order
from watchlists.policy import Policy

PolicyAt = Callable[[dt.datetime], Policy]
"""The policy that judged at an instant."""
NOT_COMPARED: Final = frozenset({"detected_at", "lookback"})
"""What of a hit no replay can give: they tell of the finding, not of the sighting and the order."""


class OrderRecord(NamedTuple):
    """A record of ``orders`` in its place; ``at`` is Kafka's time of it."""

    partition: int
    offset: int
    at: dt.datetime
    raw: bytes


class Step(NamedTuple):
    """What a record of ``orders`` did to its order. ``before``: it lies before the instant's positions."""

    partition: int
    offset: int
    at: dt.datetime
    version: int
    action: str
    court: str
    reason: ReleaseReason | None
    decision: Decision
    before: bool


class State(StrEnum):
    """Where an order that ever held one of the sighting's keys stood at an instant."""

    IN_PLACE = "in_place"
    OTHER_KEYS = "other_keys"
    """In place, but under a version that holds none of the sighting's keys."""
    RELEASED = "released"
    RELEASED_BEFORE_PLACED = "released_before_placed"
    NOT_YET = "not_yet"
    """No record of it lay before the instant."""


@dataclass(frozen=True, slots=True)
class OrderThen:
    """An order as it was at an instant.

    ``judgement`` is of the version that was in place, or that was released; None where there was none. ``versions`` are those
    that were ever in place, those after the instant included; ``newest`` is the last of them.
    """

    id: str
    state: State
    judgement: Judgement | None
    steps: tuple[Step, ...]
    versions: Mapping[int, Order]

    @property
    def is_hit(self) -> bool:
        return self.state is State.IN_PLACE and self.judgement is not None and self.judgement.outcome is Outcome.HIT

    @property
    def newest(self) -> Order | None:
        return self.versions[max(self.versions)] if self.versions else None


class LoggedHit(NamedTuple):
    """A record of ``hits`` in its place."""

    partition: int
    offset: int
    hit: Hit


class Agreement(StrEnum):
    """How the log and the replay stand to each other."""

    AGREES = "agrees"
    LATER = "later"
    """The log has the hit, and found it only after the instant."""
    NO_MORE = "no_more"
    """It was a hit when it was found, and was none any more at the instant."""
    MISSING = "missing"
    """It is a hit, and the log has none of it."""
    DIFFERS = "differs"
    """A hit on the log is not what the replay gives of the order version that it names."""


class Finding(NamedTuple):
    """``differences``: the fields of a hit in which log and replay differ; empty unless they do."""

    agreement: Agreement
    differences: tuple[str, ...]


class Found(NamedTuple):
    """What it takes to judge the hits on the log again.

    ``passed_over`` are fields that are not compared, since this sighting is not as it came. How far the filter was is not
    asked: a hit is told at once by what the index holds, which may be less; the fence stops what ended meanwhile.
    """

    sighting: Sighting
    policy_at: PolicyAt
    passed_over: Collection[str] = ()


def replay(records: Sequence[OrderRecord], sighting: Sighting, policy: Policy, positions: Positions) -> list[OrderThen]:
    """Every order of these records as it was at the positions, and what it was to the sighting; by the time of their first.

    ``records`` are all those of each order's id, later ones included, in any order of the partitions.
    """
    keys = frozenset(sighting.keys())
    lives: dict[str, _Life] = {}
    for record in _in_time(records):
        try:
            read = read_order(record.raw)
        except UnreadableError:  # what the quick reader of columns took and nobody took over
            continue
        before = record.offset < positions.get(record.partition, 0)
        lives.setdefault(read.id, _Life()).take(record, read, before=before)
    return [life.then(order_id, sighting, keys, policy) for order_id, life in lives.items()]


def held_against(then: OrderThen, hits: Sequence[LoggedHit], found: Found, instant: dt.datetime) -> Finding:
    """What the log says of an order and the sighting, against the replay of both."""
    differences = {name for logged in hits for name in _differences(then, logged.hit, found)}
    if differences:
        return Finding(Agreement.DIFFERS, tuple(sorted(differences)))
    known_then = any(logged.hit.detected_at <= instant for logged in hits)
    if then.is_hit:
        agreement = Agreement.AGREES if known_then else Agreement.LATER if hits else Agreement.MISSING
    else:
        agreement = Agreement.NO_MORE if known_then else Agreement.LATER if hits else Agreement.AGREES
    return Finding(agreement, ())


def _differences(then: OrderThen, hit: Hit, found: Found) -> Iterator[str]:
    """The fields in which a hit differs from what its order version and the sighting give."""
    order = then.versions.get(hit.order_version)
    if order is None:
        yield "order_version"
        return
    policy = found.policy_at(hit.detected_at)
    again = hit_of(judge(order, found.sighting, policy), found.sighting, policy, hit.detected_at)
    if again is None:
        yield "outcome"
        return
    for name in Hit.model_fields.keys() - NOT_COMPARED - set(found.passed_over):
        if getattr(again, name) != getattr(hit, name):
            yield name


class _Life:
    """What becomes of one order's id, record by record."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._versions: dict[int, Order] = {}
        self._held = self._held_then = UNKNOWN
        self._placed: Order | None = None
        self._placed_then: Order | None = None

    def take(self, record: OrderRecord, read: Order | Release, *, before: bool) -> None:
        decision, self._held = decide(self._held, read)
        if decision.changes and isinstance(read, Order):
            self._placed = self._versions[read.version] = read
        if before:
            self._held_then, self._placed_then = self._held, self._placed
        reason = read.reason if isinstance(read, Release) else None
        place = (record.partition, record.offset, record.at)
        self._steps.append(Step(*place, read.version, read.action, read.court.code, reason, decision, before))

    def then(self, order_id: str, sighting: Sighting, keys: frozenset[Key], policy: Policy) -> OrderThen:
        placed = self._placed_then
        judgement = None if placed is None else judge(placed, sighting, policy)
        state = _state(self._held_then, placed, keys)
        return OrderThen(order_id, state, judgement, tuple(self._steps), self._versions)


def _state(held: Held, placed: Order | None, keys: frozenset[Key]) -> State:
    if placed is None or held.court is None:
        return State.RELEASED_BEFORE_PLACED if held.tombstones else State.NOT_YET
    if held.released:
        return State.RELEASED
    return State.OTHER_KEYS if keys.isdisjoint(placed.keys()) else State.IN_PLACE


def _in_time(records: Sequence[OrderRecord]) -> Iterator[OrderRecord]:
    """Each partition in its own order, and the partitions merged by Kafka's times: an id's records are in one of them unless
    partitions were added."""
    by_partition: dict[int, list[OrderRecord]] = {}
    for record in sorted(records):
        by_partition.setdefault(record.partition, []).append(record)
    merged = heapq.merge(*map(_never_back, by_partition.values()), key=lambda pair: (pair[0], pair[1].partition))
    return (record for _, record in merged)


def _never_back(records: Sequence[OrderRecord]) -> list[tuple[dt.datetime, OrderRecord]]:
    """Each record with the latest time so far: producers' clocks differ, and the log's order is what counts."""
    latest, timed = records[0].at, []
    for record in records:
        latest = max(latest, record.at)
        timed.append((latest, record))
    return timed
