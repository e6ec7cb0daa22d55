"""A follower of the provinces' rules on real Kafka: complete when it says so, and never for a time to come."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator

import pytest

from connectors.kafka.errors import KafkaUnreachableError
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import RULES, ensure_topics
from stream.services.rules import following, rules_now
from tests.watchlists.versions import version
from watchlists.policy import Policy
from watchlists.rules import MARGIN

NATIONAL = Policy.national()


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@pytest.fixture
def settings(kafka: str, topic_prefix: str) -> KafkaSettings:
    made = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=2, sighting_partitions=1)
    ensure_topics(made)
    return made


@pytest.fixture
def records(settings: KafkaSettings) -> Iterator[Records]:
    made = Records(settings, "test-rules")
    yield made
    made.close()


async def test_S5_3_what_stands_on_the_topic_is_held_and_counts_by_the_brokers_clock(
    settings: KafkaSettings, records: Records
) -> None:
    first, other = version(1, group_minutes=5), version(1, "police", "66")
    raw = [(one.province.encode(), one.model_dump_json().encode()) for one in (first, other)]
    before = now()
    await records.send_soon([Record(RULES, key, value) for key, value in [*raw, (b"44", b"no version"), raw[0]]])
    history = await rules_now(settings, NATIONAL)
    (stored,) = history.versions("44")
    assert stored.version == first
    assert before - dt.timedelta(seconds=1) < stored.counts_from - MARGIN < now() + dt.timedelta(seconds=1)
    assert [one.version for one in history.versions("66")] == [other]


async def test_S5_3_a_change_is_taken_over_while_following_and_the_future_is_waited_for(
    settings: KafkaSettings, records: Records
) -> None:
    async with following(settings, NATIONAL, now) as follower:
        assert (await follower.up_to(now())).newest("44", "court") is None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await follower.up_to(now() + MARGIN)
        await records.send_soon([Record(RULES, b"44", version(1).model_dump_json().encode())])
        async with asyncio.timeout(20):
            while follower.so_far().newest("44", "court") is None:
                await asyncio.sleep(0.02)
        assert (await follower.up_to(now())).newest("44", "court") is not None


async def test_S5_3_while_the_topic_cannot_be_read_nothing_is_known(kafka: str, topic_prefix: str) -> None:
    """Its topic is not there; older rules, which were none, do not stand in for it. Once it is there, all goes on."""
    settings = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=1, sighting_partitions=1)
    with pytest.raises(KafkaUnreachableError):
        await rules_now(settings, NATIONAL, within_s=0.5)
    async with following(settings, NATIONAL, now) as follower:
        waiting = asyncio.create_task(follower.up_to(now()))
        await asyncio.to_thread(ensure_topics, settings)
        assert (await asyncio.wait_for(waiting, 20)).versions("44") == ()
