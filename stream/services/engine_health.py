"""How the engine is: asked of Redis and Kafka when somebody asks, and of nothing else."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import redis.asyncio
from confluent_kafka import KafkaException

from connectors.door.health import HealthReport, IndexHealth, WorkerHealth
from connectors.kafka.clients import consumer, end_offsets, partitions_of
from connectors.kafka.errors import KafkaError
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ORDERS
from connectors.redis.endpoints import GoneEndpoints, RestingEndpoints
from connectors.redis.errors import IndexUnavailableError, ViewUnavailableError
from connectors.redis.leases import Leases, LeaseState
from connectors.redis.ledger import RedisLedger
from stream.core.health import Health, State, worst_of
from watchlists.index import WatchlistIndex

ENDS_S_MAX: Final = 3.0


class EngineHealth:
    """A ``Health``."""

    def __init__(
        self,
        client: redis.asyncio.Redis,
        namespace: str,
        index: WatchlistIndex,
        kafka: KafkaSettings,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._leases, self._ledger = Leases(client, namespace), RedisLedger(client, namespace)
        self._gone, self._resting = GoneEndpoints(client, namespace), RestingEndpoints(client, namespace)
        self._index, self._kafka, self._clock = index, kafka, clock

    async def report(self) -> HealthReport:
        ends, index = await asyncio.gather(self._ends(), self._index_health())
        report = HealthReport(
            at=self._clock(),
            away=["kafka"] if ends is None else [],
            workers=None,
            index=index and index.model_copy(update={"behind": _behind(ends, index.positions)}),
            ledger_whole=None,
            endpoints=None,
        )
        try:
            told = {
                "workers": [_worker(name, lease, ends) for name, lease in sorted((await self._leases.live()).items())],
                "ledger_whole": await self._ledger.is_whole(),
                "endpoints": await self._circuits(),
            }
        except ViewUnavailableError:
            return report.model_copy(update={"away": [*report.away, "redis"]})
        return report.model_copy(update=told)

    async def _ends(self) -> dict[int, int] | None:
        try:
            return await asyncio.to_thread(self._ask_kafka)
        except (KafkaError, KafkaException):
            return None

    def _ask_kafka(self) -> dict[int, int]:
        client = consumer(self._kafka, "health")
        try:
            return end_offsets(client, self._kafka.topic(ORDERS), partitions_of(client, self._kafka, ORDERS, ENDS_S_MAX))
        finally:
            client.close()

    async def _index_health(self) -> IndexHealth | None:
        try:
            return IndexHealth(positions=await self._index.positions(), behind=None)
        except IndexUnavailableError:
            return None

    async def _circuits(self) -> dict[str, int]:
        gone, resting = await self._gone.disabled(), await self._resting.said()
        seen: dict[str, list[Health]] = {}
        for digest, health in (one for states in resting.values() for one in states.items()):
            seen.setdefault(digest, []).append(health)
        states = Counter(worst_of(found).state for digest, found in seen.items() if digest not in gone)
        return {State.OPEN: states[State.OPEN], State.HALF_OPEN: states[State.HALF_OPEN], State.DISABLED: len(gone)}


def _worker(name: str, lease: LeaseState, ends: Mapping[int, int] | None) -> WorkerHealth:
    return WorkerHealth(worker=name, state=lease.state, renewed_at=lease.at, behind=_behind(ends, lease.applied))


def _behind(ends: Mapping[int, int] | None, positions: Mapping[int, int]) -> int | None:
    """Records before the ends that positions have not passed."""
    return None if ends is None else sum(max(end - positions.get(partition, 0), 0) for partition, end in ends.items())
