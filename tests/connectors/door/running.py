"""A door before a real Kafka, served by uvicorn on loopback, and a client of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import aiohttp
import uvicorn
from confluent_kafka import TopicPartition

from connectors.audit.log import AuditLog
from connectors.audit.settings import AuditSettings
from connectors.audit.writer import AuditWriter
from connectors.door.app import Parts, build_door
from connectors.door.guard import Told
from connectors.door.settings import DoorSettings
from connectors.door.tokens import Entry as Token
from connectors.door.tokens import Tokens
from connectors.kafka.clients import consumer, fetch, partitions_of
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import CONFIRMATIONS, INBOX, ensure_topics
from stream.core.audit.record import Entry, read_record
from stream.core.authority import Grant, Owner, Principal, Role
from stream.core.confirmation import Confirmation, read_confirmation
from stream.core.hit import hit_id
from stream.core.notification import Notification, hit_notification
from stream.services.rules import RulesFollower
from tests.stream.core.audit.logs import SIGNER
from tests.stream.core.hits import AT, hit
from watchlists.policy import Policy

OURS, OTHER, ANSWERS_ONLY = "440106", "310101", "110101"
TOKENS: Final = {OURS: "ours-" * 8, OTHER: "other-" * 8, ANSWERS_ONLY: "answers-" * 8}
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
        client = consumer(self.kafka, "test")
        topic, found = self.kafka.topic(CONFIRMATIONS), []
        partitions = partitions_of(client, self.kafka, CONFIRMATIONS)
        left = sum(client.get_watermark_offsets(TopicPartition(topic, partition), 10)[1] for partition in partitions)
        client.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        while len(found) < left:
            found += [read_confirmation(record.value() or b"") for record in fetch(client, 100, 0.1)]
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
    hits: KnownHits | None = None,
    audit_s_max: float = 5.0,
    also: Sequence[Token] = (),
    clock: Callable[[], dt.datetime] = lambda: NOW,
    **settings: Any,
) -> AsyncIterator[Door]:
    """A door for the courts of ``TOKENS``, and for whom ``also`` names."""
    here = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=2, sighting_partitions=1)
    ensure_topics(here)
    records = Records(here, "test-door")
    audit = AuditWriter("api", AuditSettings(write_s_max=audit_s_max), SIGNER, here)
    await audit.start()
    told: list[Told] = []
    tokens = Tokens([*(Token(token, _court(court)) for court, token in TOKENS.items()), *also])
    rules = RulesFollower(here, Policy.national(), now)
    rules.start()
    door = build_door(
        DoorSettings(port=0, **({"rate_burst": 1000} | settings)),
        Parts(tokens, records, here, hits or KnownHits({}), clock, told.append, audit, rules),
    )
    server = uvicorn.Server(uvicorn.Config(door, port=0, log_level="warning", access_log=False, lifespan="on"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done(), "the door did not open"
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with aiohttp.ClientSession() as session:
            yield Door(f"http://127.0.0.1:{port}", session, here, records, told)
    finally:
        server.should_exit = True
        await serving
        await audit.stop()
        await asyncio.to_thread(rules.stop)
        await asyncio.to_thread(records.close)
