"""The orders that were not searched back for yet, in a consumer group of their own: its commits say which have been."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec
from confluent_kafka import TopicPartition

from connectors.kafka.clients import (
    METADATA_S_MAX,
    PATIENT,
    Fetched,
    consumer,
    end_offsets,
    fetch,
    partitions_of,
    start_offsets,
)
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ORDERS
from matchers.wire import UnreadableError
from stream.core.lookback import Arrived
from watchlists.order import Release, read_order

BATCH: Final = 5000
POLL_S: Final = 0.2
OrderRanges = Mapping[int, tuple[int, int]]


class _Record(msgspec.Struct, gc=False):
    id: str
    version: int
    action: Literal["place", "amend", "release"]


_decode: Final = msgspec.json.Decoder(_Record).decode


class UnsearchedOrders:
    """Reads on in ``orders`` from where the last pass ended. For one thread at a time; raises KafkaException where Kafka
    does not answer."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka, self._topic = kafka, kafka.topic(ORDERS)
        self._client = consumer(kafka, "lookback", **PATIENT)
        self._searched: dict[int, int] = {}
        self._read: dict[int, int] = {}

    def stand(self, since: dt.datetime) -> None:
        """Stand where the last pass ended, but at no record that is older than ``since``: nothing retained precedes it.

        Raises:
            KafkaUnreachableError, TopicError: as ``partitions_of``.
        """
        partitions = partitions_of(self._client, self._kafka, ORDERS)
        begins = start_offsets(self._client, self._topic, partitions, since)
        ends = end_offsets(self._client, self._topic, partitions)
        committed = self._client.committed([TopicPartition(self._topic, p) for p in partitions], timeout=METADATA_S_MAX)
        # A commit beyond the end is of another log: a wiped Kafka.
        done = {place.partition: place.offset for place in committed if place.offset <= ends[place.partition]}
        self._searched = {p: max(done.get(p, 0), begins[p]) for p in partitions}
        if moved := {partition: offset for partition, offset in self._searched.items() if offset != done.get(partition)}:
            self._commit(moved)
        self._go_on_from(self._searched)

    def take(self, most: int) -> list[Arrived]:
        """The next orders that come within a moment; what cannot be read, and releases, are read past."""
        messages = fetch(self._client, min(most, BATCH), POLL_S)
        self._read.update({message.partition(): message.offset() + 1 for message in messages})
        return list(_arrived(messages))

    def taken(self) -> dict[int, tuple[int, int]]:
        """What was read since the last pass: partition to the first offset and the one after the last."""
        return {partition: (offset, self._read[partition]) for partition, offset in self._searched.items()}

    def continues(self, orders: OrderRanges) -> bool:
        """Whether a pass for these is the one that comes next."""
        return {partition: first for partition, (first, _) in orders.items()} == self._searched

    def again(self, orders: OrderRanges) -> list[Arrived]:
        """The orders of a pass that was begun, read once more."""
        left = {partition: stop for partition, (first, stop) in orders.items() if first < stop}
        self._go_on_from({partition: orders[partition][0] for partition in left})
        arrived: list[Arrived] = []
        while left:
            messages = fetch(self._client, BATCH, POLL_S)
            arrived += _arrived([m for m in messages if m.offset() < orders[m.partition()][1]])
            for message in messages:
                if message.offset() + 1 >= orders[message.partition()][1]:
                    left.pop(message.partition(), None)
        self._go_on_from({partition: stop for partition, (_, stop) in orders.items()})
        return arrived

    def searched(self, orders: OrderRanges) -> None:
        """The pass for these is done."""
        self._searched |= {partition: stop for partition, (_, stop) in orders.items()}
        self._commit(self._searched)

    def waiting(self) -> int:
        """Records of ``orders`` that no finished pass was for, asked of the broker now."""
        ends = end_offsets(self._client, self._topic, list(self._searched))
        return sum(max(end - self._searched[partition], 0) for partition, end in ends.items())

    def close(self) -> None:
        self._client.close()

    def _go_on_from(self, offsets: Mapping[int, int]) -> None:
        self._read |= offsets
        self._client.assign([TopicPartition(self._topic, partition, offset) for partition, offset in offsets.items()])

    def _commit(self, offsets: Mapping[int, int]) -> None:
        places = [TopicPartition(self._topic, partition, offset) for partition, offset in offsets.items()]
        self._client.commit(offsets=places, asynchronous=False)


def _arrived(messages: Sequence[Fetched]) -> Iterator[Arrived]:
    for message in messages:
        raw = message.value() or b""
        try:
            record = _decode(raw)
        except (ValueError, RecursionError):
            yield from _read_carefully(raw)
            continue
        if record.action != "release":
            yield Arrived(record.id, record.version)


def _read_carefully(raw: bytes) -> Iterator[Arrived]:
    """What the index takes over although the quick reader could not read it."""
    try:
        record = read_order(raw)
    except UnreadableError:
        return
    if not isinstance(record, Release):
        yield Arrived(record.id, record.version)
