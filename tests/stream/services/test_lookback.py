"""Passes against a real Kafka and a real Redis: what is found, what is not, and that a pass goes on where it was."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sys
from collections.abc import AsyncIterator, Sequence

import pytest
from confluent_kafka import KafkaException, Producer, TopicPartition

from connectors.kafka.clients import at, consumer, end_offsets, fetch, partitions_of
from connectors.kafka.records import Records
from connectors.kafka.topics import CANDIDATES, ORDERS, ensure_topics
from connectors.redis.client import connect
from connectors.redis.index import RedisIndex
from connectors.redis.leases import Leases, LeaseState
from connectors.redis.lookback import LookbackView
from matchers.keys import KeyHasher
from matchers.sighting import SIGHTING_TOPICS
from stream import metrics
from stream.core.lookback import Pass
from stream.local import wipe
from stream.services.lookback import Lookback
from stream.services.lookback_process import LookbackProcess
from stream.settings import WorkerSettings
from tests.factory import as_record, person_fields, sighting_fields
from tests.watchlists import orders
from watchlists.index import Logged

pytestmark = pytest.mark.integration
HOTEL = "sightings.hotel"
WITHIN_S = 30.0


class Deployment:
    """Kafka, Redis, and one worker that screens, as far as a lookback can see."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.hasher = KeyHasher(settings.secret())
        self.client = connect(settings.redis)
        space = settings.redis.namespace
        self.index = RedisIndex(self.client, self.hasher, space)
        self.leases, self.view = Leases(self.client, space, ttl_s=600), LookbackView(self.client, space)
        self.records = Records(settings.kafka, "tests")
        self.applied: dict[int, int] = {}
        self._producer = Producer({"bootstrap.servers": settings.kafka.bootstrap})

    def sightings(self, passports: Sequence[str]) -> None:
        """One for each, and one that nobody can read."""
        topic = self.settings.kafka.topic(HOTEL)
        for number, passport in enumerate(passports):
            person = person_fields(passport, "passport")
            self._producer.produce(topic, as_record(sighting_fields(id=f"S{number}", person=person)))
        self._producer.produce(topic, b'{"kind": "hotel_checkin"')
        assert self._producer.flush(WITHIN_S) == 0

    async def order(self, logged: Logged) -> None:
        """A record of ``orders`` that is in force everywhere."""
        partition = len(self.applied) % 2
        self._producer.produce(self.settings.kafka.topic(ORDERS), logged.raw, partition=partition)
        assert self._producer.flush(WITHIN_S) == 0
        start = self.applied.get(partition, 0)
        await self.index.apply(partition, start, start + 1, [logged])
        self.applied[partition] = start + 1
        await self.leases.renew("w", LeaseState(applied=self.applied, state="screening", at=dt.datetime.now(dt.UTC)))

    def screened(self) -> None:
        """Live screening has seen, and committed, every sighting there is."""
        group = consumer(self.settings.kafka, "screen")
        topics = {topic: [0, 1] for topic in map(self.settings.kafka.topic, SIGHTING_TOPICS)}
        ends = {topic: end_offsets(group, topic, partitions) for topic, partitions in topics.items()}
        group.commit(
            offsets=[TopicPartition(topic, *end) for topic, of in ends.items() for end in of.items()], asynchronous=False
        )
        group.close()

    def lookback(self, settings: WorkerSettings | None = None) -> Lookback:
        return Lookback(
            settings or self.settings,
            self.hasher,
            self.records,
            self.index,
            self.leases,
            self.view,
            lambda: dt.datetime.now(dt.UTC),
        )

    async def search(self) -> list[str]:
        """Search until no order waits; the ids of the sightings that became candidates since the topic began."""
        lookback = self.lookback()
        running = asyncio.create_task(lookback.run())
        await self.until_searched()
        lookback.stop()
        await running
        return self.found()

    async def until_searched(self) -> None:
        """Until the commits of the lookback's group are where ``orders`` ends."""
        group, topic = consumer(self.settings.kafka, "lookback"), self.settings.kafka.topic(ORDERS)
        places = [TopicPartition(topic, partition) for partition in (0, 1)]
        try:
            async with asyncio.timeout(WITHIN_S):
                while True:
                    try:
                        done = await asyncio.to_thread(group.committed, places, timeout=10)
                    except KafkaException:  # a broker that has just started does not coordinate yet
                        done = []
                    if {place.partition: place.offset for place in done} == {0: 0, 1: 0} | self.applied:
                        return
                    await asyncio.sleep(0.1)
        finally:
            group.close()

    def found(self) -> list[str]:
        reader = consumer(self.settings.kafka, "tests")
        topic = self.settings.kafka.topic(CANDIDATES)
        reader.assign([at(topic, partition, 0) for partition in partitions_of(reader, self.settings.kafka, CANDIDATES)])
        found: list[str] = []
        while messages := fetch(reader, 1000, 1.0):
            candidates = [json.loads(message.value() or b"") for message in messages]
            assert all(candidate["lookback"] for candidate in candidates)
            found += [candidate["sighting"]["id"] for candidate in candidates]
        reader.close()
        return found


