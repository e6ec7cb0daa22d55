"""How the engine is, as Redis and Kafka tell it, and when one of them is away."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ORDERS, ensure_topics
from connectors.redis.endpoints import GoneEndpoints, RestingEndpoints
from connectors.redis.index import RedisIndex
from connectors.redis.leases import Leases, LeaseState
from connectors.redis.ledger import RedisLedger
from matchers.keys import KeyHasher
from stream.core.health import Health, State
from stream.services.engine_health import EngineHealth

AT = dt.datetime(2026, 11, 24, 15, 0, tzinfo=dt.UTC)


def health(client: redis.asyncio.Redis, kafka: KafkaSettings) -> EngineHealth:
    index = RedisIndex(client, KeyHasher(b"a secret of the test"), "t")
    return EngineHealth(client, "t", index, kafka, lambda: AT)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        yield client


async def test_S5_2_workers_index_ledger_and_circuits_are_told(
    kafka: str, topic_prefix: str, client: redis.asyncio.Redis
) -> None:
    settings = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=2, sighting_partitions=1)
    ensure_topics(settings)
    records = Records(settings, "test")
    records.send([Record(ORDERS, b"o", b"{}", 0), Record(ORDERS, b"o", b"{}", 0), Record(ORDERS, b"p", b"{}", 1)])
    records.close()
    engine = health(client, settings)
    before = await engine.report()
    assert (before.away, before.workers, before.ledger_whole) == ([], [], False)
    assert before.index is not None
    assert before.index.behind == 3

    await Leases(client, "t").renew("w-1", LeaseState(applied={0: 2}, state="screening", at=AT))
    await RedisLedger(client, "t").mark_whole()
    await GoneEndpoints(client, "t").disable("gone", AT)
    open_, half = Health(State.OPEN, AT, 5), Health(State.HALF_OPEN, AT, 5)
    await RestingEndpoints(client, "t").say("w-1", {"a": half, "b": half, "gone": open_})
    await RestingEndpoints(client, "t").say("w-2", {"a": open_})
    report = await engine.report()
    assert report.workers is not None
    assert [(one.worker, one.state, one.behind) for one in report.workers] == [("w-1", "screening", 1)]
    assert (report.at, report.ledger_whole) == (AT, True)
    assert report.endpoints == {"open": 1, "half_open": 1, "disabled": 1}


async def test_S5_2_what_is_away_is_named_and_its_part_is_not_guessed(client: redis.asyncio.Redis) -> None:
    nowhere = KafkaSettings(bootstrap="127.0.0.1:1")
    async with redis.asyncio.Redis.from_url("redis://127.0.0.1:1/0") as absent:
        no_kafka, nothing = await asyncio.gather(health(client, nowhere).report(), health(absent, nowhere).report())
    assert (no_kafka.away, no_kafka.workers) == (["kafka"], [])
    assert nothing.away == ["kafka", "redis"]
    assert (nothing.workers, nothing.index, nothing.ledger_whole, nothing.endpoints) == (None, None, None, None)
