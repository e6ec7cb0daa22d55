"""Observing: what the worker that watches looks at in Kafka, none of it on a sighting's way.

Where readers stand and where topics end, the broker tells. Which provinces send is seen in the newest records of each
partition, a few of them at each look: all where little comes, and a sample where much does. So watching costs screening
nothing; and no station is watched by itself, since a sample cannot tell a station that is silent from one that was not drawn.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import msgspec
from confluent_kafka import Consumer, TopicPartition

from connectors.kafka.clients import METADATA_S_MAX, Fetched, consumer, fetch, partitions_of
from connectors.kafka.errors import KafkaUnreachableError
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import CANDIDATES, CONFIRMATIONS, DEADLETTERS, ENDINGS, HITS, INCIDENTS, ORDERS
from matchers.sighting import SIGHTING_TOPICS
from stream.core.watching import Reader, Source

SAMPLE: Final = 100
"""Newest sightings of a partition that are looked at in one look, at most."""
SAMPLE_S_MAX: Final = 2.0
GROUPS: Final[Mapping[Reader, tuple[str, tuple[str, ...]]]] = {
    Reader("chakong-screen", "筛查", "screening"): ("screen", SIGHTING_TOPICS),
    Reader("chakong-worker", "核查与通知", "resolving and delivery"): (
        "worker",
        (CANDIDATES, HITS, ENDINGS, CONFIRMATIONS, INCIDENTS),
    ),
}
"""The consumer groups that are watched: what they are called, and which topics they read."""

Offsets = dict[tuple[str, int], int]
"""Topic, as the contract names it, and partition to an offset."""


class Standing(NamedTuple):
    """Where a group's topics end, and where it goes on."""

    ends: Offsets
    read: Offsets


class _Station(msgspec.Struct):
    code: str | None = None
    province: str | None = None


class _Seen(msgspec.Struct):
    station: _Station


_seen: Final = msgspec.json.Decoder(_Seen)


class Observing:
    """Threads may share it; each question waits for the one before.

    Raises KafkaError, or KafkaException where Kafka does not answer.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._groups = {reader: consumer(kafka, group) for reader, (group, _) in GROUPS.items()}
        few = {"queued.max.messages.kbytes": "1024", "queued.min.messages": "1000", "fetch.message.max.bytes": str(1 << 16)}
        self._sampler = consumer(kafka, "watching", **few)
        self._partitions: dict[str, list[int]] = {}
        self._sampled: Offsets = {}
        self._lock, self._closed = threading.Lock(), False

    def standings(self) -> dict[Reader, Standing]:
        """Where each watched group stands."""
        with self._open():
            return {reader: self._standing(self._groups[reader], topics) for reader, (_, topics) in GROUPS.items()}

    def ends_of_orders(self) -> dict[int, int]:
        """Where the partitions of ``orders`` end."""
        with self._open():
            return {partition: end for (_, partition), (_, end) in self._bounds(self._sampler, (ORDERS,)).items()}

    def dead_letters(self) -> int:
        """How many dead letters there ever were."""
        with self._open():
            return sum(end for _, end in self._bounds(self._sampler, (DEADLETTERS,)).values())

    def arrivals(self) -> Counter[Source]:
        """What came of each source since the last look: of a topic all, of a province what samples show."""
        with self._open():
            return self._arrivals()

    def _arrivals(self) -> Counter[Source]:
        bounds = self._bounds(self._sampler, SIGHTING_TOPICS)
        before, self._sampled = self._sampled, {place: end for place, (_, end) in bounds.items()}
        came: Counter[Source] = Counter()
        starts: Offsets = {}
        for (topic, partition), (low, end) in bounds.items():
            last = min(before.get((topic, partition), end), end)
            came[Source(topic)] += end - last
            if end > last:
                starts[topic, partition] = max(last, end - SAMPLE, low)
        for record in self._sample(starts):
            province = province_of(record.value() or b"")
            if province is not None:
                came[Source(record.topic().removeprefix(self._kafka.topic_prefix), province)] += 1
        return came

    def close(self) -> None:
        """Let go of the connections, once what is being asked has been answered."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for client in (*self._groups.values(), self._sampler):
                    client.close()

    @contextmanager
    def _open(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise KafkaUnreachableError(self._kafka.bootstrap)
            yield

    def _sample(self, starts: Offsets) -> Iterable[Fetched]:
        if not starts:
            return
        topic_of = self._kafka.topic
        self._sampler.assign([TopicPartition(topic_of(topic), partition, at) for (topic, partition), at in starts.items()])
        left = {(topic_of(topic), partition): self._sampled[topic, partition] for topic, partition in starts}
        until = time.monotonic() + SAMPLE_S_MAX
        try:
            while left and time.monotonic() < until:
                for record in fetch(self._sampler, SAMPLE, 0.1):
                    place = record.topic(), record.partition()
                    if place in left and record.offset() < left[place]:
                        yield record
                    if record.offset() >= left.get(place, 0) - 1:
                        left.pop(place, None)
        finally:
            self._sampler.unassign()

    def _standing(self, client: Consumer, topics: Sequence[str]) -> Standing:
        bounds = self._bounds(client, topics)
        asked = [TopicPartition(self._kafka.topic(topic), partition) for topic, partition in bounds]
        committed = client.committed(asked, timeout=METADATA_S_MAX)
        read = {place: max(found.offset, low) for (place, (low, _)), found in zip(bounds.items(), committed, strict=True)}
        return Standing({place: end for place, (_, end) in bounds.items()}, read)

    def _bounds(self, client: Consumer, topics: Sequence[str]) -> dict[tuple[str, int], tuple[int, int]]:
        """The first offset that is kept and the one after the last, asked of the broker now."""
        return {
            (topic, partition): client.get_watermark_offsets(
                TopicPartition(self._kafka.topic(topic), partition), timeout=METADATA_S_MAX, cached=False
            )
            for topic in topics
            for partition in self._known(client, topic)
        }

    def _known(self, client: Consumer, topic: str) -> list[int]:
        if topic not in self._partitions:
            self._partitions[topic] = partitions_of(client, self._kafka, topic)
        return self._partitions[topic]


def province_of(raw: bytes) -> str | None:
    """The province whose station sent a sighting: as it says, else as the station's code begins; None where neither tells."""
    try:
        station = _seen.decode(raw).station
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    for said in (station.province, (station.code or "")[:2]):
        if said and len(said) == 2 and said.isascii() and said.isdigit():
            return said
    return None
