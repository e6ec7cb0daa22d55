"""The door plugged together: what stands behind each of its rooms, opened and closed in order."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from connectors.audit.reading import AuditReading
from connectors.audit.settings import AuditSettings
from connectors.audit.writer import AuditWriter
from connectors.documents.settings import DocumentsSettings
from connectors.documents.verifier import PdfSealVerifier
from connectors.door.app import Papers, Parts, build_door
from connectors.door.guard import Guard, Told
from connectors.door.incidents import Desk
from connectors.door.orders import Views
from connectors.door.settings import DoorSettings
from connectors.identity.known import Known, who_is_known
from connectors.identity.settings import ClientSettings, OidcSettings
from connectors.kafka.ends import Ends
from connectors.kafka.incidents import IncidentLog
from connectors.kafka.places import Places
from connectors.kafka.records import Records
from connectors.kafka.topics import HITS, QUERIES, QUERY_ANSWERS, ensure_topics
from connectors.redis.client import connect, line
from connectors.redis.feeds import FeedsView
from connectors.redis.incidents import IncidentsView
from connectors.redis.index import RedisIndex
from connectors.redis.leases import InForce
from connectors.redis.ledger import RedisLedger
from connectors.redis.queries import QueriesView
from connectors.redis.reachability import ReachabilityView
from matchers.keys import KeyHasher
from stream.core.currency import Currency
from stream.core.seals import DocumentStore
from stream.local import settings_here
from stream.services.bodies import Bodies
from stream.services.checking import Checking, LogEnds
from stream.services.current import Current
from stream.services.door_views import CurrentFeeds, QueryLog
from stream.services.engine_health import EngineHealth
from stream.services.replay_process import ReplayProcess
from stream.services.rules import following
from stream.services.whose import LedgerHits, LedgerStories
from stream.settings import WorkerSettings
from stream.wiring import lacks_now
from watchlists.policy import Policy


class Kept(NamedTuple):
    """Where documents are kept, and who checks them."""

    store: DocumentStore
    verifier: PdfSealVerifier


class Ready(NamedTuple):
    """What the door is opened with, once everything was read and found right.

    ``kept`` None: it takes neither documents nor orders.
    """

    settings: DoorSettings
    here: WorkerSettings
    known: Known
    audit: AuditWriter
    log: AuditReading
    hasher: KeyHasher
    kept: Kept | None
    policy: Policy


def made_ready(settings: DoorSettings) -> Ready:
    """Read all that the door needs.

    Raises:
        ValueError, OSError, KafkaError, StackError: something is missing, half configured or away; the text says what.
    """
    settings.check_certificate()
    here, audit, documents = settings_here(), AuditSettings(), DocumentsSettings()
    writer, log = AuditWriter("api", audit, audit.signer(), here.kafka), AuditReading(here.kafka, audit.keys())
    token_files = [path for path in (settings.tokens, here.courts.endpoints) if path is not None]
    known = who_is_known(token_files, OidcSettings(), ClientSettings(), _now, tls=settings.certificate is not None)
    kept = Kept(documents.store(), documents.verifier()) if documents.are_kept else None
    ensure_topics(here.kafka)
    policy = Policy.national().with_overlays(here.overlays)
    return Ready(settings, here, known, writer, log, KeyHasher(here.secret()), kept, policy)


@asynccontextmanager
async def opened(ready: Ready, tell: Callable[[Told], object]) -> AsyncIterator[Guard]:
    """The door, ready to be served; ``tell`` is told of every request.

    Raises:
        AuditUnavailableError: the audit log cannot be written, so nothing may be done.
        KafkaError: Kafka is away.
    """
    here, settings, namespace = ready.here, ready.settings, ready.here.redis.namespace
    async with AsyncExitStack() as closing:
        client, checks_line = connect(here.redis), line(here.redis)
        for opened_client in (client, checks_line):
            closing.push_async_callback(opened_client.aclose)
        if ready.kept is not None:
            closing.callback(ready.kept.verifier.close)
        records, ends, bodies = Records(here.kafka, "chakong-api"), Ends(here.kafka), Bodies(Places(here.kafka, HITS))
        for part in (ends, bodies, records):
            closing.push_async_callback(asyncio.to_thread, part.close)
        await ready.audit.start()
        closing.push_async_callback(ready.audit.stop)
        await closing.enter_async_context(ready.known.kept())
        current = Current(ends, settings.current_s_max)
        questions, answers = Places(here.kafka, QUERIES), Places(here.kafka, QUERY_ANSWERS)
        for reader in (questions, answers):
            closing.push_async_callback(asyncio.to_thread, reader.close)
        incidents = IncidentsView(client, namespace)
        ledger = RedisLedger(client, namespace)
        rules = await closing.enter_async_context(following(here.kafka, ready.policy, _now))
        index, currency = RedisIndex(client, ready.hasher, namespace), Currency(settings.check_behind_s_max)
        log_ends, limits_s = LogEnds(here.kafka, index, currency), (settings.check_s_max, settings.request_s_max)
        await log_ends.start()
        closing.push_async_callback(log_ends.stop)
        parts = Parts(
            identities=ready.known.identities,
            records=records,
            kafka=here.kafka,
            hits=LedgerHits(ledger, bodies, ReachabilityView(client, namespace)),
            checks=Checking(RedisIndex(checks_line, ready.hasher, namespace), rules, records, currency, _now, *limits_s),
            clock=_now,
            tell=tell,
            audit=ready.audit,
            audit_log=ready.log,
            health=EngineHealth(client, namespace, index, here.kafka, _now),
            stories=LedgerStories(ledger, bodies),
            replays=ReplayProcess(settings.replay_s_max, settings.replay_memory_mb),
            incidents=Desk(incidents, IncidentLog(records, incidents, _now), here.incidents.limits(), _now),
            held=CurrentFeeds(FeedsView(client, ready.hasher, namespace), current),
            queries=QueryLog(QueriesView(client, namespace), current, questions, answers, ready.hasher),
            documents=None if ready.kept is None else ready.kept.store,
            rules=rules,
            papers=None
            if ready.kept is None
            else Papers(*ready.kept, Views(index, InForce(client, namespace), lambda: lacks_now(here), ends)),
        )
        yield build_door(settings, parts)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
