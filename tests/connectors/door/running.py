"""A door before a real Kafka, served by uvicorn on loopback, and a client of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import aiohttp
from confluent_kafka import TopicPartition
from pydantic import SecretStr

from connectors.audit.log import AuditLog
from connectors.audit.reading import AuditReading
from connectors.audit.settings import AuditSettings
from connectors.audit.writer import AuditWriter
from connectors.door.answers import Hits
from connectors.door.app import Parts, build_door
from connectors.door.guard import Told
from connectors.door.health import HealthReport
from connectors.door.hit_list import Told as ToldHit
from connectors.door.incidents import Desk
from connectors.door.server import server
from connectors.door.settings import DoorSettings
from connectors.door.tokens import Entry as Token
from connectors.door.tokens import Tokens
from connectors.identity.settings import ClientSettings
from connectors.kafka.clients import consumer, fetch, partitions_of
from connectors.kafka.incidents import IncidentLog
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import CONFIRMATIONS, INBOX, ensure_topics
from connectors.redis.client import connect
from connectors.redis.errors import ViewUnavailableError
from connectors.redis.incidents import IncidentsView
from connectors.redis.settings import RedisSettings
from stream.core.audit.record import Entry, read_record
from stream.core.authority import Grant, Owner, Principal, Role
from stream.core.confirmation import Confirmation, read_confirmation
from stream.core.currency import Currency
from stream.core.hit import hit_id
from stream.core.incident_due import Limits
from stream.core.notification import Notification, hit_notification
from stream.services.checking import Checking, LogEnds
from stream.services.rules import RulesFollower
from tests.stream.core.audit.logs import KEYS, SIGNER
from tests.stream.core.hits import AT, hit
from watchlists.index import MemoryIndex, WatchlistIndex
from watchlists.policy import Policy

OURS, OTHER, ANSWERS_ONLY = "440106", "310101", "110101"
TOKENS: Final = {OURS: "ours-" * 8, OTHER: "other-" * 8, ANSWERS_ONLY: "answers-" * 8}
NOWHERE: Final = "redis://127.0.0.1:1/0"
NOW: Final = dt.datetime(2026, 11, 24, 15, 0, tzinfo=dt.UTC)


class Answered(NamedTuple):
    """An answer of the door."""

    status: int
    headers: Mapping[str, str]
    body: Any


class KnownHits:
    """Whose hits are whose, as a ledger would know."""

    def __init__(self, courts: Mapping[str, str]) -> None:
        self.courts = courts

    async def owner_of(self, hit_id: str) -> Owner | None:
        court = self.courts.get(hit_id)
        return None if court is None else Owner(court=court)


class NoEngine:
    """How an engine is of which nothing can be told."""

    async def report(self) -> HealthReport:
        return HealthReport(at=NOW, away=["kafka", "redis"], workers=None, index=None, ledger_whole=None, endpoints=None)


class NothingKnown:
    """No hit has a story, and no sighting is on the log."""

    async def told(self, hit_id: str) -> ToldHit | None:
        return None

    async def tellable(self, hit_ids: Collection[str]) -> frozenset[str]:
        return frozenset()

    async def of_order(self, order_id: str) -> list[str]:
        return []

    async def replay(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        return None


class NothingHeld:
    """Feeds and questions of a door whose tests are about something else: Redis is away."""

    def __getattr__(self, name: str) -> Any:
        async def away(*_: object) -> None:
            raise ViewUnavailableError("unreachable", "Redis cannot be reached")

        return away


@dataclass
class Door:
    """A door that is open, with the Kafka behind it."""

    url: str
    session: aiohttp.ClientSession
    kafka: KafkaSettings
    records: Records
    told: list[Told] = field(default_factory=list)

    async def get(self, path: str, court: str | None = OURS, **headers: str) -> Answered:
        return await self.ask("GET", path, court, None, headers)

    async def post(self, hit: str, answer: object, court: str | None = OURS, key: str = "k-1", **headers: str) -> Answered:
        path = f"/v1/hits/{hit}/confirmations"
        return await self.ask("POST", path, court, answer, {"Idempotency-Key": key, **headers})

    async def ask(self, method: str, path: str, court: str | None, content: object, headers: Mapping[str, str]) -> Answered:
        sent = dict(headers)
        if court is not None:
            sent.setdefault("Authorization", f"Bearer {TOKENS.get(court, court)}")
        data = content if content is None or isinstance(content, bytes) else json.dumps(content).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        async with self.session.request(method, self.url + path, data=data, headers=sent) as response:
            return Answered(response.status, response.headers, await response.json(content_type=None))

    async def store(self, *notifications: Notification, court: str = OURS) -> None:
        """What the inbox channel does."""
        await self.records.send_soon([Record(INBOX, court.encode(), one.body()) for one in notifications])

    def audited(self) -> list[Entry]:
        """All operations on the audit record, in the order in which they came to stand there."""
        read = [read_record(stored.value) for stored in AuditLog(self.kafka).records()]
        return [record.operation for record in read if record.operation is not None]

    def confirmations(self) -> list[Confirmation]:
        """All that stands on the topic."""
        return [read_confirmation(raw) for raw in self.stored(CONFIRMATIONS)]

    def stored(self, name: str) -> list[bytes]:
        """All records of a topic."""
        client = consumer(self.kafka, "test")
        topic, found = self.kafka.topic(name), []
        partitions = partitions_of(client, self.kafka, name)
        left = sum(client.get_watermark_offsets(TopicPartition(topic, partition), 10)[1] for partition in partitions)
        client.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        while len(found) < left:
            found += [record.value() or b"" for record in fetch(client, 100, 0.1)]
        client.close()
        return found


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def notification(number: int) -> Notification:
    order = f"ZX-{number}"
    return hit_notification(hit(order, id=hit_id(order, "440106-H-0012", "1")), update=False, at=AT)


def _court(court: str) -> Principal:
    role = Role.COURT_REPLY if court == ANSWERS_ONLY else Role.COURT_SYSTEM
    return Principal(court, (Grant(role, court),), credential=f"{court}.token")


@asynccontextmanager
async def opened(
    kafka: str,
    topic_prefix: str,
    hits: Hits | None = None,
    audit_s_max: float = 5.0,
    people: Mapping[str, Principal] = MappingProxyType({}),
    clients: ClientSettings | None = None,
    index: WatchlistIndex | None = None,
    clock: Callable[[], dt.datetime] = lambda: NOW,
    redis_url: str = NOWHERE,
    **more: Any,
) -> AsyncIterator[Door]:
    """``people``: who comes in by a token of their own, besides the courts. ``index``: what checks are answered by.

    ``redis_url``: without a Redis, whatever asks it is answered by 503. ``more``: parts by their names, and settings.
    """
    here = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=2, sighting_partitions=1)
    ensure_topics(here)
    records = Records(here, "test-door")
    audit = AuditWriter("api", AuditSettings(write_s_max=audit_s_max), SIGNER, here)
    await audit.start()
    told: list[Told] = []
    principals = {token: _court(court) for court, token in TOKENS.items()} | dict(people)
    given = {name: more[name] for name in Parts._fields if more.get(name) is not None}
    chosen = {"port": 0, "rate_burst": 1000} | {name: value for name, value in more.items() if name not in Parts._fields}
    settings = DoorSettings(**chosen)
    held, currency = index or MemoryIndex(), Currency(settings.check_behind_s_max)
    ends = LogEnds(here, held, currency)
    client = connect(RedisSettings(url=SecretStr(redis_url)))
    incidents = IncidentsView(client, topic_prefix)
    rules = RulesFollower(here, Policy.national(), now)
    rules.start()
    usual = Parts(
        identities=Tokens(Token(token, principal) for token, principal in principals.items()),
        records=records,
        kafka=here,
        hits=hits or KnownHits({}),
        checks=Checking(held, rules, records, currency, clock, settings.check_s_max, settings.request_s_max),
        clock=clock,
        tell=told.append,
        audit=audit,
        audit_log=AuditReading(here, KEYS),
        health=NoEngine(),
        stories=NothingKnown(),
        replays=NothingKnown(),
        incidents=Desk(incidents, IncidentLog(records, incidents, lambda: NOW), Limits(), lambda: NOW),
        held=NothingHeld(),
        queries=NothingHeld(),
        rules=rules,
    )
    door = build_door(settings, usual._replace(**given))
    await ends.start()
    serving = server(door, settings, clients or ClientSettings())
    served = asyncio.create_task(serving.serve())
    while not serving.started:
        assert not served.done(), "the door did not open"
        await asyncio.sleep(0.01)
    scheme = "https" if serving.config.is_ssl else "http"
    port = serving.servers[0].sockets[0].getsockname()[1]
    try:
        async with aiohttp.ClientSession() as session:
            yield Door(f"{scheme}://127.0.0.1:{port}", session, here, records, told)
    finally:
        serving.should_exit = True
        await served
        await ends.stop()
        await audit.stop()
        await client.aclose()
        await asyncio.to_thread(rules.stop)
        await asyncio.to_thread(records.close)