@pytest.fixture
async def deployment(
    kafka: str, redis_url: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Deployment]:
    values = {
        "KAFKA": kafka,
        "REDIS": redis_url,
        "KAFKA_TOPIC_PREFIX": topic_prefix,
        "REDIS_NAMESPACE": topic_prefix,
        "KEY_SECRET": "a secret of the tests",
        "KAFKA_SIGHTING_PARTITIONS": "2",
        "KAFKA_PARTITIONS": "2",
        "BATCH_MAX": "200",
        "LOOKBACK_SHARE": "1",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"CHAKONG_{name}", value)
    settings = WorkerSettings()
    await asyncio.to_thread(ensure_topics, settings.kafka)
    made = Deployment(settings)
    yield made
    made.records.close()
    await made.client.aclose()
    await asyncio.to_thread(wipe, settings)


async def test_retained_sightings_of_new_orders_are_found_in_one_pass(deployment: Deployment) -> None:
    deployment.sightings(["E1", "E2", "E3", "E4"])
    await deployment.order(orders.order("A", 1, ["E1", "E9"]))
    await deployment.order(orders.order("B", 1, ["E3"]))
    assert sorted(await deployment.search()) == ["S0", "S2"]
    assert await deployment.view.load() is None


async def test_an_order_that_was_released_before_its_pass_is_not_sought(deployment: Deployment) -> None:
    deployment.sightings(["E1", "E2"])
    await deployment.order(orders.order("A", 1, ["E1"]))
    await deployment.order(orders.release("A", 2))
    assert await deployment.search() == []


async def test_of_an_order_that_was_amended_the_version_in_place_is_sought(deployment: Deployment) -> None:
    deployment.sightings(["E1", "E2"])
    await deployment.order(orders.order("A", 1, ["E1"]))
    await deployment.order(orders.order("A", 2, ["E2"], action="amend"))
    assert await deployment.search() == ["S1"]


async def test_an_order_is_searched_for_once(deployment: Deployment) -> None:
    deployment.sightings(["E1"])
    await deployment.order(orders.order("A", 1, ["E1"]))
    assert await deployment.search() == ["S0"]
    await deployment.order(orders.order("B", 1, ["E2"]))
    assert await deployment.search() == ["S0"]


async def test_a_pass_waits_until_its_orders_are_in_force_everywhere(deployment: Deployment) -> None:
    deployment.sightings(["E1", "E2"])
    await deployment.order(orders.order("A", 1, ["E1"]))
    behind = LeaseState(applied={}, state="screening", at=dt.datetime.now(dt.UTC))
    await deployment.leases.renew("late", behind)
    lookback = deployment.lookback()
    running = asyncio.create_task(lookback.run())
    await asyncio.sleep(2)
    assert await deployment.view.load() is None
    await deployment.leases.drop("late")
    await deployment.until_searched()
    lookback.stop()
    await running
    assert deployment.found() == ["S0"]


