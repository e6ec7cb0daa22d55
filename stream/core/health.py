"""An endpoint's health: a circuit that opens after repeated failure, is probed, and closes again.

    closed ──failures in a row, over a time──▶ open ──wait──▶ half open ──the probe delivered──▶ closed
                                                 ◀──────failed──────┘
    any ──410──▶ disabled, for good

Pure: the moment is passed in. One probe is under way at a time; one that never reports is given up after ``probe_s``.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from stream.core.delivery import Reason


class State(StrEnum):
    """Whether an endpoint is sent anything."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    DISABLED = "disabled"


class Limits(msgspec.Struct, frozen=True):
    """A circuit opens after ``failures`` in a row, the first of them ``failing_s`` ago or longer.

    It is probed after ``first_s``, then after waits that double up to ``longest_s``. A probe takes ``probe_s`` at most: no less
    than an attempt may take.
    """

    failures: int = 5
    failing_s: float = 10.0
    first_s: float = 5.0
    longest_s: float = 60.0
    probe_s: float = 10.0


class Pass(NamedTuple):
    """Leave to make one attempt."""

    probe: bool


class Health(msgspec.Struct, frozen=True):
    """How one worker finds an endpoint: since when it fails, how often in a row, and why it failed last."""

    state: State
    since: dt.datetime | None = None
    failures: int = 0
    reason: Reason | None = None


def worst_of(seen: Iterable[Health]) -> Health:
    """Of several workers' views, open before half open, and of equals the longest; closed where nobody has one."""
    latest = dt.datetime.max.replace(tzinfo=dt.UTC)
    return min(seen, key=lambda one: (one.state is not State.OPEN, one.since or latest), default=Health(State.CLOSED))


class Change(NamedTuple):
    """A circuit's change of state, as one worker sees it. ``health`` is what it was when the endpoint had failed last."""

    before: State
    after: State
    at: dt.datetime
    health: Health


class DisabledEndpoints(Protocol):
    """The endpoints that answered 410, by their digests; outlives a restart.

    The digest covers court, level, channel and URL: an entry that was edited is another endpoint, and is tried again.
    """

    async def disabled(self) -> frozenset[str]: ...

    async def disable(self, digest: str, at: dt.datetime) -> None: ...


class Circuit:
    """One endpoint's."""

    def __init__(self, limits: Limits, state: State = State.CLOSED) -> None:
        self._limits, self.state = limits, state
        self._probes, self._failures = 0, 0
        self._failing_since: dt.datetime | None = None
        self._reason: Reason | None = None
        self._until: dt.datetime | None = None  # while it is not closed: nothing is sent before

    @property
    def health(self) -> Health:
        """What is known of the endpoint now."""
        return Health(self.state, self._failing_since, self._failures, self._reason)

    def wait_s(self, now: dt.datetime) -> float | None:
        """Seconds until an attempt may be made (infinite for a disabled endpoint); None: it may be made now."""
        if self.state is State.DISABLED:
            return math.inf
        if self.state is State.CLOSED or self._until is None:
            return None
        left_s = (self._until - now).total_seconds()
        return left_s if left_s > 0 else None

    def admit(self, now: dt.datetime) -> Pass | None:
        """Leave for one attempt, if it may be made now. Of an open circuit, it is the probe."""
        if self.wait_s(now) is not None:
            return None
        if self.state is State.CLOSED:
            return Pass(probe=False)
        self.state, self._until = State.HALF_OPEN, now + dt.timedelta(seconds=self._limits.probe_s)
        return Pass(probe=True)

    def succeeded(self) -> None:
        """An attempt delivered. Even one that began before the circuit opened is proof of health."""
        if self.state is not State.DISABLED:
            self.state, self._until = State.CLOSED, None
            self._failures, self._probes, self._failing_since, self._reason = 0, 0, None, None

    def failed(self, now: dt.datetime, leave: Pass, reason: Reason | None = None) -> None:
        """An attempt failed. One that began before the circuit opened says nothing new."""
        if self.state is State.CLOSED:
            since = self._count(now, reason)
            if self._failures >= self._limits.failures and (now - since).total_seconds() >= self._limits.failing_s:
                self._open(now)
        elif self.state is State.HALF_OPEN and leave.probe:
            self._count(now, reason)
            self._open(now)

    def disable(self, now: dt.datetime) -> None:
        """The endpoint is gone."""
        if self.state is not State.DISABLED:
            self._count(now, Reason.ENDPOINT_GONE)
            self.state = State.DISABLED

    def _count(self, now: dt.datetime, reason: Reason | None) -> dt.datetime:
        """One more failure in a row; returns when the first of them was."""
        self._failures, self._reason = self._failures + 1, reason
        self._failing_since = self._failing_since or now
        return self._failing_since

    def _open(self, now: dt.datetime) -> None:
        wait_s = min(self._limits.first_s * 2.0 ** min(self._probes, 30), self._limits.longest_s)
        self.state, self._until = State.OPEN, now + dt.timedelta(seconds=wait_s)
        self._probes += 1
