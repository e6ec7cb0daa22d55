"""Figures of the hits that were sent in one stretch of time, at one rate."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from benchmarks.race.figures import percentile, ratio, spread

GRACE_S: Final = 2.0
"""How long after the last was sent all must have arrived, for a rate to be sustained."""
KEEPS_UP: Final = 0.98
"""Arrivals of a stretch's second half against what was sent in it: below that the backlog grows."""


class Sent(NamedTuple):
    """A hit that was sent, ``at`` by ``time.time``'s clock."""

    court: str
    at: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """What came of the hits of one stretch: times in seconds, latencies in milliseconds.

    ``late``: hits that had not arrived ``GRACE_S`` after the last was sent. ``kept_up``: arrivals in the second half, as a
    share of what was sent in it.
    """

    rate: float
    hits: int
    sent_a_second: float
    arrived_a_second: float
    kept_up: float
    late: int
    p50_ms: float | None
    p99_ms: float | None

    @property
    def is_sustained(self) -> bool:
        """Whether all was sent at the rate, the backlog did not grow, and none was late."""
        return not self.late and min(self.kept_up, self.sent_a_second / self.rate) >= KEEPS_UP

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"sustained": self.is_sustained}


def stretch(rate: float, sent: Mapping[str, Sent], arrived_at: Mapping[str, float]) -> Stretch:
    """The figures of hits (by id) that were sent at about ``rate`` a second, and of when they arrived.

    Raises:
        ValueError: fewer than two were sent.
    """
    if len(sent) < 2:
        raise ValueError(f"at least two hits make a stretch, not {len(sent)}")
    begin, end = min(one.at for one in sent.values()), max(one.at for one in sent.values())
    middle = (begin + end) / 2
    seconds = max(end - begin, 1e-9)
    arrivals = [arrived_at[hit] for hit in sent if hit in arrived_at]
    in_time = [at for at in arrivals if at <= end + GRACE_S]
    latencies = sorted((arrived_at[hit] - one.at) * 1000 for hit, one in sent.items() if hit in arrived_at)
    sent_late = sum(one.at > middle for one in sent.values())
    return Stretch(
        rate=rate,
        hits=len(sent),
        sent_a_second=(len(sent) - 1) / seconds,
        arrived_a_second=sum(at <= end for at in arrivals) / seconds,
        kept_up=sum(middle < at <= end for at in arrivals) / sent_late,
        late=len(sent) - len(in_time),
        p50_ms=percentile(latencies, 0.5),
        p99_ms=percentile(latencies, 0.99),
    )


class Comparison(NamedTuple):
    """The 96 while all are alive and while four are dead: medians of the legs, their extremes, and dead over alive."""

    alive: list[Stretch]
    dead: list[Stretch]

    def as_json(self) -> dict[str, Any]:
        return {
            name: {
                "alive": spread(alive)._asdict(),
                "dead": spread(dead)._asdict(),
                "ratio": ratio(statistics.median(dead), statistics.median(alive)),
            }
            for name in ("arrived_a_second", "p50_ms", "p99_ms")
            if (alive := _values(self.alive, name)) and (dead := _values(self.dead, name))
        }


def _values(stretches: Sequence[Stretch], name: str) -> list[float]:
    return [value for one in stretches if (value := getattr(one, name)) is not None]
