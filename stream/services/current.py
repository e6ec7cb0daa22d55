"""Whether a view is as far as its topic was when somebody asked: then what is acknowledged has taken effect in it.

A case that is closed grants nothing from the moment on that its closing is on the log, and a view that is being built again
never passes for a whole one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka.clients import METADATA_S_MAX, consumer, partitions_of
from connectors.kafka.errors import KafkaUnreachableError
from connectors.kafka.settings import KafkaSettings
from connectors.redis.errors import ViewUnavailableError
from stream.together import Together

POLL_S: Final = 0.01
POLL_S_MAX: Final = 0.1

Positions = Callable[[str], Awaitable[Mapping[int, int]]]


class Ends:
    """Where topics end now. Threads may share it; each asking waits for the one before."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client: Consumer | None = None
        self._partitions: dict[str, list[int]] = {}

    def of(self, topics: Sequence[str]) -> dict[str, dict[int, int]]:
        """The offset after the last record that is kept, by topic and partition; 0 where none is kept.

        Raises KafkaError.
        """
        with self._lock:
            client = self._client = self._client or consumer(self._settings, "ends")
            try:
                return {topic: dict(self._ends(client, topic)) for topic in dict.fromkeys(topics)}
            except KafkaException:
                raise KafkaUnreachableError(self._settings.bootstrap) from None

    def _ends(self, client: Consumer, topic: str) -> list[tuple[int, int]]:
        if topic not in self._partitions:
            self._partitions[topic] = partitions_of(client, self._settings, topic)
        found = []
        for partition in self._partitions[topic]:
            place = TopicPartition(self._settings.topic(topic), partition)
            first, end = client.get_watermark_offsets(place, timeout=METADATA_S_MAX)
            found.append((partition, end if first < end else 0))
        return found

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None


class Current:
    """Waits until views have caught up. Whoever asks together shares one look at the ends."""

    def __init__(self, ends: Ends, within_s: float) -> None:
        self._within_s = within_s
        self._ends: Together[str, dict[str, dict[int, int]]] = Together(lambda topics: asyncio.to_thread(ends.of, topics))

    async def with_log(self, topic: str, positions: Positions) -> None:
        """Return once the view of a topic holds all that was on the log when this was called.

        Raises:
            ViewUnavailableError: it does not catch up in time; also where Redis does not answer.
            KafkaError: Kafka does not answer.
        """
        ends = (await self._ends([topic]))[topic]
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + self._within_s, POLL_S
        while True:
            stands = await positions(topic)
            if all(stands.get(partition, 0) >= end for partition, end in ends.items()):
                return
            if loop.time() > until:
                raise ViewUnavailableError("behind", f"the view of {topic} is behind its topic: is a worker running?")
            await asyncio.sleep(pause)
            pause = min(pause * 2, POLL_S_MAX)
