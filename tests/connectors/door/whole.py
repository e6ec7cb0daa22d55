"""The whole door at once: every room on real parts, and all that four owners have, as the engine would have left it there.

Views in Redis are filled by their own writers from the log; the registries answer; the rules are followed. What the engine
itself would have produced (hits, their stories, news, instructions) is produced here by its own functions.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import redis.asyncio
from pydantic import SecretStr

from connectors.audit.log import AuditLog
from connectors.audit.settings import AuditSettings
from connectors.audit.writer import AuditWriter
from connectors.documents.store import DirectoryDocuments
from connectors.documents.verifier import PdfSealVerifier
from connectors.door.app import Papers
from connectors.door.orders import Views
from connectors.kafka.ends import Ends
from connectors.kafka.places import Place, Places
from connectors.kafka.records import Record
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import CASES, DEBTORS, HITS, INBOX, INSTRUCTIONS, JUDGMENTS, ORDERS, QUERIES, ensure_topics
from connectors.redis.client import connect
from connectors.redis.incidents import IncidentsView
from connectors.redis.index import RedisIndex
from connectors.redis.keyspace import delete_all
from connectors.redis.leases import InForce
from connectors.redis.ledger import RedisLedger
from connectors.redis.reachability import ReachabilityView
from connectors.redis.settings import RedisSettings
from deploy.local.addresses import Addresses
from matchers.keys import KeyHasher
from matchers.sighting import TOPIC_OF_KIND, read_sighting
from stream.core.audit.record import read_record
from stream.core.authority import Principal, Role
from stream.core.delivery import Reason, Receipt
from stream.core.explanation import past_object
from stream.core.fast_query import GRANTS, Category
from stream.core.feeds import Role as Party
from stream.core.hit import Hit
from stream.core.incident_record import opened as incident_opened
from stream.core.instruction import instruct
from stream.core.notification import hit_notification
from stream.core.question import About
from stream.core.resolve import resolve
from stream.services.bodies import Bodies
from stream.services.engine_health import EngineHealth
from stream.services.index_view import INDEX, TakesOrders
from stream.services.instructing import facts_of
from stream.services.replaying import Named, Replaying, SightingGoneError
from stream.services.resolving import hit_record
from stream.services.whose import LedgerHits, LedgerStories
from tests.connectors.documents.sealed import NOW as SEALS_AT
from tests.connectors.documents.sealed import write_trust
from tests.connectors.door.feeding import KNOWN, Fed, fed, party_of
from tests.connectors.door.matrix_cases import OTHERS_SEAL, SOUGHT, Asked, Facts
from tests.connectors.door.matrix_things import EVERYBODY, NAME, Things, grant_of
from tests.connectors.door.office import DOCUMENTS, NoLacks, order_fields
from tests.connectors.door.running import NOW, Door, now, opened
from tests.factory import as_record, person_fields, sighting_fields
from tests.stream.core.audit.logs import SIGNER, entry
from tests.stream.core.cases import case, debtor, judgment, party_fields, question
from tests.stream.services.writing import written
from watchlists.order import Order, read_order
from watchlists.policy import Policy
from watchlists.rules import History

TOKENS: Final = {role: f"{role.value}-".ljust(40, "x") for role in Role}
WHO: Final = {token: Principal(role.value, (grant_of(role),), NAME, machine=False) for role, token in TOKENS.items()}
_SECRET: Final = b"a secret of the tests of the whole door"


class Said(NamedTuple):
    """An answer, as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Whole(NamedTuple):
    """The door, and the record of its audit log that can be proved."""

    door: Door
    facts: Facts

    async def ask(self, asked: Asked, token: str | None, request_id: str) -> Said:
        content = asked.content
        data = content if content is None or isinstance(content, bytes) else as_record(content)
        headers = {"X-Request-Id": request_id, "Content-Type": "application/json", **asked.headers}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        async with self.door.session.request(asked.method, self.door.url + asked.path, data=data, headers=headers) as said:
            told = {name.lower(): value for name, value in said.headers.items() if name.lower() != "date"}
            return Said(said.status, told, await said.read())


