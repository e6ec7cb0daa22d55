"""Where a topic ends now: whoever asks a view may wait until it is as far."""

from __future__ import annotations

import threading
from typing import Final

from confluent_kafka import Consumer, KafkaException

from connectors.kafka.clients import consumer, end_offsets, next_offset, partitions_of
from connectors.kafka.errors import KafkaUnreachableError
from connectors.kafka.settings import KafkaSettings


class Ends:
    """The ends of one topic. Threads may share it; each question waits for the one before."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings, self._name = settings, topic
        self._topic: Final = settings.topic(topic)
        self._lock = threading.Lock()
        self._client: Consumer | None = None
        self._partitions: list[int] = []

    def now(self) -> dict[int, int]:
        """The offset after the last record, a partition.

        Raises:
            KafkaError: no broker answers, or there is no such topic.
        """
        with self._lock:
            if self._client is None:
                self._client = consumer(self._settings, "ends")
            self._partitions = self._partitions or partitions_of(self._client, self._settings, self._name)
            try:
                return end_offsets(self._client, self._topic, self._partitions)
            except KafkaException:
                raise KafkaUnreachableError(self._settings.bootstrap) from None

    def has_records(self, partition: int, begin: int, end: int) -> bool:
        """Whether a record lies between two offsets; a broker's own marks and what retention took are none."""
        found = next_offset(self._settings, self._topic, partition, begin)
        return found is None or found < end

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None
