"""Records out: produced by librdkafka, durable before anything that depends on them is acknowledged."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from connectors.kafka.errors import NotDurableError
from connectors.kafka.places import Place
from connectors.kafka.settings import KafkaSettings

BATCH = 5000
QUEUE_MESSAGES_MAX = 200_000
FLUSH_S_MAX = 30.0
FULL_S = 0.01
PARTITION_OF_KEY = -1
NOWHERE: Final[Place] = (-1, -1)


class Record(NamedTuple):
    """One record to be produced. ``topic`` is the contract's name; the deployment's prefix is added.

    ``partition`` -1: as the key says.
    """

    topic: str
    key: bytes | None
    value: bytes
    partition: int = PARTITION_OF_KEY


def put(producer: Producer, topic: str, value: bytes, key: bytes | None, **options: Any) -> None:
    """Hand a record to a producer. While its queue is full, what is in it is let go of; the caller waits."""
    while True:
        try:
            producer.produce(topic, value, key, **options)
        except BufferError:
            producer.poll(FULL_S)
        else:
            return


class Records:
    """Produces batches of records and says when all of one are durable. Threads and an event loop may share it."""

    def __init__(
        self, settings: KafkaSettings, client: str, linger_ms: int = 1, options: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        """``options``: of librdkafka's producer, in place of those here."""
        self._settings = settings
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap,
                "client.id": client,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": linger_ms,
                "queue.buffering.max.messages": QUEUE_MESSAGES_MAX,
                "message.timeout.ms": int(FLUSH_S_MAX * 1000),
                **options,
            }
        )
        self._closing = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="kafka-acks", daemon=True)
        self._poller.start()

    def send(self, records: Sequence[Record]) -> None:
        """Produce records and wait until Kafka has every one.

        Raises:
            NotDurableError: at least one was not acknowledged.
        """
        self.send_later(records).wait()

    def send_later(self, records: Sequence[Record]) -> Outcome:
        """Produce records and go on; the outcome says when Kafka has every one."""
        return self._produce(records)

    async def send_soon(self, records: Sequence[Record]) -> list[Place]:
        """``send`` for the event loop, which goes on meanwhile. Where each record stands now."""
        loop = asyncio.get_running_loop()
        complete = asyncio.Event()
        outcome = self._produce(records, lambda: loop.call_soon_threadsafe(complete.set))
        await complete.wait()
        outcome.wait()
        return outcome.places

    async def send_all(self, records: Iterable[Record]) -> None:
        """``send_soon`` for any number of records, some thousands at a time."""
        left = iter(records)
        while batch := list(islice(left, BATCH)):
            await self.send_soon(batch)

    def close(self) -> None:
        self._producer.flush(FLUSH_S_MAX)
        self._closing.set()
        self._poller.join(1.0)

    def abandon(self) -> None:
        """Close without storing what is not stored yet; a request that is under way may still be."""
        self._producer.purge()
        self.close()

    def _produce(self, records: Sequence[Record], on_complete: Callable[[], object] = lambda: None) -> Outcome:
        outcome = Outcome(len(records), on_complete)
        for number, record in enumerate(records):
            topic = self._settings.topic(record.topic)
            delivered = partial(outcome.delivered, number)
            put(self._producer, topic, record.value, record.key, partition=record.partition, on_delivery=delivered)
        return outcome

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(0.1)


class Outcome:
    """What becomes of one batch: counts down its acknowledgements, which whichever thread polls delivers."""

    def __init__(self, count: int, on_complete: Callable[[], object]) -> None:
        self._count = self._left = count
        self.places: Final[list[Place]] = [NOWHERE] * count
        self._on_complete = on_complete
        self._error: str | None = None
        self._failed = 0
        self._lock = threading.Lock()
        self._complete = threading.Event()
        if not count:
            self._finish()

    def delivered(self, number: int, error: KafkaError | None, message: Message) -> None:
        with self._lock:
            if error is not None:
                self._error, self._failed = str(error), self._failed + 1
            else:
                self.places[number] = (message.partition() or 0, message.offset() or 0)
            self._left -= 1
            done = not self._left
        if done:
            self._finish()

    @property
    def is_known(self) -> bool:
        """Whether every record was acknowledged or given up."""
        return self._complete.is_set()

    def wait(self) -> None:
        """Wait until it is known.

        Raises:
            NotDurableError: at least one record was given up.
        """
        self._complete.wait()
        if self._error is not None:
            raise NotDurableError(f"{self._failed} of {self._count} records were not stored: {self._error}")

    def _finish(self) -> None:
        self._complete.set()
        self._on_complete()
