"""A topic read through, from a real Kafka: all of it, up to where it ended, gaps or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer
from kafka import KafkaAdminClient, TopicPartition

from connectors.kafka.errors import TopicError
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.through import Through
from connectors.kafka.topics import HITS, ensure_topics

BEGAN = dt.datetime(2026, 11, 24, 8, tzinfo=dt.UTC)


@pytest.fixture
def here(kafka: str, topic_prefix: str) -> KafkaSettings:
    made = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=2, sighting_partitions=1)
    ensure_topics(made)
    return made


@pytest.fixture
def log(here: KafkaSettings) -> Iterator[Through]:
    opened = Through(here, HITS, "test")
    yield opened
    opened.close()


def store(here: KafkaSettings, partition: int, minutes: range) -> None:
    producer = Producer({"bootstrap.servers": here.bootstrap})
    for minute in minutes:
        at = round((BEGAN + dt.timedelta(minutes=minute)).timestamp() * 1000)
        producer.produce(here.topic(HITS), str(minute), None, partition, timestamp=at)
    producer.flush()


def read(log: Through, starts: dict[int, int], stops: dict[int, int]) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {partition: [] for partition in stops}
    for batch in log.read(starts, stops):
        for record in batch:
            found[record.partition()].append(record.value() or b"")
    return found


def test_it_is_read_to_where_it_ended_and_again(here: KafkaSettings, log: Through) -> None:
    store(here, 0, range(5))
    store(here, 1, range(2))
    window = log.window()
    store(here, 0, range(5, 9))
    for _ in range(2):
        assert read(log, *window) == {0: [b"0", b"1", b"2", b"3", b"4"], 1: [b"0", b"1"]}
    assert read(log, {0: 3, 1: 2}, {0: 7, 1: 2}) == {0: [b"3", b"4", b"5", b"6"], 1: []}


def test_a_window_is_by_kafkas_time(here: KafkaSettings, log: Through) -> None:
    store(here, 0, range(6))
    since, until = BEGAN + dt.timedelta(minutes=2), BEGAN + dt.timedelta(minutes=4)
    assert read(log, *log.window(since, until)) == {0: [b"2", b"3"], 1: []}
    assert read(log, *log.window(until)) == {0: [b"4", b"5"], 1: []}


def test_what_is_not_kept_any_more_is_passed_over(here: KafkaSettings, log: Through) -> None:
    store(here, 0, range(6))
    admin = KafkaAdminClient(bootstrap_servers=here.bootstrap)
    admin.delete_records({TopicPartition(here.topic(HITS), 0): 4})
    assert log.kept() == {0: (4, 6), 1: (0, 0)}
    assert read(log, {0: 1, 1: 0}, {0: 6, 1: 0})[0] == [b"4", b"5"]
    admin.delete_records({TopicPartition(here.topic(HITS), 0): 6})
    assert read(log, {0: 5, 1: 0}, {0: 6, 1: 0})[0] == []
    admin.close()


def test_a_topic_that_is_not_there_is_said(here: KafkaSettings) -> None:
    with pytest.raises(TopicError):
        Through(here, "nothing", "test")
