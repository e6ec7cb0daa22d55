"""The watch over the endpoints' health: a circuit for each, and who is told when it changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from connectors.courts.attempt import Attempt
from connectors.courts.endpoint import Endpoint
from connectors.redis.errors import ViewUnavailableError
from stream.core.delivery import Reason
from stream.core.health import Change, Circuit, DisabledEndpoints, Health, Limits, Pass, State

OnChange = Callable[[Endpoint, Change], None]
_log = structlog.get_logger("courts")


class Watch:
    """Says whether an attempt may be made, and learns from what came of it."""

    def __init__(
        self, limits: Limits, store: DisabledEndpoints | None, on_change: OnChange | None, clock: Callable[[], dt.datetime]
    ) -> None:
        self._limits, self._store = limits, store
        self._on_change, self._clock = on_change, clock
        self._circuits: Final[dict[str, Circuit]] = {}

    async def start(self) -> None:
        """Learn which endpoints have answered 410 before. Raises ViewUnavailableError."""
        if self._store is not None:
            for digest in await self._store.disabled():
                self._circuits[digest] = Circuit(self._limits, State.DISABLED)

    def resting(self) -> Mapping[str, Health]:
        """The endpoints whose circuits are open or half open here, by their digests."""
        resting = (State.OPEN, State.HALF_OPEN)
        return {digest: circuit.health for digest, circuit in self._circuits.items() if circuit.state in resting}

    def refusal(self, endpoint: Endpoint) -> Attempt | None:
        """The answer of an endpoint that rests, or is gone: at once, and without a connection. None: it may be tried."""
        circuit = self._circuit(endpoint)
        wait_s = circuit.wait_s(self._clock())
        if circuit.state is State.DISABLED:
            return Attempt(Reason.ENDPOINT_GONE, retry=False, detail="the endpoint answered 410 before")
        return None if wait_s is None else _rests(wait_s)

    def admit(self, endpoint: Endpoint) -> Pass | None:
        """Leave for one attempt; of an open circuit, it is the probe."""
        circuit, now = self._circuit(endpoint), self._clock()
        before = circuit.health
        leave = circuit.admit(now)
        self._tell(endpoint, before, circuit.health, now)
        return leave

    async def learn(self, endpoint: Endpoint, leave: Pass, attempt: Attempt) -> None:
        """What came of an attempt that had leave."""
        circuit, now = self._circuit(endpoint), self._clock()
        before = circuit.health
        if attempt.outcome is Reason.DELIVERED:
            circuit.succeeded()
        elif attempt.outcome is Reason.ENDPOINT_GONE:
            circuit.disable(now)
        else:
            circuit.failed(now, leave, attempt.outcome)
        self._tell(endpoint, before, circuit.health, now)
        if circuit.state is State.DISABLED and before.state is not State.DISABLED and self._store is not None:
            try:
                await self._store.disable(endpoint.digest, now)
            except ViewUnavailableError as error:  # this worker knows; after a restart it is asked once more
                _log.warning("a gone endpoint was not noted", endpoint=endpoint.redacted, detail=str(error))

    def _circuit(self, endpoint: Endpoint) -> Circuit:
        circuit = self._circuits.get(endpoint.digest)
        if circuit is None:
            circuit = self._circuits[endpoint.digest] = Circuit(self._limits)
        return circuit

    def _tell(self, endpoint: Endpoint, before: Health, after: Health, now: dt.datetime) -> None:
        if after.state is not before.state and self._on_change is not None:
            failing = before if after.state is State.CLOSED else after
            self._on_change(endpoint, Change(before.state, after.state, now, failing))


def _rests(wait_s: float) -> Attempt:
    return Attempt(Reason.CIRCUIT_OPEN, retry=True, detail="the endpoint rests after repeated failure", retry_after_s=wait_s)