async def test_a_pass_whose_process_was_killed_goes_on_where_it_was(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.sightings([f"E{number}" for number in range(40_000)])
    await deployment.order(orders.order("A", 1, ["E3", "E20000", "E39998"]))
    deployment.screened()
    monkeypatch.setenv("CHAKONG_LOOKBACK_SHARE", "0.02")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stream.lookback", "w", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    left = await until_under_way(deployment.view)
    process.kill()
    await process.wait()
    assert left.sought == 1
    assert 0 < left.share_done < 1
    assert set(await deployment.search()) == {"S3", "S20000", "S39998"}


async def test_a_pass_stands_back_while_live_screening_is_behind(deployment: Deployment) -> None:
    deployment.sightings([f"E{number}" for number in range(40_000)])
    await deployment.order(orders.order("A", 1, ["E39998"]))
    before = yields()
    slow = deployment.settings.model_copy(update={"lookback_share": 0.02})
    lookback = deployment.lookback(slow)
    running = asyncio.create_task(lookback.run())
    async with asyncio.timeout(WITHIN_S):
        while yields() < before + 1:
            await asyncio.sleep(0.05)
    stands = await deployment.view.load()
    await asyncio.sleep(1)
    assert stands is not None
    assert stands.left
    assert await deployment.view.load() == stands
    lookback.stop()
    await running
    await asyncio.to_thread(deployment.screened)
    assert set(await deployment.search()) == {"S39998"}


def yields() -> float:
    return metrics.LOOKBACK.get_sample_value("chakong_lookback_yields_total") or 0.0


async def test_another_worker_takes_over(deployment: Deployment) -> None:
    deployment.sightings(["E1", "E2"])
    first, second = (LookbackProcess(worker, deployment.view) for worker in "ab")
    running = [asyncio.create_task(first.run())]
    await until_held_by(deployment.view, "a")
    running.append(asyncio.create_task(second.run()))
    await deployment.order(orders.order("A", 1, ["E1"]))
    await deployment.until_searched()
    await first.stop()
    await until_held_by(deployment.view, "b")
    await deployment.order(orders.order("B", 1, ["E2"]))
    await deployment.until_searched()
    await second.stop()
    await asyncio.gather(*running)
    assert sorted(deployment.found()) == ["S0", "S1"]
    assert await deployment.view.holder() is None


async def until_held_by(view: LookbackView, worker: str) -> None:
    async with asyncio.timeout(WITHIN_S):
        while await view.holder() != worker:
            await asyncio.sleep(0.05)


async def until_under_way(view: LookbackView) -> Pass:
    async with asyncio.timeout(WITHIN_S):
        while True:
            under_way = await view.load()
            if under_way is not None and under_way.share_done > 0:
                return under_way
            await asyncio.sleep(0.02)


async def test_a_pass_that_redis_forgot_begins_anew(deployment: Deployment) -> None:
    deployment.sightings(["E1", "E2"])
    await deployment.order(orders.order("A", 1, ["E1"]))
    stale = Pass({0: (7, 9), 1: (0, 0)}, dt.datetime.now(dt.UTC), dt.datetime.now(dt.UTC))
    await deployment.view.save(stale)
    assert await deployment.search() == ["S0"]


async def test_one_worker_at_a_time_holds_the_lease(deployment: Deployment) -> None:
    view = LookbackView(deployment.client, deployment.settings.redis.namespace, ttl_s=0.2)
    assert await view.take("a")
    assert await view.take("a")
    assert not await view.take("b")
    assert await view.holder() == "a"
    await view.drop("b")
    assert not await view.take("b")
    await asyncio.sleep(0.3)
    assert await view.holder() is None
    assert await view.take("b")
    await view.drop("b")
    assert await view.take("a")
