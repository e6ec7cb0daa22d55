"""What stands behind a door for feeds and the fast query: views with who writes them, and a registry over made-up people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import SecretStr

from connectors.audit.settings import AuditSettings
from connectors.audit.writer import AuditWriter
from connectors.documents.cipher import Cipher
from connectors.documents.store import DirectoryDocuments
from connectors.kafka.places import Places
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import QUERIES, QUERY_ANSWERS
from connectors.police.answering import Answering
from connectors.police.sql import SqlRegistry, populate
from connectors.redis.client import connect
from connectors.redis.feeds import FeedsView
from connectors.redis.keyspace import delete_all
from connectors.redis.queries import QueriesView
from connectors.redis.settings import RedisSettings
from deploy.local.addresses import Addresses
from matchers.keys import KeyHasher
from stream.core.fast_query import SOURCES
from stream.services.current import Current, Ends
from stream.services.door_views import CurrentFeeds, QueryLog
from stream.services.registry import RegistryService, now
from stream.services.view_writer import ViewWriter
from stream.services.views import TakesFeeds, TakesQueries
from synthetic.population import population
from tests.connectors.door.running import Door
from tests.stream.core.audit.logs import SIGNER

SEED, PEOPLE = 7, 60
HASHER: Final = KeyHasher(b"a secret of these tests")


class Fed(NamedTuple):
    """Views of feeds and questions, and where documents are kept; ``parts`` are those of a door that asks them."""

    kafka: KafkaSettings
    feeds: FeedsView
    queries: QueriesView
    documents: DirectoryDocuments
    folder: Path
    parts: Mapping[str, Any]


@asynccontextmanager
async def fed(stack: Addresses, name: str, folder: Path) -> AsyncIterator[Fed]:
    """The views, empty; ``name`` is that of topics and keys."""
    kafka = KafkaSettings(bootstrap=stack.kafka, topic_prefix=f"{name}-", partitions=2, sighting_partitions=1)
    client, ends = connect(RedisSettings(url=SecretStr(stack.redis))), Ends(kafka)
    feeds, queries, current = FeedsView(client, HASHER, name), QueriesView(client, name), Current(ends, 20.0)
    questions, answers = Places(kafka, QUERIES), Places(kafka, QUERY_ANSWERS)
    log = QueryLog(queries, current, questions, answers, HASHER)
    documents = DirectoryDocuments(folder / "documents", Cipher(b"k" * 32))
    parts = {"held": CurrentFeeds(feeds, current), "queries": log, "documents": documents}
    yield Fed(kafka, feeds, queries, documents, folder, parts)
    for reader in (questions, answers, ends):
        await asyncio.to_thread(reader.close)
    await delete_all(client, name)
    await client.aclose()


@asynccontextmanager
async def feeding(door: Door, views: Fed) -> AsyncIterator[None]:
    """While this is open, what the door takes in comes to the views, and the registry answers questions."""
    writer = ViewWriter(views.kafka, (TakesFeeds(views.feeds), TakesQueries(views.queries, HASHER)), door.records)
    async with _registry(door, views.folder / "people.sqlite") as service:
        running = [asyncio.create_task(service.run()), asyncio.create_task(writer.run())]
        yield
        service.stop()
        writer.stop()
        await asyncio.gather(*running)


@asynccontextmanager
async def _registry(door: Door, database: Path) -> AsyncIterator[RegistryService]:
    """The police's side, over an SQLite file."""
    url, within = SecretStr(f"sqlite:///{database}"), dict.fromkeys(SOURCES, 5.0)
    populate(url, population(SEED, PEOPLE))
    adapter = SqlRegistry(dict.fromkeys(SOURCES, url), within)
    audit = AuditWriter("registry", AuditSettings(), SIGNER, door.kafka)
    await audit.start()
    try:
        yield RegistryService(door.kafka, Answering(adapter, within, now), door.records, audit, 16)
    finally:
        await audit.stop()
        adapter.close()