class Replays:
    """The door's ``Replays``, in this process."""

    def __init__(self, kafka: KafkaSettings, views: RedisSettings) -> None:
        self._replaying = Replaying(kafka, views, History(Policy.national()))

    async def replay(self, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        return await asyncio.to_thread(self._past, Named(asked["station"], asked["id"]), asked["at"] or now())

    def _past(self, named: Named, at: dt.datetime) -> dict[str, Any] | None:
        """A replay keeps its thread busy, so it has one of its own."""
        try:
            past = asyncio.run(self._replaying.past(named, at))
        except SightingGoneError:
            return None
        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(past_object(past)))
        return found


class _Ground(NamedTuple):
    """What lies under the door."""

    kafka: KafkaSettings
    views: RedisSettings
    client: redis.asyncio.Redis
    index: RedisIndex
    ledger: RedisLedger
    bodies: Bodies
    fed: Fed

    @property
    def name(self) -> str:
        return self.kafka.topic_prefix

    def parts(self, verifier: PdfSealVerifier, ends: Ends) -> dict[str, Any]:
        async def lacks() -> NoLacks:
            return NoLacks()

        views = Views(self.index, InForce(self.client, self.name), lacks, ends)
        return {
            "papers": Papers(self.fed.documents, verifier, views),
            "stories": LedgerStories(self.ledger, self.bodies),
            "replays": Replays(self.kafka, self.views),
            "health": EngineHealth(self.client, self.name, self.index, self.kafka, now),
            **self.fed.parts,
        }


@asynccontextmanager
async def whole(stack: Addresses, name: str, folder: Path) -> AsyncIterator[Whole]:
    """``name``: a prefix of topics and a namespace of views that nobody else uses."""
    kafka = KafkaSettings(bootstrap=stack.kafka, topic_prefix=name, partitions=2, sighting_partitions=1)
    views = RedisSettings(url=SecretStr(stack.redis), namespace=name)
    ensure_topics(kafka)
    async with AsyncExitStack() as closing:
        client, hasher, ends = connect(views), KeyHasher(_SECRET), Ends(kafka)
        closing.push_async_callback(client.aclose)
        closing.push_async_callback(delete_all, client, name)
        verifier = closing.enter_context(PdfSealVerifier(write_trust(folder / "trust"), lambda: SEALS_AT, processes=1))
        ground = _Ground(
            kafka=kafka,
            views=views,
            client=client,
            index=RedisIndex(client, hasher, name),
            ledger=RedisLedger(client, name),
            bodies=Bodies(Places(kafka, HITS)),
            fed=await closing.enter_async_context(fed(kafka, client, hasher, name, folder)),
        )
        closing.push_async_callback(asyncio.to_thread, ends.close)
        closing.push_async_callback(asyncio.to_thread, ground.bodies.close)
        await ground.ledger.mark_whole()
        hits = LedgerHits(ground.ledger, ground.bodies, ReachabilityView(client, name))
        facts, parts = await _proved(kafka), ground.parts(verifier, ends)
        more = {
            "people": WHO,
            "index": ground.index,
            "clock": now,
            "redis_url": stack.redis,
            "audit_s_max": 20.0,
            "replays_max": 16,
        }
        door = await closing.enter_async_context(opened(stack.kafka, name, hits, **more, **parts))
        await closing.enter_async_context(ground.fed.kept(door))
        await closing.enter_async_context(_indexed(ground, door))
        for things in EVERYBODY.values():
            await _bring(things, ground, door)
        await _until_indexed(ground.index, ends)
        yield Whole(door, facts)


@asynccontextmanager
async def _indexed(ground: _Ground, door: Door) -> AsyncIterator[None]:
    """While the index follows the log."""
    orders = TakesOrders(ground.index, lambda _: None, ground.ledger.of_orders)
    async with written(ground.kafka, INDEX, [orders], door.records):
        yield


async def _until_indexed(index: RedisIndex, ends: Ends) -> None:
    async with asyncio.timeout(30.0):
        wanted = await asyncio.to_thread(ends.now, ORDERS)
        while (await index.positions()) != {partition: end for partition, end in wanted.items() if end}:
            await asyncio.sleep(0.02)


async def _proved(kafka: KafkaSettings) -> Facts:
    """A chain that was ended, so that a checkpoint covers all of it."""
    audit = AuditWriter("api", AuditSettings(write_s_max=20.0), SIGNER, kafka)
    await audit.start()
    await audit.write(entry())
    await audit.stop()
    records = [read_record(stored.value) for stored in await asyncio.to_thread(lambda: list(AuditLog(kafka).records()))]
    (record,) = [one for one in records if one.operation is not None]
    return Facts(record.writer, record.sequence)


