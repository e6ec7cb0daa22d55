"""Silence: whether a source of sightings that has fallen silent does so against its own pattern (S4.5).

A source is watched by how many of its sightings came from one look to the next. What it usually sends in an hour of a workday
or of a weekend is learned; while nothing comes, what should have come adds up. A source is silent once that is many sightings,
far more than it was ever quiet for before, and for a while. One that closes at night is not, nor one that is quiet by nature.

Pure: moments and counts are passed in. Hours nobody looked at teach nothing and alarm nobody.
"""

from __future__ import annotations

import datetime as dt
from typing import Final, NamedTuple

import msgspec

HOURS: Final = 24
UNKNOWN: Final = -1.0
BLIND_AFTER: Final = dt.timedelta(minutes=10)
"""Two looks further apart than this leave a time that nobody looked at."""
LEARNED_SHARE: Final = 0.25
"""How much of an hour's rate its newest example is."""
QUIET_TIMES: Final = 3.0
"""So many times the longest quiet of its own, a source is silent."""
QUIET_KEPT: Final = 0.998
"""What an hour leaves of the longest quiet: half of it is forgotten in two weeks."""
_LOCAL: Final = dt.timezone(dt.timedelta(hours=8))
_WEEKEND: Final = 5
_HOUR_S: Final = 3600.0


class Bounds(NamedTuple):
    """Silent: so many sightings should have come, over so long a time at least, and none did."""

    expected: float = 100.0
    for_at_least: dt.timedelta = dt.timedelta(minutes=15)


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one source: sightings an hour, by workday's and weekend's hours, and how it is just now."""

    rates: tuple[float, ...] = (UNKNOWN,) * (2 * HOURS)
    at: dt.datetime
    """The last look."""
    last_at: dt.datetime
    """The last look at which something had come."""
    expected: float = 0.0
    """Sightings that should have come since."""
    quiet: float = 0.0
    """The most that should have come in a quiet of the past, after which it went on."""
    hour: float = 0.0
    """What came in the hour under way; ``UNKNOWN`` where a part of it was not looked at."""


def first_look(at: dt.datetime) -> Pattern:
    """A source that is seen for the first time; its first whole hour is the first it is known by."""
    return Pattern(at=at, last_at=at, hour=UNKNOWN)


def look(pattern: Pattern, at: dt.datetime, came: int) -> Pattern:
    """The pattern after one more look: so many sightings came since the one before."""
    if at <= pattern.at:
        return pattern
    if at - pattern.at > BLIND_AFTER:
        return msgspec.structs.replace(pattern, at=at, last_at=at, expected=0.0, hour=UNKNOWN)
    learned = _learned(pattern, at)
    expected = pattern.expected + _expected(learned.rates, pattern.at, at)
    hour = learned.hour if learned.hour == UNKNOWN else learned.hour + came
    if not came:
        return msgspec.structs.replace(learned, at=at, expected=expected, hour=hour)
    quiet = max(learned.quiet, pattern.expected)
    return msgspec.structs.replace(learned, at=at, last_at=at, expected=0.0, quiet=quiet, hour=hour)


def is_silent(pattern: Pattern, bounds: Bounds) -> bool:
    """Whether the source is silent against its own pattern."""
    needed = max(bounds.expected, QUIET_TIMES * pattern.quiet)
    return pattern.expected >= needed and pattern.at - pattern.last_at >= bounds.for_at_least


def _learned(pattern: Pattern, at: dt.datetime) -> Pattern:
    """The pattern with the hour that ended between the looks, if one did. A look is shorter than an hour."""
    if _hour_of(pattern.at) == _hour_of(at):
        return pattern
    rates = list(pattern.rates)
    if pattern.hour != UNKNOWN:
        slot = _slot(pattern.at)
        known = rates[slot]
        rates[slot] = pattern.hour if known == UNKNOWN else known + LEARNED_SHARE * (pattern.hour - known)
    return msgspec.structs.replace(pattern, rates=tuple(rates), quiet=pattern.quiet * QUIET_KEPT, hour=0.0)


def _expected(rates: tuple[float, ...], since: dt.datetime, until: dt.datetime) -> float:
    """What should have come between two looks; nothing in an hour that is not known."""
    turn = min(until, _hour_of(until))
    parts = ((since, turn), (turn, until)) if turn > since else ((since, until),)
    return sum(max(rates[_slot(begin)], 0.0) * (end - begin).total_seconds() / _HOUR_S for begin, end in parts)


def _slot(at: dt.datetime) -> int:
    local = at.astimezone(_LOCAL)
    return local.hour + (HOURS if local.weekday() >= _WEEKEND else 0)


def _hour_of(at: dt.datetime) -> dt.datetime:
    return at.astimezone(_LOCAL).replace(minute=0, second=0, microsecond=0)
