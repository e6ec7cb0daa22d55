"""What a pass asks the broker: where the sightings begin and end, and how far behind live screening is."""

from __future__ import annotations

import datetime as dt
import time

from confluent_kafka import TopicPartition

from connectors.kafka.clients import METADATA_S_MAX, consumer, end_offsets, partitions_of, start_offsets
from connectors.kafka.settings import KafkaSettings
from matchers.sighting import SIGHTING_TOPICS
from stream.core.lookback import Stretch, lag_s, stretches

Offsets = dict[str, dict[int, int]]
"""Topic, as Kafka has it, to partition to offset."""


class Ground:
    """The sightings that Kafka retains. For one thread at a time; raises KafkaException where Kafka does not answer.

    It asks for the commits of live screening's group and is no member of it.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._client = consumer(kafka, "screen")
        self._partitions: dict[str, list[int]] = {}
        self._seen_at, self._seen = 0.0, 0

    def ends(self) -> Offsets:
        """The end of every partition now, those included that were added since."""
        self._partitions.clear()
        return {topic: end_offsets(self._client, topic, partitions) for topic, partitions in self._known().items()}

    def stretches(self, since: dt.datetime, ends: Offsets) -> dict[str, dict[int, Stretch]]:
        """From the first sighting that Kafka has had since a moment to these ends; topics that hold none are left out."""
        found = {topic: stretches(start_offsets(self._client, topic, list(of), since), of) for topic, of in ends.items()}
        return {topic: of for topic, of in found.items() if of}

    def screening_lag_s(self) -> float:
        """How many seconds live screening is behind, by what arrived since this was last asked."""
        now, lag, end = time.monotonic(), 0, 0
        for topic, partitions in self._known().items():
            places = self._client.committed([TopicPartition(topic, p) for p in partitions], timeout=METADATA_S_MAX)
            for place in places:
                low, high = self._client.get_watermark_offsets(place, timeout=METADATA_S_MAX)
                lag, end = lag + max(high - max(place.offset, low), 0), end + high
        arrived, over_s = end - self._seen, now - self._seen_at
        first, self._seen, self._seen_at = not self._seen_at, end, now
        return 0.0 if first else lag_s(lag, arrived, over_s)

    def close(self) -> None:
        self._client.close()

    def _known(self) -> dict[str, list[int]]:
        if not self._partitions:
            self._partitions = {
                self._kafka.topic(name): partitions_of(self._client, self._kafka, name) for name in SIGHTING_TOPICS
            }
        return self._partitions
