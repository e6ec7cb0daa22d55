"""Batches: every record of the partitions, byte for byte and with its place, whoever comes and goes in the group."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.kafka.batches import BatchConsumer, BatchReader, FetchedBatch
from connectors.kafka.clients import consumer_options, next_offset
from connectors.kafka.errors import KafkaError
from connectors.kafka.settings import KafkaSettings

pytestmark = pytest.mark.integration
PARTITIONS = 4
WITHIN_S = 30.0


@pytest.fixture
def settings(kafka: str, topic_prefix: str) -> KafkaSettings:
    return KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix)


@pytest.fixture
def topics(settings: KafkaSettings) -> Iterator[list[str]]:
    admin = AdminClient({"bootstrap.servers": settings.bootstrap})
    names = [settings.topic(name) for name in ("one", "two")]
    for made in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names]).values():
        made.result(WITHIN_S)
    yield names
    admin.delete_topics(names)


def produce(settings: KafkaSettings, topics: list[str], values: list[bytes | None]) -> Counter[tuple[str, bytes]]:
    """Values, spread over topics and partitions; returns what is to be fetched."""
    producer = Producer({"bootstrap.servers": settings.bootstrap, "compression.type": "lz4"})
    for number, value in enumerate(values):
        topic = topics[number % len(topics)]
        producer.produce(topic, value, key=str(number).encode(), partition=number // len(topics) % PARTITIONS)
        producer.poll(0)
    producer.flush(WITHIN_S)
    return Counter((topics[number % len(topics)], value or b"") for number, value in enumerate(values))


def member(settings: KafkaSettings, topics: list[str], records_max: int = 500) -> BatchConsumer:
    options = consumer_options(settings, "batches") | {"partition.assignment.strategy": "cooperative-sticky"}
    return BatchConsumer(options, topics, records_max, lambda: None, lambda: None)


def fetched(client: BatchConsumer | BatchReader, until: Callable[[int], bool]) -> Iterator[FetchedBatch]:
    """Batches with records in them, until so many records have come."""
    count, ends = 0, time.monotonic() + WITHIN_S
    while not until(count):
        assert time.monotonic() < ends, f"{count} records within {WITHIN_S} s"
        if batch := client.fetch(0.05):
            count += len(batch)
            yield batch


def contents(batch: FetchedBatch) -> list[tuple[str, bytes]]:
    return [(batch.place(row)[0], batch.texts.record(row)) for row in range(len(batch))]


VALUES: list[bytes | None] = [
    random.Random(seed).randbytes(length) for seed, length in enumerate([*range(70), 4095, 4096, 4097, 500_000] * 20)
] + [None, b"", b"\0", b"\0" * 9]


def test_every_record_comes_as_it_was_with_its_place(settings: KafkaSettings, topics: list[str], kafka: str) -> None:
    expected = produce(settings, topics, VALUES)
    client = member(settings, topics)
    found: Counter[tuple[str, bytes]] = Counter()
    places: dict[tuple[str, int, int], bytes] = {}
    for batch in fetched(client, lambda count: count >= len(VALUES)):
        found.update(contents(batch))
        places.update({batch.place(row): batch.texts.record(row) for row in range(len(batch))})
        assert [run.start for run in batch.runs] == [0, *(run.stop for run in batch.runs)][:-1]
        assert batch.runs[-1].stop == len(batch)
        for run in batch.runs:
            assert batch.place(run.start) == (run.topic, run.partition, run.first)
            assert batch.place(run.stop - 1) == (run.topic, run.partition, run.last)
    client.close()
    assert found == expected
    assert len(places) == len(VALUES)
    for (topic, partition, offset), value in random.Random(1).sample(sorted(places.items()), 20):
        assert stored(kafka, topic, partition, offset) == value


def stored(kafka: str, topic: str, partition: int, offset: int) -> bytes:
    """What another client reads at a place."""
    reader = Consumer({"bootstrap.servers": kafka, "group.id": "none", "enable.auto.commit": False})
    reader.assign([TopicPartition(topic, partition, offset)])
    message = reader.poll(WITHIN_S)
    reader.close()
    assert message is not None
    assert message.offset() == offset
    return message.value() or b""


def test_a_group_goes_on_from_what_was_committed(settings: KafkaSettings, topics: list[str]) -> None:
    produce(settings, topics, [str(number).encode() for number in range(1000)])
    client = member(settings, topics, 100)
    done: dict[tuple[str, int], int] = {}
    before: Counter[tuple[str, bytes]] = Counter()
    for batch in fetched(client, lambda count: count >= 300):
        before.update(contents(batch))
        done.update({(run.topic, run.partition): run.last + 1 for run in batch.runs})
    client.commit(done)
    assert client.lag(done) == 125 * len(done) - sum(done.values())
    client.close()
    again = member(settings, topics)
    left = 1000 - before.total()
    after = Counter(item for batch in fetched(again, lambda count: count >= left) for item in contents(batch))
    again.close()
    assert max((before + after).values()) == 1
    assert (before + after).total() == 1000


def test_what_is_given_back_comes_again(settings: KafkaSettings, topics: list[str]) -> None:
    expected = produce(settings, topics, [str(number).encode() for number in range(400)])
    client = member(settings, topics, 50)
    given_back = next(fetched(client, lambda _: False))
    client.pause()
    client.give_back(given_back)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        if late := client.fetch(0.05):
            client.give_back(late)
    client.resume()
    found = Counter(item for batch in fetched(client, lambda count: count >= 400) for item in contents(batch))
    client.close()
    assert found == expected


def test_members_share_and_the_one_that_leaves_is_replaced(settings: KafkaSettings, topics: list[str]) -> None:
    """What comes twice is what a revoked member had not committed; nothing is missed."""
    expected = produce(settings, topics, [str(number).encode() for number in range(2000)])
    clients = [member(settings, topics, 100), member(settings, topics, 100)]
    found: Counter[tuple[str, bytes]] = Counter()
    ends = time.monotonic() + WITHIN_S
    more = produce(settings, topics, [f"later {number}".encode() for number in range(2000)])
    while len(found) < 3000:
        assert time.monotonic() < ends
        for client in clients:
            batch = client.fetch(0.02)
            found.update(contents(batch))
            if batch:
                with suppress(KafkaError):  # a rebalance may take a partition first: its records come again
                    client.commit({(run.topic, run.partition): run.last + 1 for run in batch.runs})
    clients.pop().close()
    for batch in fetched(clients[0], lambda _: set(found) == set(expected + more)):
        found.update(contents(batch))
    clients[0].close()
    assert set(found) == set(expected + more)


def test_a_callback_that_fails_is_heard_of(settings: KafkaSettings, topics: list[str]) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    options = consumer_options(settings, "failing") | {"partition.assignment.strategy": "cooperative-sticky"}
    client = BatchConsumer(options, topics, 10, fail, lambda: None)
    with pytest.raises(ZeroDivisionError):
        for _ in fetched(client, lambda _: False):
            pass
    client.close()


def test_an_option_that_nobody_knows_is_refused(settings: KafkaSettings, topics: list[str]) -> None:
    with pytest.raises(KafkaError, match=r"no\.such\.option"):
        BatchConsumer({"no.such.option": "1"}, topics, 10, lambda: None, lambda: None)


def test_a_reader_reads_from_where_it_is_told_and_leaves_what_it_is_told(settings: KafkaSettings, topics: list[str]) -> None:
    produce(settings, topics, [str(number).encode() for number in range(800)])
    starts = [(topic, partition, 40) for topic in topics for partition in range(PARTITIONS)]
    reader = BatchReader(consumer_options(settings, "reader"), starts, 100)
    offsets: dict[tuple[str, int], list[int]] = {}
    for batch in fetched(reader, lambda count: count >= 60 * len(starts)):
        for row in range(len(batch)):
            topic, partition, offset = batch.place(row)
            offsets.setdefault((topic, partition), []).append(offset)
    assert offsets == {(topic, partition): list(range(40, 100)) for topic, partition, _ in starts}
    reader.leave([(topic, partition) for topic, partition, _ in starts[1:]])
    produce(settings, topics, [b"later"] * 80)
    last = [batch.place(row) for batch in fetched(reader, lambda count: count >= 10) for row in range(len(batch))]
    assert {place[:2] for place in last} == {starts[0][:2]}
    reader.close()


def test_the_next_record_is_asked_for_where_there_may_be_none(settings: KafkaSettings, topics: list[str]) -> None:
    produce(settings, topics, [b"one"] * (2 * PARTITIONS * 3))
    assert next_offset(settings, topics[0], 0, 1) == 1
    assert next_offset(settings, topics[0], 0, 3) == 3
    admin = AdminClient({"bootstrap.servers": settings.bootstrap})
    (deleted,) = admin.delete_records([TopicPartition(topics[0], 0, 2)]).values()
    deleted.result(WITHIN_S)
    assert next_offset(settings, topics[0], 0, 0) == 2
