"""Feeds and questions as both platforms have them: views and the writer that keeps them, a store, and registries over made-up
people.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import redis.asyncio
from pydantic import SecretStr

from connectors.audit.settings import AuditSettings
from connectors.audit.writer import AuditWriter
from connectors.documents.cipher import Cipher
from connectors.documents.store import DirectoryDocuments
from connectors.kafka.ends import Ends
from connectors.kafka.places import Places
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import QUERIES, QUERY_ANSWERS
from connectors.police.answering import Answering
from connectors.police.sql import SqlRegistry, populate
from connectors.redis.feeds import FeedsView
from connectors.redis.queries import QueriesView
from matchers.keys import KeyHasher
from stream.core.fast_query import SOURCES
from stream.services.current import Current
from stream.services.door_views import CurrentFeeds, QueryLog
from stream.services.registry import RegistryService, now
from stream.services.views import VIEWS, TakesFeeds, TakesQueries
from synthetic.people import People, Person
from synthetic.population import population
from tests.connectors.door.running import Door
from tests.factory import Fields
from tests.stream.core.audit.logs import SIGNER
from tests.stream.core.cases import party_fields
from tests.stream.services.writing import written

SEED, PEOPLE = 7, 60
KNOWN: Final = People(SEED, "wanted")
"""Those whom the registries know; the first ``PEOPLE`` of them."""


def party_of(person: Person, role: str) -> Fields:
    """One of them as a party of a case."""
    documents = [{"type": one.type, "number": one.number} for one in person.documents]
    return party_fields(role, person.documents[0].number, name=person.name, documents=documents)


class Fed(NamedTuple):
    """What a door needs of feeds and questions (``parts``), and what its views are made of."""

    parts: dict[str, Any]
    documents: DirectoryDocuments
    takers: tuple[TakesFeeds, TakesQueries]
    folder: Path

    @asynccontextmanager
    async def kept(self, door: Door) -> AsyncIterator[None]:
        """While the views follow the log, and the registries answer."""
        views = written(door.kafka, VIEWS, self.takers, door.records)
        async with _registry(door, self.folder / "people.sqlite") as service, views:
            running = asyncio.create_task(service.run())
            try:
                yield
            finally:
                service.stop()
                await running


@asynccontextmanager
async def fed(
    kafka: KafkaSettings, client: redis.asyncio.Redis, hasher: KeyHasher, name: str, folder: Path
) -> AsyncIterator[Fed]:
    """``name``: the namespace of the views in Redis."""
    feeds, queries, ends = FeedsView(client, hasher, name), QueriesView(client, name), Ends(kafka)
    questions, answers, current = Places(kafka, QUERIES), Places(kafka, QUERY_ANSWERS), Current(ends, 20.0)
    documents = DirectoryDocuments(folder / "documents", Cipher(b"k" * 32))
    log = QueryLog(queries, current, questions, answers, hasher)
    parts = {"held": CurrentFeeds(feeds, current), "queries": log, "documents": documents}
    try:
        yield Fed(parts, documents, (TakesFeeds(feeds), TakesQueries(queries, hasher)), folder)
    finally:
        for reader in (questions, answers, ends):
            await asyncio.to_thread(reader.close)


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
