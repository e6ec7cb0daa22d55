"""Where topics end now: whoever asks a view may wait until it is as far."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from confluent_kafka import Consumer

from connectors.kafka.clients import consumer, next_offset, partitions_of
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.through import kept_offsets


class Ends:
    """The ends of topics, each partition's, also of those that were added a moment ago. Threads may share it; each question
    waits for the one before. Every question raises KafkaError: no broker answers, or there is no such topic."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client: Consumer | None = None

    def now(self, topic: str) -> dict[int, int]:
        """The offset after the last record, a partition."""
        return {partition: end for partition, (_, end) in self._kept(topic).items()}

    def of_kept(self, topics: Sequence[str]) -> dict[str, dict[int, int]]:
        """The offset after the last record that is kept, by topic and partition; 0 where none is kept."""
        return {
            topic: {partition: end if first < end else 0 for partition, (first, end) in self._kept(topic).items()}
            for topic in dict.fromkeys(topics)
        }

    def has_records(self, topic: str, partition: int, begin: int, end: int) -> bool:
        """Whether a record lies between two offsets; a broker's own marks and what retention took are none."""
        found = next_offset(self._settings, self._settings.topic(topic), partition, begin)
        return found is None or found < end

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _kept(self, topic: str) -> dict[int, tuple[int, int]]:
        with self._lock:
            client = self._client = self._client or consumer(self._settings, "ends")
            partitions = partitions_of(client, self._settings, topic)
            return kept_offsets(client, self._settings, self._settings.topic(topic), partitions)
