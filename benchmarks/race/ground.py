"""The ground of a race: topics in the one Kafka, all named alike, filled before and deleted after."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from confluent_kafka import Consumer, ConsumerGroupState, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from synthetic.crowd import SyntheticSighting

SIGHTING_PARTITIONS: Final = 4
_ANSWER_S: Final = 30.0
_SILENCE_S: Final = 10.0
_SESSION_S: Final = 60.0
_AGAIN_S: Final = 0.5
_HOLD: Final = 20_000

Ends = dict[int, int]
"""Partition to the offset after its last record."""


class Stored(NamedTuple):
    """A record's value, and the time of it in milliseconds since 1970."""

    value: bytes
    at_ms: int


class Ground:
    """Makes, fills, reads and deletes the topics whose names begin with ``prefix``."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap, self.prefix = bootstrap, prefix
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})  # the stack may be stopped before it

    def make(self, names: Iterable[str], partitions: int = SIGHTING_PARTITIONS, *, broker_time: bool = False) -> list[str]:
        """Make topics that are not there yet; their full names. With ``broker_time`` a record bears the time of its storing."""
        config = {"message.timestamp.type": "LogAppendTime" if broker_time else "CreateTime", "retention.ms": "86400000"}
        topics = [self.prefix + name for name in names]
        made = self._admin.create_topics([NewTopic(topic, partitions, 1, config=config) for topic in topics])
        for done in made.values():
            try:
                done.result(_ANSWER_S)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
        return topics

    def delete(self, topics: Iterable[str]) -> None:
        """Delete topics; one that is not there is deleted already."""
        for done in self._admin.delete_topics(list(topics)).values():
            _settled(done.result)

    def delete_group(self, group: str) -> None:
        """Forget what a group has read. No member of it may be alive."""
        for done in self._admin.delete_consumer_groups([group]).values():
            _settled(done.result)

    def readers(self, group: str) -> int:
        """How many members of a group have partitions; 0 while they are being shared out."""
        (asked,) = self._admin.describe_consumer_groups([group]).values()
        described = asked.result(_ANSWER_S)
        if described.state != ConsumerGroupState.STABLE:
            return 0
        return sum(bool(member.assignment.topic_partitions) for member in described.members)

    def clean(self) -> None:
        """Delete every topic and every consumer group whose name begins with the prefix.

        A member that went without a word, as Kafka Streams' do, is missed after a session's length; until then its group stays.
        """
        topics = [name for name in self._admin.list_topics(timeout=_ANSWER_S).topics if name.startswith(self.prefix)]
        if topics:
            self.delete(topics)
        ends_at = time.monotonic() + _SESSION_S
        while (groups := self._groups()) and time.monotonic() < ends_at:
            for group in groups:
                self.delete_group(group)
            time.sleep(_AGAIN_S)

    def _groups(self) -> list[str]:
        listed = self._admin.list_consumer_groups().result(_ANSWER_S)
        return [group.group_id for group in listed.valid if group.group_id.startswith(self.prefix)]

    def ends(self, topic: str) -> Ends:
        """How far each partition of a topic is."""
        client = self._consumer()
        try:
            partitions = client.list_topics(topic, timeout=_ANSWER_S).topics[topic].partitions
            return {p: client.get_watermark_offsets(TopicPartition(topic, p), timeout=_ANSWER_S)[1] for p in partitions}
        finally:
            client.close()

    def read(self, topic: str, start: Ends | None = None) -> list[Stored]:
        """What was stored in a topic from ``start`` on (default: its beginning) until now."""
        begins = start or {}
        ends = self.ends(topic)
        left = {partition for partition, end in ends.items() if end > begins.get(partition, 0)}
        client = self._consumer()
        client.assign([TopicPartition(topic, partition, begins.get(partition, 0)) for partition in left])
        stored: list[Stored] = []
        heard = time.monotonic()
        try:
            while left and time.monotonic() - heard < _SILENCE_S:
                for message in client.consume(10_000, 0.1):
                    offset, partition = message.offset(), message.partition()
                    if message.error() is None and offset is not None and partition is not None:
                        heard = time.monotonic()
                        stored.append(Stored(message.value() or b"", message.timestamp()[1]))
                        if offset + 1 >= ends[partition]:
                            left.discard(partition)
        finally:
            client.close()
        return stored

    def _consumer(self) -> Consumer:
        return Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"{self.prefix}reader", "enable.auto.commit": False})


class Sender:
    """Sends sightings to a set of topics. ``topic`` gives the full name for the contract's."""

    def __init__(self, bootstrap: str, topic: Callable[[str], str], linger_ms: int) -> None:
        self._topic = topic
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "linger.ms": linger_ms, "batch.size": 1 << 20, "acks": "1"}
            | {"queue.buffering.max.messages": 1_000_000, "queue.buffering.max.kbytes": 1 << 20}
        )

    def send(self, sighting: SyntheticSighting, at_ms: int = 0) -> None:
        """Send one; ``at_ms`` is the record's time, by default now."""
        while True:
            try:
                self._producer.produce(self._topic(sighting.topic), sighting.value, sighting.key, timestamp=at_ms)
            except BufferError:
                self._producer.poll(0.05)
            else:
                break

    def poll(self) -> None:
        """Let go of what the broker has acknowledged."""
        self._producer.poll(0)

    def flush(self) -> None:
        """Return when the broker has everything.

        Raises:
            TimeoutError: it did not take it in time.
        """
        if self._producer.flush(120):
            raise TimeoutError("Kafka did not take all sightings within two minutes")


def fill(sender: Sender, sightings: Iterable[SyntheticSighting]) -> Iterator[SyntheticSighting]:
    """Send sightings as fast as they go, and hand each on to whoever counts them."""
    for number, sighting in enumerate(sightings):
        sender.send(sighting)
        if number % _HOLD == 0:
            sender.poll()
        yield sighting
    sender.flush()


def _settled(result: Callable[[float], object]) -> None:
    """Wait for a deletion; what is not there, or still has a member that is on its way out, is left."""
    try:
        result(_ANSWER_S)
    except KafkaException:
        return
