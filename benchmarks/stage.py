"""A stage for benchmarks of the running engine: servers, workers, a receiving court, and what was sent and when."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Final

import msgspec
import redis.asyncio
from confluent_kafka import KafkaError, Message, Producer

from connectors.courts.receiver import Receiver
from connectors.courts.signature import new_secret
from connectors.kafka.clients import at, consumer, end_offsets, fetch, partitions_of
from connectors.kafka.records import Record, put
from connectors.kafka.topics import ORDERS, RECEIPTS
from connectors.redis.client import connect
from connectors.redis.leases import InForce, InForceMark
from deploy.local.addresses import Addresses
from deploy.local.deployment import Deployment
from matchers.keys import KeyHasher
from stream.core.delivery import Receipt
from stream.demo.run import Force
from stream.interpreter import settle
from stream.local import settings_of, wait_for_workers, wipe
from stream.settings import WorkerSettings
from synthetic.clock import paced
from synthetic.crowd import SyntheticSighting

MARKS_S_MAX: Final = 60.0
_ASKED_AT_ONCE: Final = 1000
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Stage:
    """Workers that screen, a court that receives, and what one needs to stream to them and to ask them."""

    deployment: Deployment
    settings: WorkerSettings
    client: redis.asyncio.Redis
    court: Receiver
    force: Force
    in_force: InForce

    def producer(self) -> Producer:
        """A producer that is connected."""
        made = Producer({"bootstrap.servers": self.settings.kafka.bootstrap, "linger.ms": 1, "acks": "all"})
        made.list_topics(timeout=30)
        return made

    def send_sighting(self, producer: Producer, sighting: SyntheticSighting) -> None:
        """Send a sighting, once there is room for it."""
        put(producer, self.settings.kafka.topic(sighting.topic), sighting.value, sighting.key)
        producer.poll(0)

    def send_orders(self, producer: Producer, records: Iterable[Record]) -> dict[str, float]:
        """Send records of ``orders``; order id to when Kafka acknowledged its record (``time.time``)."""
        accepted: dict[str, float] = {}

        def stored(error: KafkaError | None, message: Message) -> None:
            if error is None:
                accepted[(message.key() or b"").decode()] = time.time()

        for record in records:
            producer.produce(self.settings.kafka.topic(ORDERS), record.value, record.key, on_delivery=stored)
            producer.poll(0)
        producer.flush(30)
        return accepted

    async def place(self, records: Iterable[Record]) -> None:
        """Place orders, and return when they are in force everywhere."""
        await asyncio.to_thread(self.send_orders, self.producer(), records)
        await self.force.wait()

    async def marks(self, order_ids: Sequence[str], version: int) -> dict[str, InForceMark]:
        """When these orders' versions were in force everywhere; what is not marked within a minute is not in it."""
        marks: dict[str, InForceMark] = {}
        ends_at = time.monotonic() + MARKS_S_MAX
        left = list(order_ids)
        while left and time.monotonic() < ends_at:
            for start in range(0, len(left), _ASKED_AT_ONCE):
                found = await self.in_force.of(left[start : start + _ASKED_AT_ONCE])
                marks |= {id_: versions[version] for id_, versions in found.items() if version in versions}
            left = [id_ for id_ in left if id_ not in marks]
            await asyncio.sleep(_POLL_S)
        return marks

    def receipts(self) -> Iterator[Receipt]:
        """Every receipt so far."""
        client = consumer(self.settings.kafka, "benchmark")
        topic = self.settings.kafka.topic(RECEIPTS)
        try:
            ends = end_offsets(client, topic, partitions_of(client, self.settings.kafka, RECEIPTS))
            client.assign([at(topic, partition, 0) for partition in ends])
            left = sum(ends.values())
            while left > 0 and (messages := fetch(client, 10_000, 5.0)):
                left -= len(messages)
                yield from (Receipt.model_validate(msgspec.json.decode(message.value() or b"")) for message in messages)
        finally:
            client.close()


@asynccontextmanager
async def staged(root: Path, addresses: Addresses, workers: int, name: str) -> AsyncIterator[Stage]:
    """A stage of its own in the servers that run here; all that it started and stored is gone afterwards."""
    prefix = f"{name}-{os.getpid()}-{int(time.time())}-"
    deployment = Deployment(root / ".local" / "deployments" / prefix.rstrip("-"), addresses, prefix)
    async with Receiver(new_secret(os.urandom(32))) as court:
        deployment.prepare()
        deployment.endpoints_file.write_text(court.entry(), "utf-8")
        settings = settings_of(deployment)
        running = [deployment.start_worker(number) for number in range(1, workers + 1)]
        client = connect(settings.redis)
        try:
            await asyncio.to_thread(wait_for_workers, deployment, running, lambda _: None)
            force = Force(settings, client, KeyHasher(settings.secret()))
            yield Stage(deployment, settings, client, court, force, InForce(client, settings.redis.namespace))
        finally:
            await client.aclose()
            await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in running))
            await asyncio.to_thread(wipe, settings)
            shutil.rmtree(deployment.folder, ignore_errors=True)


class Flow:
    """Sightings that flow at a rate, over and over, in a thread of their own."""

    def __init__(self) -> None:
        self.sent = 0
        self.seconds = 0.0

    @property
    def a_second(self) -> float:
        return self.sent / self.seconds if self.seconds else 0.0


@contextmanager
def flowing(stage: Stage, sightings: Sequence[SyntheticSighting], rate: float) -> Iterator[Flow]:
    """Sightings flow at a rate, as far as the machine carries it, for as long as this lasts."""
    flow, stopping, producer = Flow(), threading.Event(), stage.producer()

    def run() -> None:
        began = time.monotonic()
        for sighting in paced(cycle(sightings), rate):
            if stopping.is_set():
                break
            stage.send_sighting(producer, sighting)
            flow.sent += 1
        flow.seconds = time.monotonic() - began
        producer.flush(30)

    settle()
    thread = threading.Thread(target=run, name="sightings", daemon=True)
    thread.start()
    try:
        yield flow
    finally:
        stopping.set()
        thread.join()
