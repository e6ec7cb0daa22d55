"""The view writer on real Kafka and Redis: what is put takes effect, a wiped Redis is filled again, and what is refused is
buried once."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import redis.asyncio
from confluent_kafka import TopicPartition
from pydantic import SecretStr

from connectors.kafka.clients import consumer, fetch, partitions_of
from connectors.kafka.ends import Ends
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import CASES, DEADLETTERS, DEBTORS, QUERIES, QUERY_ANSWERS, ensure_topics
from connectors.redis.client import connect
from connectors.redis.errors import ViewUnavailableError
from connectors.redis.feeds import FeedsView
from connectors.redis.queries import QueriesView
from connectors.redis.settings import RedisSettings
from deploy.local.addresses import Addresses
from matchers.keys import KeyHasher
from stream.core.feeds import FeedRecord
from stream.core.question import Answer
from stream.services.current import Current
from stream.services.views import VIEWS, TakesFeeds, TakesQueries, rebuild_view
from tests.stream.core.cases import AT, CASE_ID, DEBTOR_ID, case, debtor, question
from tests.stream.services.writing import written

HASHER = KeyHasher(b"a secret of this test")


@dataclass
class World:
    kafka: KafkaSettings
    records: Records
    client: redis.asyncio.Redis
    namespace: str
    feeds: FeedsView
    queries: QueriesView
    current: Current

    async def put(self, topic: str, *records: FeedRecord) -> None:
        rows = [Record(topic, one.id.encode(), one.model_dump_json(exclude_none=True).encode()) for one in records]
        await self.records.send_soon(rows)

    async def caught_up(self, topic: str) -> None:
        view = self.queries if topic in (QUERIES, QUERY_ANSWERS) else self.feeds
        await self.current.with_log(topic, view.positions)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        views = (TakesFeeds(self.feeds), TakesQueries(self.queries, HASHER))
        async with written(self.kafka, VIEWS, views, self.records):
            yield

    def buried(self) -> list[str]:
        """The reasons of all dead letters."""
        client = consumer(self.kafka, "test")
        topic = self.kafka.topic(DEADLETTERS)
        left = sum(Ends(self.kafka).now(DEADLETTERS).values())
        client.assign([TopicPartition(topic, partition, 0) for partition in partitions_of(client, self.kafka, DEADLETTERS)])
        found: list[str] = []
        while len(found) < left:
            found += [json.loads(record.value() or b"")["reason"] for record in fetch(client, 100, 0.1)]
        client.close()
        return sorted(found)


@pytest.fixture
async def world(stack: Addresses, redis_url: str) -> AsyncIterator[World]:
    name = f"t{uuid.uuid4().hex[:10]}"
    kafka = KafkaSettings(bootstrap=stack.kafka, topic_prefix=f"{name}-", partitions=2, sighting_partitions=1)
    ensure_topics(kafka)
    records, ends = Records(kafka, "test"), Ends(kafka)
    async with connect(RedisSettings(url=SecretStr(redis_url))) as client:
        feeds, queries = FeedsView(client, HASHER, name), QueriesView(client, name)
        yield World(kafka, records, client, name, feeds, queries, Current(ends, 20.0))
    await asyncio.to_thread(records.close)
    await asyncio.to_thread(ends.close)


async def test_what_is_put_takes_effect_and_a_wiped_redis_is_filled_again(world: World) -> None:
    answer = Answer(query_id=question().id, answered_at=AT, court="440106", outcome="complete")
    asked = question().model_dump_json(exclude_none=True).encode()
    async with world.writing():
        await world.put(CASES, case(), case(version=2, status="closed"))
        await world.put(DEBTORS, debtor())
        await world.records.send_soon(
            [Record(QUERIES, b"440106", asked), Record(QUERY_ANSWERS, b"440106", answer.model_dump_json().encode())]
        )
        for wiped in (False, True):
            if wiped:
                await world.client.flushdb()
            for topic in (CASES, DEBTORS, QUERIES, QUERY_ANSWERS):
                await world.caught_up(topic)
            held = await world.feeds.case(CASE_ID)
            assert held is not None
            assert (held.version, held.is_open) == (2, False)
            assert await world.feeds.debtor(DEBTOR_ID) == debtor()
            known = await world.queries.known(question().id)
            assert known.asked is not None
            assert known.answer is not None


async def test_what_is_refused_is_buried_once_also_when_the_views_are_built_again(world: World) -> None:
    async with world.writing():
        await world.put(DEBTORS, debtor())
        await world.put(DEBTORS, debtor(version=2, court={"code": "310101"}))
        await world.records.send_soon(
            [Record(CASES, b"x", b"{"), Record(QUERIES, b"x", b"{}"), Record(QUERY_ANSWERS, b"x", b"[]")]
        )
        for topic in (CASES, DEBTORS, QUERIES, QUERY_ANSWERS):
            await world.caught_up(topic)
    wanted = ["invalid_query", "not_an_object", "not_json", "other_court"]
    assert world.buried() == wanted
    await world.client.flushdb()
    async with world.writing():
        for topic in (CASES, DEBTORS):
            await world.caught_up(topic)
    assert world.buried() == wanted
    assert await world.feeds.debtor(DEBTOR_ID) == debtor()


async def test_what_a_writer_took_and_did_not_bury_is_buried_by_the_next(world: World) -> None:
    await world.put(DEBTORS, debtor(), debtor(version=2, court={"code": "310101"}))
    await world.records.send_soon([Record(CASES, b"x", b"{"), Record(QUERIES, b"x", b"{}")])
    for view in (TakesFeeds(world.feeds), TakesQueries(world.queries, HASHER)):
        await rebuild_view(world.kafka, view)  # as a writer that dies before it buries leaves the views
    async with world.writing(), asyncio.timeout(20):
        while len(await asyncio.to_thread(world.buried)) < 3:
            await asyncio.sleep(0.1)
    assert world.buried() == ["invalid_query", "not_json", "other_court"]


async def test_rebuild_needs_no_worker(world: World) -> None:
    await world.put(CASES, *(case(number=f"(2026)粤0106执{number}号") for number in range(30)), case())
    view = TakesFeeds(world.feeds)
    assert await rebuild_view(world.kafka, view) == 31
    assert await world.feeds.case(CASE_ID) == case()
    assert await rebuild_view(world.kafka, view) == 0
    await view.wipe()
    assert await world.feeds.case(CASE_ID) is None
    assert await rebuild_view(world.kafka, view) == 31
    await world.caught_up(CASES)


async def test_a_view_that_is_behind_is_never_taken_for_a_whole_one(world: World) -> None:
    await world.put(CASES, case())
    with pytest.raises(ViewUnavailableError, match="behind"):
        await Current(Ends(world.kafka), 0.2).with_log(CASES, world.feeds.positions)
