"""Figures out of rounds: medians with their extremes, percentiles, ratios."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Spread(NamedTuple):
    """One figure over all rounds."""

    median: float
    min: float
    max: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value that a share (0 to 1) of ascending values does not exceed, by nearest rank.

    None where there are too few to say so: a p99.9 needs at least 1000 values.
    """
    if len(ordered) * (1 - share) < 1 - 1e-9:
        return None
    return ordered[math.ceil(len(ordered) * share - 1e-9) - 1]


@dataclass(frozen=True, slots=True)
class Round:
    """One run of one contestant: ``seconds`` and ``cpu_seconds`` are those of handling ``sightings``, no start-up."""

    sightings: int
    seconds: float
    cpu_seconds: float
    resident_mb: float
    hits: int
    unreadable: int

    @property
    def rate(self) -> float:
        """Sightings a second."""
        return self.sightings / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU microseconds a sighting, which are CPU seconds a million."""
        return self.cpu_seconds / self.sightings * 1e6


@dataclass(frozen=True, slots=True)
class Latency:
    """Sighting produced (its record's time) to hit stored (the broker's time), in milliseconds, at a rate.

    ``rate_asked`` and ``rate`` are sightings a second: what the sender was told and what it reached. Percentiles for which
    there were too few hits are None.
    """

    rate_asked: float
    rate: float
    sightings: int
    hits: int
    p50_ms: float | None
    p99_ms: float | None
    p999_ms: float | None


def latency(milliseconds: Sequence[float], asked: float, sent: int, seconds: float) -> Latency:
    """The latency of some hits among ``sent`` sightings that were sent within ``seconds``."""
    ordered = sorted(milliseconds)
    p50, p99, p999 = (percentile(ordered, share) for share in (0.5, 0.99, 0.999))
    return Latency(asked, sent / seconds, sent, len(ordered), p50, p99, p999)


def ratio(value: float | None, base: float | None) -> float | None:
    """Their ratio, where both are known."""
    return value / base if value is not None and base else None
