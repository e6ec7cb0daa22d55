"""librdkafka consumers, and the questions one asks a broker."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, Protocol, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from connectors.kafka.errors import KafkaUnreachableError, TopicError
from connectors.kafka.settings import KafkaSettings

METADATA_S_MAX = 10.0
PATIENT: Final = {"fetch.wait.max.ms": "100"}
"""For a consumer that stays where it is: idle, it asks its broker ten times a second and not fifty. A record comes as soon."""


class Fetched(Protocol):
    """A record that was fetched: what librdkafka's message has, less what it has only where something went wrong."""

    def topic(self) -> str: ...
    def partition(self) -> int: ...
    def offset(self) -> int: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...
    def timestamp(self) -> tuple[int, int]: ...


def fetch(client: Consumer, records_max: int, within_s: float) -> list[Fetched]:
    """Records that have come, at most so many: the first within so many seconds, and what has come with it.

    Passing troubles are librdkafka's to mend.
    """
    messages = client.consume(1, within_s)
    if messages and records_max > 1:
        messages += client.consume(records_max - 1, 0)
    return cast(list[Fetched], [message for message in messages if message.error() is None])


def consumer(settings: KafkaSettings, group: str, **options: Any) -> Consumer:
    """A consumer that never commits by itself and starts at the beginning where its group has not been."""
    return Consumer(consumer_options(settings, group) | options)


def consumer_options(settings: KafkaSettings, group: str) -> dict[str, str]:
    """librdkafka's options of such a consumer.

    It fetches some megabytes ahead; librdkafka would take 64, and what it took of the heap it hardly gives back. Once they are
    there it looks again after milliseconds, and not after the second that librdkafka would wait.
    """
    return {
        "bootstrap.servers": settings.bootstrap,
        "group.id": settings.group(group),
        "enable.auto.commit": "false",
        "enable.auto.offset.store": "false",
        "auto.offset.reset": "earliest",
        "session.timeout.ms": "10000",
        "fetch.wait.max.ms": "20",
        "queued.min.messages": "10000",
        "queued.max.messages.kbytes": "8192",
        "fetch.message.max.bytes": str(1 << 19),
        "fetch.queue.backoff.ms": "5",
    }


def partitions_of(client: Consumer, settings: KafkaSettings, name: str, within_s: float = METADATA_S_MAX) -> list[int]:
    """The partitions of a topic.

    Raises:
        KafkaUnreachableError: no broker answers.
        TopicError: there is no such topic.
    """
    topic = settings.topic(name)
    try:
        metadata = client.list_topics(topic, timeout=within_s).topics[topic]
    except KafkaException:
        raise KafkaUnreachableError(settings.bootstrap) from None
    if metadata.error is not None or not metadata.partitions:
        raise TopicError(f"topic {topic} is not there: `chakong up` and `chakong worker` make the topics that are missing.")
    return sorted(metadata.partitions)


def end_offsets(client: Consumer, topic: str, partitions: list[int]) -> dict[int, int]:
    """The offset after the last record, a partition, asked of the broker now."""
    return {
        partition: client.get_watermark_offsets(TopicPartition(topic, partition), timeout=METADATA_S_MAX)[1]
        for partition in partitions
    }


def start_offsets(client: Consumer, topic: str, partitions: list[int], since: dt.datetime) -> dict[int, int]:
    """The offset of the first record that Kafka has had since a moment, a partition; the end where there is none."""
    asked = [TopicPartition(topic, partition, max(int(since.timestamp() * 1000), 0)) for partition in partitions]
    found = {place.partition: place.offset for place in client.offsets_for_times(asked, timeout=METADATA_S_MAX)}
    missing = [partition for partition, offset in found.items() if offset < 0]
    return found | end_offsets(client, topic, missing)


def next_offset(settings: KafkaSettings, topic: str, partition: int, offset: int) -> int | None:
    """Where the first record at or after an offset lies, or the end where there is none; None where no broker says.

    It may be further than the offset: retention has deleted records, or the broker's own lie between.
    """
    client = consumer(settings, "peek", **{"enable.partition.eof": "true"})
    try:
        client.assign([TopicPartition(topic, partition, offset)])
        message = client.poll(METADATA_S_MAX)
        error = None if message is None else message.error()
        if message is None or (error is not None and error.code() != KafkaError._PARTITION_EOF):
            return None
        return max(message.offset() or 0, offset)
    finally:
        client.close()


def at(topic: str, partition: int, offset: int) -> TopicPartition:
    """A place to read from; offset 0 means the beginning of what is kept."""
    return TopicPartition(topic, partition, offset or OFFSET_BEGINNING)
