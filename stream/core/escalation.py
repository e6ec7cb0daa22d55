"""Escalation: who is told next of a hit that nobody answers, and when (S3.4).

A pure function of facts that are on the log; any order and any repeats of the same facts give the same answer. A level is
due once at most, and only one at a time: the wait for the next begins when the one before was told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from stream.core.confirmation import Confirmation, Meaning, latest

Level = Literal["handler", "duty_desk", "enforcement_bureau", "high_court", "national_command"]

LEVELS: Final[tuple[Level, ...]] = ("handler", "duty_desk", "enforcement_bureau", "high_court", "national_command")
"""From the one who is told of every hit to the last resort."""
PoliceLevel = Literal["station", "province_police", "national_police"]
POLICE_LEVELS: Final[tuple[PoliceLevel, ...]] = ("station", "province_police", "national_police")
"""The police's, who are told of incidents and never of hits."""
AnyLevel = Level | PoliceLevel

_RANK: Final = {level: rank for rank, level in enumerate(LEVELS)}


class Why(StrEnum):
    """Why a level is due, or why none is."""

    NO_ANSWER = "no_answer"
    NOT_DELIVERED = "not_delivered"
    TIME_ASKED_FOR_PASSED = "time_asked_for_passed"
    CANNOT_ACT = "cannot_act"
    ANSWERED = "answered"
    TOP_REACHED = "top_reached"


class Escalated(NamedTuple):
    """A level that was told, and when."""

    level: Level
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Due:
    """The level to be told from ``at`` on, and why; ``is_last`` when there is none above it."""

    at: dt.datetime
    level: Level
    why: Why
    is_last: bool


@dataclass(frozen=True, slots=True)
class Rest:
    """Nobody is due any more: it was ``answered``, or nobody is left above (``top_reached``)."""

    why: Why


def due(
    planned_at: dt.datetime,
    delivered_at: dt.datetime | None,
    respond_within: dt.timedelta,
    confirmations: Iterable[Confirmation],
    escalated: Iterable[Escalated],
    chain: Sequence[Level] = LEVELS,
) -> Due | Rest:
    """Who is to be told next, and from when on; a time that has passed means now.

    ``delivered_at`` is when the handler was first told, None while the news is on its way; ``escalated`` are the levels above
    the handler that were told. ``chain`` are the levels that this court has: nobody waits for a desk that is not there.
    """
    answer = latest(confirmations)
    if answer is not None and answer.meaning is Meaning.ENDS:
        return Rest(Why.ANSWERED)
    told = told_above(escalated)
    highest = max((_RANK[one.level] for one in told), default=0)
    above = [level for level in LEVELS[highest + 1 :] if level in chain]
    if not above:
        return Rest(Why.TOP_REACHED)
    at, why = _when(told[-1].at if told else None, planned_at, delivered_at, respond_within, answer)
    return Due(at, above[0], why, is_last=len(above) == 1)


def chain_within(has: Sequence[Level], province: Collection[str]) -> tuple[Level, ...]:
    """The levels that a court has, less those that its province passes over (S5.3).

    The highest that it has is never passed over: news may climb sooner, and always as high.
    """
    return tuple(level for level in has if level in province or level == has[-1])


def _when(
    told_at: dt.datetime | None,
    planned_at: dt.datetime,
    delivered_at: dt.datetime | None,
    respond_within: dt.timedelta,
    answer: Confirmation | None,
) -> tuple[dt.datetime, Why]:
    """When the wait ends; ``told_at`` is when the last level above the handler was told."""
    since = told_at or delivered_at or planned_at
    ends = since + respond_within
    if answer is not None and answer.meaning is Meaning.ESCALATES and (told_at is None or answer.at > told_at):
        return answer.at, Why.CANNOT_ACT
    if answer is not None and answer.meaning is Meaning.PROLONGS and answer.asked_for() >= ends:
        return answer.asked_for(), Why.TIME_ASKED_FOR_PASSED
    return ends, Why.NO_ANSWER if told_at or delivered_at else Why.NOT_DELIVERED


def told_above(escalated: Iterable[Escalated]) -> list[Escalated]:
    """The levels above the handler that were told: each once, when it was first told, by time."""
    first: dict[Level, dt.datetime] = {}
    for level, at in escalated:
        if level != "handler":  # who was told before any escalation
            first[level] = min(at, first.get(level, at))
    return sorted((Escalated(level, at) for level, at in first.items()), key=lambda one: (one.at, _RANK[one.level]))
