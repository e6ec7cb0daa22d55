"""One worker as any deployment has it, the docket's orders in force, and what comes of the hits that it is sent."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
from confluent_kafka import Producer

from benchmarks.delivery.courts import Arrival, Courts
from benchmarks.delivery.docket import Docket, Made
from benchmarks.delivery.figures import Sent
from benchmarks.delivery.reconcile import Reckoning, Step, reckon
from benchmarks.machine import cpu_seconds
from benchmarks.race.ground import Ground
from connectors.kafka.records import Record, Records, put
from connectors.kafka.topics import RECEIPTS
from connectors.redis.client import connect
from deploy.local.addresses import Addresses
from deploy.local.deployment import Deployment
from deploy.local.errors import StartError
from matchers.keys import KeyHasher
from stream.demo.run import Force
from stream.local import settings_of, wait_for_workers, wipe
from synthetic.clock import paced

POLL_S: Final = 0.05
FLUSH_S_MAX: Final = 30.0


class Engine:
    """A worker and its courts; what was sent and what arrived, since the beginning. Use as a context manager."""

    def __init__(self, root: Path, addresses: Addresses, docket: Docket, say: Callable[[str], None]) -> None:
        prefix = f"delivery-{os.getpid()}-{int(time.time())}-"
        self.docket, self._say = docket, say
        self.deployment = Deployment(root / ".local" / "deployments" / prefix.rstrip("-"), addresses, prefix)
        self.sent: Final[dict[str, Sent]] = {}
        self.arrived_at: Final[dict[str, float]] = {}
        self.arrivals: Final[Counter[str]] = Counter()
        self.courts: Final = Courts(docket.courts, self._arrived)
        self._cleanup = ExitStack()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            self.deployment.prepare()
            cleanup.callback(shutil.rmtree, self.deployment.folder, ignore_errors=True)
            cleanup.enter_context(self.courts)
            self.deployment.endpoints_file.write_text(self.courts.entries, "utf-8")
            self.settings = settings_of(self.deployment)
            cleanup.callback(wipe, self.settings)
            self.worker = self.deployment.start_worker()
            cleanup.callback(self.worker.stop)
            wait_for_workers(self.deployment, [self.worker], self._say)
            self._ground = Ground(self.deployment.addresses.kafka, self.deployment.topic_prefix)
            self._producer = Producer({"bootstrap.servers": self.settings.kafka.bootstrap, "linger.ms": 1, "acks": "1"})
            asyncio.run(self._place())
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._cleanup.close()

    def send(self, hits: Iterable[Made], rate: float) -> dict[str, Sent]:
        """Send hits at a rate a second; when each went, by its id, which ``sent`` notes as well.

        Raises:
            TimeoutError: Kafka did not take them.
        """
        sent: dict[str, Sent] = {}
        for hit in paced(hits, rate):
            sent[hit.id] = self.sent[hit.id] = Sent(hit.court, time.time())
            self._produce(hit.record)
        if self._producer.flush(FLUSH_S_MAX):
            raise TimeoutError(f"Kafka did not take all hits within {FLUSH_S_MAX:.0f} s")
        return sent

    def wait(self, hits: Iterable[str], within_s: float) -> bool:
        """Whether all of these have arrived within so many seconds from now; returns as soon as they have."""
        ends_at = time.monotonic() + within_s
        left = set(hits)
        while left := {hit for hit in left if hit not in self.arrived_at}:
            if time.monotonic() > ends_at:
                return False
            self.pid()
            time.sleep(POLL_S)
        return True

    def cpu_seconds(self) -> float:
        """CPU seconds that the worker has used so far, with its screener."""
        return cpu_seconds(self.pid())

    def pid(self) -> int:
        """The worker's process. Raises StartError: it has ended."""
        if (pid := self.worker.pid()) is None:
            raise StartError(f"the worker ended.{self.worker.log_tail()}")
        return pid

    def reckoning(self) -> Reckoning:
        """What has become of every hit so far."""
        stored = self._ground.read(self.settings.kafka.topic(RECEIPTS))
        steps = (msgspec.json.decode(one.value, type=Step) for one in stored)
        with self._lock:
            arrivals = dict(self.arrivals)
        return reckon(self.sent, arrivals, steps)

    def _arrived(self, arrivals: list[Arrival]) -> None:
        with self._lock:
            for arrival in arrivals:
                self.arrived_at.setdefault(arrival.id, arrival.at)
                self.arrivals[arrival.id] += 1

    def _produce(self, record: Record) -> None:
        put(self._producer, self.settings.kafka.topic(record.topic), record.value, record.key)
        self._producer.poll(0)

    async def _place(self) -> None:
        """Place the docket's orders and wait until all are in force everywhere."""
        records = Records(self.settings.kafka, "delivery-orders", linger_ms=5)
        client = connect(self.settings.redis)
        try:
            await records.send_all(self.docket.orders())
            await Force(self.settings, client, KeyHasher(self.settings.secret())).wait()
        finally:
            await client.aclose()
            records.close()
