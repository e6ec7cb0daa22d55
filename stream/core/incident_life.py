"""An incident's life, as the set of its records tells it (S4.5).

    open ──resolved──▶ resolved ──reopened──▶ open (a new round: both sides are told anew)

A pure function of the set: any order and any repeats of the same records say the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final, NamedTuple

from stream.core.escalation import AnyLevel
from stream.core.incident import IncidentKind, Opening
from stream.core.incident_record import SIDES, STEPS, IncidentRecord, Side

CONDITIONS: Final = frozenset(set(IncidentKind) - {IncidentKind.ODD_QUERYING, IncidentKind.BY_HAND})
"""Kinds of what stands for a while and passes, as the engine sees; the others are things that happened."""
_AFTER: Final = dt.timedelta(microseconds=1)
_RANK: Final = {step: rank for rank, step in enumerate(STEPS)}


class Told(NamedTuple):
    """A contact that has taken the news of an event, and when."""

    event: str
    side: Side
    level: AnyLevel
    at: dt.datetime


class Round(NamedTuple):
    """From an opening or reopening on. ``suffix`` sets its events apart from those of other rounds."""

    at: dt.datetime
    suffix: str
    told: tuple[Told, ...] = ()
    acknowledged: tuple[tuple[Side, dt.datetime], ...] = ()
    """When each side first acknowledged."""

    @property
    def event(self) -> str:
        """The news that it began, as its event is named."""
        return f"reopened.{self.suffix}" if self.suffix else "opened"

    def overdue(self, level: AnyLevel) -> str:
        """The news for a higher level, as its event is named."""
        return f"overdue.{level}.{self.suffix}" if self.suffix else f"overdue.{level}"

    def has(self, event: str, side: Side, level: AnyLevel) -> bool:
        """Whether that level of a side has taken that news."""
        return any((one.event, one.side, one.level) == (event, side, level) for one in self.told)

    def noticed_at(self, side: Side) -> dt.datetime | None:
        """Since when a side knows: a contact of theirs took the news, or one of them acknowledged it."""
        return min((at for of, at in self._known() if of == side), default=None)

    def acknowledged_at(self, side: Side) -> dt.datetime | None:
        return dict(self.acknowledged).get(side)

    def _known(self) -> list[tuple[Side, dt.datetime]]:
        return [(one.side, one.at) for one in self.told] + list(self.acknowledged)


class Incident(NamedTuple):
    """What is on record of an incident; ``round`` is the last, and ``steps`` are all of its records by time."""

    id: str
    opening: Opening
    opened_at: dt.datetime
    round: Round
    resolved: IncidentRecord | None
    """The step that resolved it, while it is."""
    standing: IncidentRecord | None
    """Of a condition: the step by which the engine said last that it stands; None once it has passed."""
    changed: IncidentRecord
    """The last step by which the engine said whether the condition stands."""
    steps: tuple[IncidentRecord, ...]

    @property
    def is_open(self) -> bool:
        return self.resolved is None

    @property
    def resolution(self) -> str | None:
        """The news that it is resolved, as its event is named."""
        return None if self.resolved is None else f"resolved.{self.resolved.id}"


def incident_of(records: Iterable[IncidentRecord]) -> Incident | None:
    """What records of one incident say together; None where its opening is not among them."""
    steps = merged(records)
    first = next((step for step in steps if step.opening is not None), None)
    if first is None or first.opening is None:
        return None
    round_, changed = Round(first.at, ""), first
    resolved: IncidentRecord | None = None
    for step in steps:
        match step.step:
            case "reopened" if resolved is not None:
                round_, resolved = Round(step.at, step.id), None
            case "resolved":
                resolved = resolved or step
            case "acknowledged" if step.by is not None and step.by.side is not None:
                round_ = _acknowledged(round_, step.by.side, step.at)
            case _:
                pass
        if step.step in ("reopened", "recurred", "cleared"):
            changed = step
    told = _told(steps, round_, resolved)
    is_condition = first.opening.kind in CONDITIONS
    standing = changed if is_condition and changed.step != "cleared" else None
    return Incident(
        first.incident_id, first.opening, first.at, round_._replace(told=told), resolved, standing, changed, tuple(steps)
    )


def merged(*of: Iterable[IncidentRecord]) -> list[IncidentRecord]:
    """Records by time, each once: of several under one id the earliest counts."""
    first: dict[str, IncidentRecord] = {}
    for record in (record for records in of for record in records):
        known = first.get(record.id)
        if known is None or _place(record) < _place(known):
            first[record.id] = record
    return sorted(first.values(), key=_place)


def _place(record: IncidentRecord) -> tuple[dt.datetime, int, str, bytes]:
    return record.at, _RANK[record.step], record.id, record.body()


def _acknowledged(round_: Round, side: Side, at: dt.datetime) -> Round:
    if round_.acknowledged_at(side) is not None:
        return round_
    return round_._replace(acknowledged=(*round_.acknowledged, (side, at)))


def _told(steps: Iterable[IncidentRecord], round_: Round, resolved: IncidentRecord | None) -> tuple[Told, ...]:
    """What contacts took in this round: an event belongs to a round by its name, whatever the clocks said."""
    resolution = None if resolved is None else f"resolved.{resolved.id}"
    made = []
    for step in steps:
        if step.step != "told" or step.event is None or step.side is None or step.level is None:
            continue
        if step.event in (round_.event, round_.overdue(step.level), resolution):
            made.append(Told(step.event, step.side, step.level, step.at))
    return tuple(made)


def next_at(incident: Incident, now: dt.datetime) -> dt.datetime:
    """The time of a step that is taken now: later than all that whoever takes it has seen, whatever the clocks say."""
    return max(now, incident.steps[-1].at + _AFTER)


def is_settled(incident: Incident) -> bool:
    """Whether it is resolved, both sides know, and everybody who was told of it knows that it is resolved."""
    if incident.resolution is None or None in (incident.round.noticed_at(side) for side in SIDES):
        return False
    return all(incident.round.has(incident.resolution, one.side, one.level) for one in incident.round.told)


def thing_of(opening: Opening) -> str:
    """What an incident is about, as one name: its kind and its thing."""
    return f"{opening.kind.value} {opening.about}"