async def _bring(things: Things, ground: _Ground, door: Door) -> None:
    """Everything of an owner's, onto the log and into the stores."""
    _store(ground.fed.documents, things)
    order = as_record(_order(things, things.order))
    spare = [as_record(_order(things, things.order_to_release(role))) for role in Role]
    seen = _seen(things)
    await door.records.send_soon(
        [
            *(Record(ORDERS, things.order.encode(), raw) for raw in (order, *spare)),
            Record(TOPIC_OF_KIND["hotel_checkin"], str(things.owner.station).encode(), seen),
            *_feeds(things, ground.fed.documents),
            _asked(things),
        ]
    )
    placed = read_order(order)
    assert isinstance(placed, Order)
    (hit,) = resolve(read_sighting(seen), [placed], Policy.national(), now())
    assert hit.id == things.hit
    (place,) = await door.records.send_soon([hit_record(hit)])
    await ground.ledger.record(_story(hit, place))
    await door.records.send_soon(_told(hit))
    view = IncidentsView(ground.client, ground.name)
    await view.record([incident_opened(things.incident, things.opening, NOW)])


def _order(things: Things, id_: str) -> dict[str, Any]:
    person = {"name": "王伟", "documents": [{"type": "passport", "number": things.passport}]}
    return order_fields(id_, court=things.court, handler=things.handler, person=person)


def _seen(things: Things) -> bytes:
    station = {"code": things.owner.station, "province": things.owner.province}
    return as_record(
        sighting_fields(id=things.sighting, station=station, person=person_fields(things.passport, type_="passport"))
    )


def _story(hit: Hit, place: Place) -> Sequence[Receipt]:
    """It was planned, and its court was told."""
    of = {"hit_id": hit.id, "order_id": hit.order_id, "order_version": hit.order_version, "at": hit.detected_at}
    planned = Receipt.model_validate({**of, "step": "planned", "outcome": Reason.NEW, "facts": facts_of(hit, place)})
    return planned, Receipt.model_validate({**of, "step": "delivered", "outcome": Reason.DELIVERED, "attempt": 1})


def _told(hit: Hit) -> list[Record]:
    """Its court's news, and its station's instruction."""
    asked = instruct([hit], Policy.national(), at=hit.detected_at)
    return [
        Record(INBOX, hit.court.code.encode(), hit_notification(hit, update=False, at=hit.detected_at).body()),
        Record(INSTRUCTIONS, asked.key.encode(), msgspec.json.encode(asked.model_dump(mode="json"))),
    ]


def _store(documents: DirectoryDocuments, things: Things) -> None:
    for document in (*DOCUMENTS, OTHERS_SEAL[0], things.judgment(), *map(things.judgment, Role)):
        documents.add(document)


def _feeds(things: Things, documents: DirectoryDocuments) -> list[Record]:
    whose = {"court": things.court, "handler": things.handler}
    party = party_of(KNOWN[things.number], "judgment_debtor")
    listed = party_fields(None, SOUGHT, documents=[{"type": "passport", "number": things.passport}])
    debtors = [debtor(things.debtor, party=listed, **whose)]
    debtors += [debtor(things.debtor_to_remove(role), **whose) for role in Role]
    held = judgment(sha256=documents.add(things.judgment()), case_id=things.case, **whose)
    of_case = case(party, number=things.case_number, **whose)
    records = [(CASES, of_case), (JUDGMENTS, held), *((DEBTORS, one) for one in debtors)]
    return [Record(topic, one.id.encode(), one.model_dump_json(exclude_none=True).encode()) for topic, one in records]


def _asked(things: Things) -> Record:
    """A question of the court's system about a party's identity, photo included."""
    type_, number = KNOWN[things.number].documents[0]
    article = GRANTS[Category.IDENTITY, Party.JUDGMENT_DEBTOR].id
    asked = question(
        Category.IDENTITY,
        Party.JUDGMENT_DEBTOR,
        article,
        id=things.query,
        asked_at=now(),
        court=things.owner.court,
        province=things.owner.province,
        handler=things.owner.handler,
        case_id=things.case,
        case_number=things.case_number,
        about=About(type=type_, number=number),
    )
    return Record(QUERIES, str(things.owner.court).encode(), asked.model_dump_json(exclude_none=True).encode())
