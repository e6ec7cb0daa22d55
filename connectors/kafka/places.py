"""Records by their places: what a view only points at is read from the log again."""

from __future__ import annotations

import threading
import time
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from connectors.kafka.clients import consumer
from connectors.kafka.errors import KafkaUnreachableError, TopicError
from connectors.kafka.settings import KafkaSettings

ANSWER_S: Final = 10.0
POLL_S: Final = 0.2
Place = tuple[int, int]
"""Partition and offset."""


class Places:
    """Reads single records of one topic. Threads may share it; each reading waits for the one before."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings, self._topic = settings, settings.topic(topic)
        self._lock = threading.Lock()
        self._client: Consumer | None = None

    def read(self, partition: int, offset: int) -> bytes:
        """The record at a place.

        Raises:
            KafkaUnreachableError: Kafka does not answer in time.
            TopicError: the record is not kept any more.
        """
        with self._lock:
            client = self._client = self._client or consumer(self._settings, "places", **{"queued.min.messages": "1"})
            client.assign([TopicPartition(self._topic, partition, offset)])
            until = time.monotonic() + ANSWER_S
            while time.monotonic() < until:
                for message in client.consume(1, POLL_S):
                    if message.error() is None and message.offset() == offset:
                        return message.value() or b""
                    if message.error() is None:
                        raise TopicError(f"{self._topic}: the record at {partition}/{offset} is not kept any more")
        raise KafkaUnreachableError(self._settings.bootstrap)

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None
