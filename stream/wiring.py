"""Composition: which implementation stands behind each port of one worker. Built once, from frozen settings."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import redis.asyncio
import structlog
from confluent_kafka import KafkaException

from connectors.courts.channels import Channels
from connectors.courts.endpoint import Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.courts.settings import CourtsSettings
from connectors.kafka.deadletters import dead_letter
from connectors.kafka.errors import KafkaError
from connectors.kafka.places import Places
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import HITS, INBOX, ensure_topics
from connectors.redis.client import connect
from connectors.redis.endpoints import GoneEndpoints
from connectors.redis.errors import ViewUnavailableError
from connectors.redis.index import RedisIndex
from connectors.redis.leases import InForce, Leases
from connectors.redis.ledger import RedisLedger
from connectors.redis.lookback import LookbackView
from matchers.keys import KeyHasher
from stream import metrics
from stream.core.delivery import RetryLadder
from stream.core.health import State
from stream.core.notification import Notification
from stream.services.bodies import Bodies
from stream.services.confirming import Confirming
from stream.services.courier import Courier
from stream.services.delivering import Delivering
from stream.services.effect import Effect
from stream.services.escalating import Escalating
from stream.services.index_writer import IndexWriter
from stream.services.instructing import Instructing
from stream.services.lookback_process import LookbackProcess
from stream.services.reached import Reached
from stream.services.rebuilding import rebuild_ledger
from stream.services.resolving import Resolving, send_for_sure
from stream.services.screener_process import ScreenerProcess
from stream.services.scribe import Scribe
from stream.services.standing import Fence
from stream.services.timekeeping import Timekeeping
from stream.services.withdrawing import Withdrawing
from stream.settings import WorkerSettings, worker_id
from stream.under_way import UnderWay
from watchlists.index import WatchlistIndex
from watchlists.policy import Policy

FINISHING_S: Final = 5.0
"""How long a worker that leaves may take to finish what it has under way."""
_log = structlog.get_logger("worker")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _endpoints(settings: CourtsSettings, channels: Channels) -> Endpoints:
    """The courts' endpoints; without a file there are none, and every hit's receipt says so."""
    if settings.endpoints is None:
        return Endpoints()
    return Endpoints.load(settings.endpoints, http_hosts=settings.http_hosts, channels=channels.names)


def _endpoint_changed(endpoint: Endpoint, state: State, at: dt.datetime) -> None:
    metrics.endpoint_changes.labels(state.value).inc()
    _log.warning(
        "an endpoint's health changed", court=endpoint.court, endpoint=endpoint.redacted, state=state.value, at=str(at)
    )


@asynccontextmanager
async def open_index(settings: WorkerSettings) -> AsyncIterator[WatchlistIndex]:
    """The running index, for a command that asks it something."""
    client = connect(settings.redis)
    try:
        yield RedisIndex(client, KeyHasher(settings.secret()), settings.redis.namespace)
    finally:
        await client.aclose()


@asynccontextmanager
async def open_in_force(settings: WorkerSettings) -> AsyncIterator[InForce]:
    """The times of effect, for a command that asks for some."""
    client = connect(settings.redis)
    try:
        yield InForce(client, settings.redis.namespace)
    finally:
        await client.aclose()


class Wiring:
    """The parts of one worker, wired."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.partitions_moved = asyncio.Event()
        self.under_way = UnderWay()
        self.policy = Policy.national().with_overlays(list(settings.overlays))
        self.hasher = KeyHasher(settings.secret())
        self.redis: redis.asyncio.Redis = connect(settings.redis)
        space = settings.redis.namespace
        self.index = RedisIndex(self.redis, self.hasher, space)
        self.ledger = RedisLedger(self.redis, space)
        self.leases = Leases(self.redis, space)
        self.in_force = InForce(self.redis, space)
        self.records = Records(settings.kafka, "chakong-worker")
        gone = GoneEndpoints(self.redis, space)
        self.channels = Channels(settings.courts, gone, self.put_into_inbox, on_change=_endpoint_changed)
        self.endpoints = _endpoints(settings.courts, self.channels)
        self.screener = ScreenerProcess(worker_id())
        self.lookback = LookbackProcess(worker_id(), LookbackView(self.redis, space)) if settings.lookback_hours else None
        self.effect = Effect(self.leases, self.index, self.in_force)
        self.index_writer = IndexWriter(settings, self.index, self.records, self.effect.applied, self.ledger.of_orders)
        reached = Reached(self.screener.followed)
        self.resolving = Resolving(self.index, self.policy, self.records, reached)
        self._wire_delivery(Fence(self.index, reached), settings.ladder())

    def _wire_delivery(self, fence: Fence, ladder: RetryLadder) -> None:
        self.bodies = Bodies(Places(self.settings.kafka, HITS))
        courier, scribe = Courier(self.channels), Scribe(self.records, self.ledger, _now)
        instructing = Instructing(self.ledger, self.policy, self.bodies, scribe, _now)
        tellers = (self.endpoints, courier, scribe, fence, self.bodies, instructing)
        self.withdrawing = Withdrawing(self.ledger, *tellers, self.effect.withdrawn, ladder=ladder, clock=_now)
        self.delivering = Delivering(self.ledger, self.policy, *tellers, self.withdrawing, ladder=ladder, clock=_now)
        reach = (self.endpoints, courier, scribe, fence, self.withdrawing)
        escalating = Escalating(self.ledger, *reach, ladder=ladder, clock=_now)
        self.confirming = Confirming(self.ledger, self.bodies, scribe)
        self.timekeeping = Timekeeping(self.ledger, self.bodies, self.delivering, self.withdrawing, escalating, _now)

    def make_topics(self) -> list[str]:
        """Make the topics that are missing, before anything subscribes to them."""
        return ensure_topics(self.settings.kafka)

    async def start(self) -> None:
        """Start the screener. Its gate stays shut until its filter has caught up and the lease is held."""
        await self.index.claim_fingerprint()
        await rebuild_ledger(self.settings.kafka, self.ledger)
        await self.channels.start()
        await self.screener.start()

    async def keep_ledger(self) -> None:
        """Take over the receipts that came since, for they may be there and not in the view."""
        try:
            await rebuild_ledger(self.settings.kafka, self.ledger)
        except (KafkaError, KafkaException, ViewUnavailableError) as error:
            _log.warning("the ledger's view is behind", detail=str(error))

    async def stop(self) -> None:
        """Stop in the order of the flow: no new sightings, no new orders, what is under way to its end, then let go."""
        if self.lookback is not None:
            await self.lookback.stop()
        await self.screener.stop()
        self.index_writer.stop()
        self.effect.stop()
        self.timekeeping.stop()
        left = await asyncio.gather(self.under_way.end(FINISHING_S), self.timekeeping.under_way.end(FINISHING_S))
        if any(left):
            _log.warning("left what was under way to other workers", hits=sum(left))
        await self.channels.close()
        self.bodies.close()
        self.records.close()

    async def put_into_inbox(self, court_code: str, notification: Notification) -> None:
        """A notification for a court that pulls; returns when it is durable."""
        await send_for_sure(self.records, [Record(INBOX, court_code.encode(), notification.body())])

    async def bury(self, topic: str, partition: int, offset: int, raw: bytes, reason: str, detail: str) -> None:
        """A record of ``candidates`` or ``hits`` that cannot be worked on goes to the dead letters."""
        metrics.dead_letters.labels(reason).inc()
        await send_for_sure(self.records, [dead_letter(topic, partition, offset, dt.datetime.now(dt.UTC), reason, detail, raw)])
