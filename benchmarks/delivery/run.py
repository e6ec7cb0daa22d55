"""The two parts of the measurement: a ramp of rates, and the living courts beside dead ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.delivery.courts import FAILURES
from benchmarks.delivery.docket import Made
from benchmarks.delivery.engine import Engine
from benchmarks.delivery.figures import GRACE_S, Comparison, Sent, Stretch, stretch
from benchmarks.delivery.reconcile import Reckoning

DRAIN_S_MAX: Final = 120.0
REST_S_MAX: Final = 15.0
SETTLE_S_MAX: Final = 60.0
_SETTLE_POLL_S: Final = 2.0
_TURN_S: Final = 0.5

Track = Callable[[Iterable[Made], int, str], Iterable[Made]]
"""Shows how far so many hits have come, under a heading."""


@dataclass(frozen=True)
class Plan:
    """What is measured. ``share``: the part of the best rate at which dead courts are compared. ``legs``: of each kind."""

    courts: int = 100
    rates: tuple[float, ...] = (250.0, 500.0, 1_000.0, 1_500.0, 2_000.0)
    seconds: float = 10.0
    warm_seconds: float = 3.0
    share: float = 0.5
    legs: int = 3
    seed: int = 41


@dataclass(frozen=True, slots=True)
class Step:
    """One rate of the ramp. ``cpu_us``: the worker's CPU microseconds a hit, screener included."""

    stretch: Stretch
    cpu_us: float

    def as_json(self) -> dict[str, Any]:
        return self.stretch.as_json() | {"cpu_us_a_hit": self.cpu_us}


class Run:
    """Measures one engine."""

    def __init__(self, engine: Engine, plan: Plan, track: Track) -> None:
        self._engine, self._plan, self._track = engine, plan, track

    def warm(self) -> None:
        """Let every connection be made before anything is measured."""
        self._engine.wait(self._send(self._plan.rates[0], self._plan.warm_seconds, "warming up"), DRAIN_S_MAX)

    def ramp(self) -> list[Step]:
        """One rate after the other, up to the first that is not sustained."""
        steps: list[Step] = []
        for rate in self._plan.rates:
            steps.append(self._step(rate))
            if not steps[-1].stretch.is_sustained:
                break
        return steps

    def compare(self, rate: float) -> Comparison:
        """The courts that never fail: while all live and while four are dead, in turn."""
        comparison = Comparison([], [])
        for leg in range(self._plan.legs):
            comparison.alive.append(self._leg(rate, f"leg {leg + 1}: all alive", dead=False))
            comparison.dead.append(self._leg(rate, f"leg {leg + 1}: {len(FAILURES)} dead", dead=True))
        return comparison

    def settle(self) -> Reckoning:
        """What became of every hit, once each is told or explained, or nothing more may be hoped for."""
        self._engine.wait(self._engine.sent, REST_S_MAX)
        ends_at = time.monotonic() + SETTLE_S_MAX
        while not (reckoning := self._engine.reckoning()).is_right and time.monotonic() < ends_at:
            time.sleep(_SETTLE_POLL_S)
        return reckoning

    def _step(self, rate: float) -> Step:
        made = self._made(rate, self._plan.seconds)
        before = self._engine.cpu_seconds()
        sent = self._engine.send(self._track(made, len(made), f"{rate:,.0f} a second"), rate)
        self._engine.wait(sent, GRACE_S)
        self._engine.wait(sent, DRAIN_S_MAX)  # the next step is to find no backlog
        cpu = self._engine.cpu_seconds() - before
        return Step(stretch(rate, sent, self._engine.arrived_at), cpu / len(sent) * 1e6)

    def _leg(self, rate: float, heading: str, *, dead: bool) -> Stretch:
        made = self._made(rate, self._plan.seconds)
        if dead:
            self._engine.courts.fail(now=True)
            time.sleep(_TURN_S)
        sent = self._engine.send(self._track(made, len(made), heading), rate)
        living = {hit: one for hit, one in sent.items() if one.court not in self._engine.courts.failing}
        self._engine.wait(living, GRACE_S)
        if dead:
            self._engine.courts.fail(now=False)
        self._engine.wait(sent, REST_S_MAX)
        return stretch(rate * len(living) / len(sent), living, self._engine.arrived_at)

    def _send(self, rate: float, seconds: float, heading: str) -> Mapping[str, Sent]:
        made = self._made(rate, seconds)
        return self._engine.send(self._track(made, len(made), heading), rate)

    def _made(self, rate: float, seconds: float) -> list[Made]:
        count = max(int(rate * seconds), 2 * self._plan.courts)
        return list(self._track(self._engine.docket.hits(count), count, "making hits"))


def best_rate(steps: Iterable[Step]) -> float | None:
    """The highest rate that was sustained."""
    return max((step.stretch.rate for step in steps if step.stretch.is_sustained), default=None)


def rate_to_compare(steps: list[Step], share: float) -> float:
    """That share of the best rate; where none was sustained, of what arrived at the lowest."""
    return share * (best_rate(steps) or steps[0].stretch.arrived_a_second)
