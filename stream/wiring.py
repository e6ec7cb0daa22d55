"""Composition: which implementation stands behind each port of one worker. Built once, from frozen settings."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import redis.asyncio
import structlog
from confluent_kafka import KafkaException

from connectors.courts.channels import Channels
from connectors.courts.endpoint import CHANNELS, Channel, Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.courts.settings import CourtsSettings
from connectors.kafka.deadletters import dead_letter
from connectors.kafka.errors import KafkaError
from connectors.kafka.incidents import IncidentLog
from connectors.kafka.places import Place, Places
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import HITS, INBOX, ensure_topics
from connectors.redis.client import connect, line
from connectors.redis.endpoints import GoneEndpoints, Outages, RestingEndpoints
from connectors.redis.errors import ViewUnavailableError
from connectors.redis.feeds import FeedsView
from connectors.redis.incidents import IncidentsView
from connectors.redis.index import RedisIndex
from connectors.redis.leases import InForce, Leases
from connectors.redis.ledger import RedisLedger
from connectors.redis.lookback import LookbackView
from connectors.redis.queries import QueriesView
from connectors.redis.reachability import ReachabilityView
from matchers.keys import KeyHasher
from stream import metrics
from stream.core.delivery import RetryLadder
from stream.core.health import Change
from stream.core.hit import Hit
from stream.core.notification import Notification
from stream.handover import Handover
from stream.services.auditing import Auditing
from stream.services.bodies import Bodies
from stream.services.confirming import Confirming
from stream.services.courier import Courier
from stream.services.delivering import Delivering
from stream.services.effect import Effect
from stream.services.escalating import Escalating
from stream.services.index_view import INDEX, TakesOrders
from stream.services.instructing import Instructing
from stream.services.lacks import Lacks
from stream.services.listing import Listing
from stream.services.lookback_process import LookbackProcess
from stream.services.noticing import Noticing
from stream.services.observing import Observing
from stream.services.query_watch import QueryWatch
from stream.services.reached import Reached
from stream.services.reaching import Reaching
from stream.services.rebuilding import rebuild_incidents, rebuild_ledger, rebuild_reachability
from stream.services.resolving import Resolving, send_for_sure
from stream.services.rules import RulesFollower
from stream.services.screener_process import ScreenerProcess
from stream.services.scribe import Scribe
from stream.services.standing import Fence
from stream.services.telling import Telling
from stream.services.timekeeping import Timekeeping
from stream.services.view_writer import ViewWriter
from stream.services.views import VIEWS, TakesFeeds, TakesQueries, View
from stream.services.watching import Views, Watching
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


def _endpoints(settings: CourtsSettings, channels: frozenset[Channel]) -> Endpoints:
    """The courts' endpoints; without a file there are none, and every hit's receipt says so."""
    if settings.endpoints is None:
        return Endpoints()
    return Endpoints.load(settings.endpoints, http_hosts=settings.http_hosts, channels=channels)


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


async def lacks_now(settings: WorkerSettings) -> Lacks:
    """What is known of the courts' endpoints now, and of any order what it lacks, for a command that asks for it.

    Raises EndpointsError: the file cannot be used. ViewUnavailableError.
    """
    client = connect(settings.redis)
    try:
        endpoints = _endpoints(settings.courts, CHANNELS)
        return Lacks(endpoints, await ReachabilityView(client, settings.redis.namespace).seen(), _now())
    finally:
        await client.aclose()


class Wiring:
    """The parts of one worker, wired."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.ledger_behind = asyncio.Event()
        """Partitions moved, and who had them may have died between log and view; or Redis has lost the view."""
        self.under_way = UnderWay()
        self.handover: Handover | None = None
        """Where hits go that this worker is to deliver itself; the app gives it its agent's partitions."""
        self.rules = RulesFollower(settings.kafka, Policy.national().with_overlays(settings.overlays), _now)
        self.hasher = KeyHasher(settings.secret())
        self.redis: redis.asyncio.Redis = connect(settings.redis)
        space = settings.redis.namespace
        self.index = RedisIndex(self.redis, self.hasher, space)
        # A hit asks a few things of each, one after the other; what is long, as the index writer's, is asked beside them.
        asked = RedisIndex(line(settings.redis), self.hasher, space)
        self.ledger = RedisLedger(line(settings.redis), space)
        self.leases = Leases(self.redis, space)
        self.in_force = InForce(self.redis, space)
        self.reachability = ReachabilityView(self.redis, space)
        self.incidents = IncidentsView(self.redis, space)
        self.records = Records(settings.kafka, "chakong-worker")
        gone = GoneEndpoints(self.redis, space)
        self.channels = Channels(settings.courts, gone, self.put_into_inbox, on_change=self._endpoint_changed)
        self.endpoints = _endpoints(settings.courts, self.channels.names)
        self.screener = ScreenerProcess(worker_id())
        self.lookback = LookbackProcess(worker_id(), LookbackView(self.redis, space)) if settings.lookback_hours else None
        self.effect = Effect(self.leases, self.index, self.in_force)
        self.index_writer = self._writer(INDEX, TakesOrders(self.index, self.effect.applied, self.ledger.of_orders))
        feeds = TakesFeeds(FeedsView(self.redis, self.hasher, space))
        self.view_writer = self._writer(VIEWS, feeds, TakesQueries(QueriesView(self.redis, space), self.hasher))
        self.incident_log = IncidentLog(self.records, self.incidents, _now, keeps_view=True)
        self.query_watch = QueryWatch(settings.kafka, self.hasher, settings.querying(), self.incident_log, _now)
        reached = Reached(self.screener.followed)
        self.resolving = Resolving(asked, self.rules, self.records, reached, self._found)
        self._wire_delivery(Fence(asked, reached), settings.ladder(), gone)

    def _writer(self, group: str, *views: View) -> ViewWriter:
        return ViewWriter(self.settings.kafka, group, views, self.records)

    def _wire_delivery(self, fence: Fence, ladder: RetryLadder, gone: GoneEndpoints) -> None:
        self.bodies = Bodies(Places(self.settings.kafka, HITS))
        courier, scribe = Courier(self.channels), Scribe(self.records, self.ledger, _now)
        instructing = Instructing(self.ledger, self.rules, self.bodies, scribe, _now)
        tellers = (self.endpoints, courier, scribe, fence, self.bodies, instructing)
        self.withdrawing = Withdrawing(self.ledger, *tellers, self.effect.withdrawn, ladder=ladder, clock=_now)
        self.delivering = Delivering(self.ledger, self.rules, *tellers, self.withdrawing, ladder=ladder, clock=_now)
        reach = (self.endpoints, courier, scribe, fence, self.withdrawing)
        escalating = Escalating(self.ledger, *reach, ladder=ladder, clock=_now)
        rhythm = self.settings.rhythm()
        self.reaching = Reaching(self.endpoints, courier, self.records, self.reachability, rhythm, _now)
        self.confirming = Confirming(self.ledger, self.bodies, scribe, self.reaching, self.reachability)
        lists = (self.index.in_place, self.endpoints, courier, self.reachability)
        self.listing = Listing(worker_id(), *lists, _now) if rhythm is not None else None
        self.timekeeping = Timekeeping(
            self.ledger, self.bodies, self.delivering, self.withdrawing, escalating, _now, self.ledger_behind.set
        )
        space = self.settings.redis.namespace
        stores = (gone, RestingEndpoints(self.redis, space), Outages(self.redis, space))
        ways = (self.endpoints, self.channels, courier, self.records)
        self.noticing = Noticing(worker_id(), *ways, stores, self.ledger.waiting, _now)
        self._wire_watch(courier, stores[2])

    def _wire_watch(self, courier: Courier, outages: Outages) -> None:
        own = self.settings.incidents
        log = self.incident_log
        self.telling = Telling(self.endpoints, courier, log, self.incidents, own.limits(), _now)
        self.auditing = Auditing(own.audit_keys, dt.timedelta(hours=own.audit_hours), _now)
        self.observing = Observing(self.settings.kafka)
        self.watching = Watching(
            worker_id(),
            self.observing,
            Views(self.incidents, self.leases, outages, self.index),
            self.endpoints,
            log,
            self.telling,
            self.auditing.faults,
            own.thresholds(),
            _now,
        )

    def _found(self, hit: Hit, place: Place) -> None:
        if self.handover is not None:
            self.handover.offer(hit, place, time.time())

    def _endpoint_changed(self, endpoint: Endpoint, change: Change) -> None:
        self.noticing.changed(endpoint, change)

    def make_topics(self) -> list[str]:
        """Make the topics that are missing, before anything subscribes to them."""
        return ensure_topics(self.settings.kafka)

    async def start(self) -> None:
        """Start the screener. Its gate stays shut until its filter has caught up and the lease is held."""
        await self.index.claim_fingerprint()
        await rebuild_ledger(self.settings.kafka, self.ledger)
        await rebuild_reachability(self.settings.kafka, self.reachability)
        await rebuild_incidents(self.settings.kafka, self.incidents)
        await self.channels.start()
        self.rules.start()
        metrics.rules_behind_seconds.set_function(self.rules.behind_s)
        await self.screener.start()

    async def keep_ledger(self) -> None:
        """Take over what came to the logs since: receipts, tests and incidents may be there and not in the views."""
        try:
            await rebuild_ledger(self.settings.kafka, self.ledger)
            await rebuild_reachability(self.settings.kafka, self.reachability)
            await rebuild_incidents(self.settings.kafka, self.incidents)
        except (KafkaError, KafkaException, ViewUnavailableError) as error:
            _log.warning("the ledger's view is behind", detail=str(error))

    async def stop(self) -> None:
        """Stop in the order of the flow: no new sightings, no new orders, what is under way to its end, then let go."""
        if self.lookback is not None:
            await self.lookback.stop()
        await self.screener.stop()
        self.index_writer.stop()
        self.view_writer.stop()
        self.query_watch.stop()
        self.effect.stop()
        self.timekeeping.stop()
        self.noticing.stop()
        self.reaching.stop()
        self.watching.stop()
        await self.auditing.stop()
        if self.listing is not None:
            self.listing.stop()
        begun = (self.under_way, self.timekeeping.under_way, self.reaching.under_way, self.telling.under_way)
        left = await asyncio.gather(*(one.end(FINISHING_S) for one in begun))
        if any(left):
            _log.warning("left what was under way to other workers", hits=sum(left))
        if untold := await self.noticing.leave(FINISHING_S):
            _log.warning("left news of endpoints' health untold", notices=untold)
        await self.watching.leave()
        await asyncio.to_thread(self.observing.close)
        await self.channels.close()
        await asyncio.to_thread(self.rules.stop)
        self.bodies.close()
        self.records.close()

    async def put_into_inbox(self, court_code: str, notification: Notification) -> None:
        """A notification for a court that pulls; returns when it is durable."""
        await send_for_sure(self.records, [Record(INBOX, court_code.encode(), notification.body())])

    async def bury(self, topic: str, partition: int, offset: int, raw: bytes, reason: str, detail: str) -> None:
        """A record of ``candidates`` or ``hits`` that cannot be worked on goes to the dead letters."""
        metrics.dead_letters.labels(reason).inc()
        await send_for_sure(self.records, [dead_letter(topic, partition, offset, dt.datetime.now(dt.UTC), reason, detail, raw)])
