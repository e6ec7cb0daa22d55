"""What a record of the topic ``orders`` does to what is held of its id: the one place where that is decided.

A lower or equal version than the one held changes nothing, so replays and late arrivals are harmless. Only the issuing court
may amend or release. A release is final. A release of an unknown id leaves a tombstone for that id and court; it stops that
court's order and no other's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol


class Decision(StrEnum):
    """What a record did; also the metric's label and the reason on a dead letter."""

    PLACED = "placed"
    AMENDED = "amended"
    RELEASED = "released"
    TOMBSTONED = "tombstoned"
    STALE = "stale"
    ALREADY_RELEASED = "already_released"
    REFUSED_OTHER_COURT = "other_court"
    REFUSED_AFTER_RELEASE = "after_release"

    @property
    def refused(self) -> bool:
        return self in (Decision.REFUSED_OTHER_COURT, Decision.REFUSED_AFTER_RELEASE)

    @property
    def changes(self) -> bool:
        return self in (Decision.PLACED, Decision.AMENDED, Decision.RELEASED, Decision.TOMBSTONED)


SAYS = {
    Decision.REFUSED_OTHER_COURT: "only the court that issued an order may amend or release it",
    Decision.REFUSED_AFTER_RELEASE: "the order was released, which is final: place a new order under a new id",
}


class _Court(Protocol):
    @property
    def code(self) -> str: ...


class Recorded(Protocol):
    """What is asked of an order or a release, whoever read it."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def action(self) -> str: ...
    @property
    def court(self) -> _Court: ...


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of an order's id. ``tombstones`` maps courts that released it, before it was placed, to the version."""

    court: str | None = None
    version: int = 0
    released: bool = False
    tombstones: tuple[tuple[str, int], ...] = ()

    def tombstone(self, court: str) -> int | None:
        return dict(self.tombstones).get(court)

    @property
    def in_place(self) -> bool:
        return self.court is not None and not self.released


class Change(NamedTuple):
    """A decision, and what is held after it."""

    decision: Decision
    held: Held


UNKNOWN = Held()


def decide(held: Held, record: Recorded) -> Change:
    """Apply one record to what is held of its id."""
    court, version = record.court.code, record.version
    if held.court is None:
        return _first(held, record, court, version)
    if court != held.court:
        return Change(Decision.REFUSED_OTHER_COURT, held)
    if version <= held.version:
        return Change(Decision.STALE, held)
    if held.released:
        ends = record.action == "release"
        return Change(Decision.ALREADY_RELEASED if ends else Decision.REFUSED_AFTER_RELEASE, held)
    if record.action == "release":
        return Change(Decision.RELEASED, Held(court, version, True, held.tombstones))
    return Change(Decision.AMENDED, Held(court, version, False, held.tombstones))


def _first(held: Held, record: Recorded, court: str, version: int) -> Change:
    tombstone = held.tombstone(court) if held.tombstones else None
    if record.action == "release":
        if tombstone is not None:
            return Change(Decision.STALE if version <= tombstone else Decision.ALREADY_RELEASED, held)
        return Change(Decision.TOMBSTONED, Held(tombstones=(*held.tombstones, (court, version))))
    if tombstone is not None:
        return Change(Decision.STALE if version <= tombstone else Decision.REFUSED_AFTER_RELEASE, held)
    return Change(Decision.PLACED, Held(court, version, False, held.tombstones))
