"""Where topics end now: whoever asks a view may wait until it is as far."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka.clients import METADATA_S_MAX, consumer, next_offset, partitions_of
from connectors.kafka.errors import KafkaUnreachableError
from connectors.kafka.settings import KafkaSettings

T = TypeVar("T")


class Ends:
    """The ends of topics, each partition's, also of those that were added a moment ago. Threads may share it; each question
    waits for the one before. Every question raises KafkaError: no broker answers, or there is no such topic."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client: Consumer | None = None

    def now(self, topic: str) -> dict[int, int]:
        """The offset after the last record, a partition."""
        return self._asked(lambda client: {partition: end for partition, (_, end) in self._marks(client, topic).items()})

    def of_kept(self, topics: Sequence[str]) -> dict[str, dict[int, int]]:
        """The offset after the last record that is kept, by topic and partition; 0 where none is kept."""
        return self._asked(lambda client: {topic: _kept(self._marks(client, topic)) for topic in dict.fromkeys(topics)})

    def has_records(self, topic: str, partition: int, begin: int, end: int) -> bool:
        """Whether a record lies between two offsets; a broker's own marks and what retention took are none."""
        found = next_offset(self._settings, self._settings.topic(topic), partition, begin)
        return found is None or found < end

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _asked(self, question: Callable[[Consumer], T]) -> T:
        with self._lock:
            self._client = self._client or consumer(self._settings, "ends")
            try:
                return question(self._client)
            except KafkaException:
                raise KafkaUnreachableError(self._settings.bootstrap) from None

    def _marks(self, client: Consumer, topic: str) -> dict[int, tuple[int, int]]:
        """The first offset that is kept, and the one after the last, a partition."""
        name = self._settings.topic(topic)
        return {
            partition: client.get_watermark_offsets(TopicPartition(name, partition), timeout=METADATA_S_MAX)
            for partition in partitions_of(client, self._settings, topic)
        }


def _kept(marks: dict[int, tuple[int, int]]) -> dict[int, int]:
    return {partition: end if first < end else 0 for partition, (first, end) in marks.items()}
