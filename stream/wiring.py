"""Composition: which implementation stands behind each port of one worker. Built once, from frozen settings."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio

from connectors.courts.endpoints import Endpoints
from connectors.courts.settings import CourtsSettings
from connectors.courts.webhook import Webhook
from connectors.kafka.deadletters import dead_letter
from connectors.kafka.records import Records
from connectors.kafka.topics import ensure_topics
from connectors.redis.client import connect
from connectors.redis.index import RedisIndex
from connectors.redis.leases import InForce, Leases
from connectors.redis.ledger import RedisLedger
from matchers.keys import KeyHasher
from stream import metrics
from stream.services.delivering import Delivering
from stream.services.effect import Effect
from stream.services.index_writer import IndexWriter
from stream.services.reached import Reached
from stream.services.rebuilding import rebuild_ledger
from stream.services.resolving import Resolving, send_for_sure
from stream.services.screener_process import ScreenerProcess
from stream.settings import WorkerSettings, worker_id
from watchlists.index import WatchlistIndex
from watchlists.policy import Policy


def _endpoints(settings: CourtsSettings) -> Endpoints:
    """The courts' endpoints; without a file there are none, and every hit's receipt says so."""
    return Endpoints.load(settings.endpoints, http_hosts=settings.http_hosts) if settings.endpoints else Endpoints()


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
        self.policy = Policy.national().with_overlays(list(settings.overlays))
        self.hasher = KeyHasher(settings.secret())
        self.redis: redis.asyncio.Redis = connect(settings.redis)
        space = settings.redis.namespace
        self.index = RedisIndex(self.redis, self.hasher, space)
        self.ledger = RedisLedger(self.redis, space)
        self.leases = Leases(self.redis, space)
        self.in_force = InForce(self.redis, space)
        self.records = Records(settings.kafka, "chakong-worker")
        self.endpoints = _endpoints(settings.courts)
        self.webhook = Webhook(settings.courts)
        self.screener = ScreenerProcess(worker_id())
        self.effect = Effect(self.leases, self.index, self.in_force)
        self.index_writer = IndexWriter(settings, self.index, self.records, self.effect.applied)
        reached = Reached(self.screener.followed)
        self.resolving = Resolving(self.index, self.policy, self.records, reached)
        self.delivering = Delivering(
            self.index,
            self.ledger,
            self.policy,
            self.endpoints,
            self.webhook,
            self.records,
            reached,
            ladder=settings.ladder(),
        )

    def make_topics(self) -> list[str]:
        """Make the topics that are missing, before anything subscribes to them."""
        return ensure_topics(self.settings.kafka)

    async def start(self) -> None:
        """Start the screener. Its gate stays shut until its filter has caught up and the lease is held."""
        await self.index.claim_fingerprint()
        await rebuild_ledger(self.settings.kafka, self.ledger)
        await self.screener.start()

    async def stop(self) -> None:
        """Stop in the order of the flow: no new sightings, then no new orders, then let go."""
        await self.screener.stop()
        self.index_writer.stop()
        self.effect.stop()
        await self.webhook.close()
        self.records.close()

    async def bury(self, topic: str, partition: int, offset: int, raw: bytes, reason: str, detail: str) -> None:
        """A record of ``candidates`` or ``hits`` that cannot be worked on goes to the dead letters."""
        metrics.dead_letters.labels(reason).inc()
        await send_for_sure(self.records, [dead_letter(topic, partition, offset, dt.datetime.now(dt.UTC), reason, detail, raw)])
