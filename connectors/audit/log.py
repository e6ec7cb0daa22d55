"""The audit log as it lies in Kafka: from its beginning or a moment on, up to where it ends when the reading begins."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition
from pydantic import ValidationError

from connectors.kafka.clients import METADATA_S_MAX, at, consumer, end_offsets, fetch, partitions_of, start_offsets
from connectors.kafka.errors import KafkaUnreachableError
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import AUDIT
from matchers.wire import UnreadableError
from stream.core.audit.chain import digest_of
from stream.core.audit.fault import Stored
from stream.core.audit.record import Head, read_record
from stream.core.audit.search import Stretch

SILENT_S_MAX: Final = 20.0
"""A broker that gives nothing for so long, before the end that it told of, is away."""
STORED_WITHIN: Final = dt.timedelta(minutes=1)
"""From a record's own time to Kafka's, at most: what is not stored by then is given up."""
_BATCH: Final = 2000
_POLL_S: Final = 0.5


class AuditLog:
    """Reads the log; each reading has a connection of its own."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    def records(self, since: dt.datetime | None = None, until: dt.datetime | None = None) -> Iterator[Stored]:
        """What Kafka has had since a moment and until another; without them, all of it. Each partition in order.

        Raises:
            KafkaUnreachableError: no broker answers, or it stops answering.
            TopicError: there is no such topic.
        """
        client = consumer(self._settings, "audit-reader")
        topic = self._settings.topic(AUDIT)
        try:
            partitions = partitions_of(client, self._settings, AUDIT)
            starts = _beginnings(client, topic, partitions)
            if since is not None:
                starts = start_offsets(client, topic, partitions, since)
            ends = end_offsets(client, topic, partitions)
            if until is not None:
                ends = start_offsets(client, topic, partitions, until)
            yield from self._read(client, topic, starts, ends)
        except KafkaException:
            raise KafkaUnreachableError(self._settings.bootstrap) from None
        finally:
            client.close()

    def stretches(
        self, positions: Mapping[int, int] | None, since: dt.datetime | None, until: dt.datetime | None, records_max: int
    ) -> dict[int, Stretch]:
        """What lies next in each partition: from these positions on, or without them from a moment on; so many in all.

        Raises:
            KafkaUnreachableError, TopicError: as ``records``.
        """
        client = consumer(self._settings, "audit-reader")
        topic = self._settings.topic(AUDIT)
        try:
            partitions = partitions_of(client, self._settings, AUDIT)
            starts = _beginnings(client, topic, partitions)
            if positions is not None:
                starts = {partition: max(positions.get(partition, 0), start) for partition, start in starts.items()}
            elif since is not None:
                starts = start_offsets(client, topic, partitions, since)
            ends = end_offsets(client, topic, partitions)
            if until is not None:
                ends = start_offsets(client, topic, partitions, until + STORED_WITHIN)
            share = max(records_max // len(partitions), 1)
            stops = {partition: min(start + share, max(ends[partition], start)) for partition, start in starts.items()}
            read: dict[int, list[Stored]] = {partition: [] for partition in partitions}
            for stored in self._read(client, topic, starts, stops):
                read[stored.partition].append(stored)
        except KafkaException:
            raise KafkaUnreachableError(self._settings.bootstrap) from None
        finally:
            client.close()
        return {
            partition: Stretch(read[partition], stops[partition], stops[partition] >= ends[partition])
            for partition in partitions
        }

    def heads(self) -> tuple[Head, ...]:
        """The last record of each partition that is a record.

        Raises:
            KafkaUnreachableError, TopicError: as ``records``.
        """
        client = consumer(self._settings, "audit-reader", **{"queued.min.messages": "1"})
        topic = self._settings.topic(AUDIT)
        try:
            partitions = partitions_of(client, self._settings, AUDIT)
            first, ends = _beginnings(client, topic, partitions), end_offsets(client, topic, partitions)
            starts = {partition: max(ends[partition] - 1, first[partition]) for partition in partitions}
            last = list(self._read(client, topic, starts, ends))
        except KafkaException:
            raise KafkaUnreachableError(self._settings.bootstrap) from None
        finally:
            client.close()
        return tuple(head for head in map(_head, last) if head is not None)

    def partitions(self) -> list[int]:
        """The partitions of the topic. Raises as ``records``."""
        client = consumer(self._settings, "audit-reader")
        try:
            return partitions_of(client, self._settings, AUDIT)
        finally:
            client.close()

    def _read(self, client: Consumer, topic: str, starts: dict[int, int], ends: dict[int, int]) -> Iterator[Stored]:
        left = {partition for partition in starts if starts[partition] < ends[partition]}
        client.assign([at(topic, partition, starts[partition]) for partition in sorted(left)])
        silent_since = time.monotonic()
        while left:
            for message in fetch(client, _BATCH, _POLL_S):
                silent_since = time.monotonic()
                partition, offset = message.partition(), message.offset()
                if partition not in left:
                    continue
                if offset < ends[partition]:
                    yield Stored(partition, offset, message.key(), message.value() or b"")
                if offset >= ends[partition] - 1:
                    left.discard(partition)
            if time.monotonic() - silent_since > SILENT_S_MAX:
                raise KafkaUnreachableError(self._settings.bootstrap)


def _beginnings(client: Consumer, topic: str, partitions: list[int]) -> dict[int, int]:
    return {
        partition: client.get_watermark_offsets(TopicPartition(topic, partition), timeout=METADATA_S_MAX)[0]
        for partition in partitions
    }


def _head(stored: Stored) -> Head | None:
    try:
        record = read_record(stored.value)
    except (UnreadableError, ValidationError):
        return None
    return Head(writer=record.writer, sequence=record.sequence, sha256=digest_of(stored.value))
