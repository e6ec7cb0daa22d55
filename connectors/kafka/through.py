"""A topic read through: from where one says up to where it ended when that was asked."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka.clients import (
    METADATA_S_MAX,
    Fetched,
    at,
    consumer,
    fetch,
    next_offset,
    partitions_of,
    start_offsets,
)
from connectors.kafka.errors import KafkaUnreachableError
from connectors.kafka.settings import KafkaSettings

SILENT_S_MAX: Final = 20.0
"""A broker that gives nothing for so long, before the end that it told of, is away."""
BULK: Final = {
    "fetch.min.bytes": "65536",
    "fetch.wait.max.ms": "50",
    "fetch.message.max.bytes": str(1 << 20),
    "queued.min.messages": "100000",
    "queued.max.messages.kbytes": "32768",
}
"""librdkafka's options for reading much: it fetches further ahead, and in larger pieces."""
_QUIET_S: Final = 2.0
_BATCH: Final = 10_000
_POLL_S: Final = 0.2


class Through:
    """One topic, with a connection of its own; for one thread. Raises KafkaUnreachableError and TopicError."""

    def __init__(self, settings: KafkaSettings, name: str, group: str, **options: Any) -> None:
        self._settings, self._topic = settings, settings.topic(name)
        self._client: Final[Consumer] = consumer(settings, group, **options)
        try:
            self.partitions: Final = partitions_of(self._client, settings, name)
        except BaseException:
            self._client.close()
            raise

    def kept(self) -> dict[int, tuple[int, int]]:
        """The first offset that is kept, and the one after the last, a partition; asked of the broker now."""
        return kept_offsets(self._client, self._settings, self._topic, self.partitions)

    def since(self, moment: dt.datetime) -> dict[int, int]:
        """The offset of the first record that Kafka has had since a moment, a partition; the end where there is none."""
        try:
            return start_offsets(self._client, self._topic, self.partitions, moment)
        except KafkaException:
            raise KafkaUnreachableError(self._settings.bootstrap) from None

    def window(
        self, since: dt.datetime | None = None, until: dt.datetime | None = None
    ) -> tuple[dict[int, int], dict[int, int]]:
        """Where what Kafka has had since a moment and until another begins and ends, a partition; without them, all."""
        kept = self.kept()
        starts = self.since(since) if since is not None else {partition: first for partition, (first, _) in kept.items()}
        stops = self.since(until) if until is not None else {partition: end for partition, (_, end) in kept.items()}
        return starts, stops

    def read(self, starts: Mapping[int, int], stops: Mapping[int, int]) -> Iterator[list[Fetched]]:
        """The records from these offsets to before those, some thousands at a time; each partition in order."""
        left = {partition for partition, stop in stops.items() if starts[partition] < stop}
        reached = dict(starts)
        self._client.assign([at(self._topic, partition, starts[partition]) for partition in sorted(left)])
        heard = time.monotonic()
        while left:
            fetched = [record for record in fetch(self._client, _BATCH, _POLL_S) if record.partition() in left]
            if fetched:
                heard = time.monotonic()
                yield [record for record in fetched if record.offset() < stops[record.partition()]]
            elif time.monotonic() - heard > SILENT_S_MAX:
                raise KafkaUnreachableError(self._settings.bootstrap)
            elif time.monotonic() - heard > _QUIET_S:
                reached |= {partition: self._next(partition, reached[partition]) for partition in left}
            for record in fetched:
                reached[record.partition()] = record.offset() + 1
            left -= {partition for partition in left if reached[partition] >= stops[partition]}
        self._client.unassign()

    def close(self) -> None:
        self._client.close()

    def _next(self, partition: int, offset: int) -> int:
        """Where the next record lies: retention has deleted some, or the broker's own lie between."""
        found = next_offset(self._settings, self._topic, partition, offset)
        return offset if found is None else found


def kept_offsets(client: Consumer, settings: KafkaSettings, topic: str, partitions: list[int]) -> dict[int, tuple[int, int]]:
    """The first offset that is kept, and the one after the last, a partition.

    Raises:
        KafkaUnreachableError: no broker answers.
    """
    try:
        return {
            partition: client.get_watermark_offsets(TopicPartition(topic, partition), timeout=METADATA_S_MAX, cached=False)
            for partition in partitions
        }
    except KafkaException:
        raise KafkaUnreachableError(settings.bootstrap) from None
