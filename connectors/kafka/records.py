"""Records out: produced by librdkafka, durable before anything that depends on them is acknowledged."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import NamedTuple

from confluent_kafka import KafkaError, Producer

from connectors.kafka.errors import NotDurableError
from connectors.kafka.settings import KafkaSettings

QUEUE_MESSAGES_MAX = 200_000
FLUSH_S_MAX = 30.0


class Record(NamedTuple):
    """One record to be produced. ``topic`` is the contract's name; the deployment's prefix is added."""

    topic: str
    key: bytes | None
    value: bytes


class Records:
    """Produces batches of records and says when all of one are durable. Threads may share it."""

    def __init__(self, settings: KafkaSettings, client: str, linger_ms: int = 1) -> None:
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
            }
        )

    def send(self, records: Sequence[Record]) -> None:
        """Produce records and wait until Kafka has every one.

        Raises:
            NotDurableError: at least one was not acknowledged.
        """
        outcome = _Outcome(len(records))
        for record in records:
            while True:
                try:
                    self._producer.produce(
                        self._settings.topic(record.topic), record.value, record.key, on_delivery=outcome.delivered
                    )
                except BufferError:
                    self._producer.poll(0.05)
                else:
                    break
        while not outcome.complete.is_set():
            self._producer.poll(0.01)
        if outcome.error is not None:
            raise NotDurableError(f"{outcome.failed} of {len(records)} records were not stored: {outcome.error}")

    async def send_soon(self, records: Sequence[Record]) -> None:
        """``send`` for the event loop: waits in a thread, so the loop goes on."""
        if records:
            await asyncio.get_running_loop().run_in_executor(None, self.send, records)

    def close(self) -> None:
        self._producer.flush(FLUSH_S_MAX)


class _Outcome:
    """Counts down the acknowledgements of one batch; any thread that polls may deliver them."""

    def __init__(self, count: int) -> None:
        self.complete = threading.Event()
        self.error: str | None = None
        self.failed = 0
        self._left = count
        self._lock = threading.Lock()
        if not count:
            self.complete.set()

    def delivered(self, error: KafkaError | None, _message: object) -> None:
        with self._lock:
            if error is not None:
                self.error, self.failed = str(error), self.failed + 1
            self._left -= 1
            if not self._left:
                self.complete.set()
