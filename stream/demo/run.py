"""One run of the demo: a world, a real stack, workers, a receiving court; streams, late orders, releases, and a judgement.

Tests and benchmarks run it too, with workers that are killed on the way.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import redis.asyncio
from confluent_kafka import Producer

from connectors.courts.receiver import Received, Receiver
from connectors.courts.signature import new_secret
from connectors.kafka.clients import consumer, end_offsets, partitions_of
from connectors.kafka.records import Record, Records, put
from connectors.kafka.topics import DEADLETTERS, ORDERS, RECEIPTS
from connectors.redis.client import connect
from connectors.redis.errors import RedisError
from connectors.redis.index import RedisIndex
from connectors.redis.leases import Leases
from deploy.local.addresses import Addresses
from deploy.local.deployment import Deployment
from deploy.local.process import Process
from matchers.keys import KeyHasher
from stream.core.delivery import Reason
from stream.demo.judge import Life, Result, Sent, judge_run
from stream.demo.trace import records, trace
from stream.interpreter import settle
from stream.local import settings_of, wait_for_workers, wipe
from stream.settings import WorkerSettings
from synthetic.clock import paced
from synthetic.crowd import SyntheticSighting
from synthetic.world import World
from synthetic.writs import Record as OrderRecord
from watchlists.force import in_force_everywhere

SETTLE_S: Final = 30.0
POLL_S: Final = 0.05
_RELEASED_SHARE: Final = 0.05
_LATE_SHARE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does.

    ``passage_s``: a hit is owed when its order was released later than this after the sighting was sent; until then the
    sighting may still be on its way when the release takes effect, which then rightly finds nothing. Seconds; longer where
    something is killed on the way.
    """

    orders: int = 20_000
    seconds: float = 75.0
    rate: float = 5_000.0
    hit_ratio: float = 0.004
    dirtiness: float = 0.05
    workers: int = 1
    kills: int = 0
    seed: int = 41
    passage_s: float = 2.0
    late: int | None = None
    """How many of the orders are placed in mid-stream, at once; a fiftieth unless given."""
    burst_at: float = 0.3
    """Share of the stream after which the late orders are placed; the releases follow a fifth of the stream later."""
    warm_up_s: float = 0.0
    """How long hits are not counted as quiet, since the broker and the stream's own caches warm up."""
    prepared: bool = False
    """Whether what is streamed is made before the stream begins, so that making it takes nothing from the engine's share."""


@dataclass(slots=True)
class Progress:
    """What is seen of a run while it goes on. ``latencies_s``: produced to received, the newest last; those of sightings sent
    when the stream was warm and before the late orders came, and until these were in force everywhere, are told apart."""

    stage: str = ""
    sent: int = 0
    unreadable: int = 0
    streamed_s: float = 0.0
    orders_s: float = 0.0
    late_orders_s: float | None = None
    releases: int = 0
    release_s: float | None = None
    kills: int = 0
    received: int = 0
    latencies_s: list[float] = field(default_factory=list)
    quiet_latencies_s: list[float] = field(default_factory=list)
    burst_latencies_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a run."""

    plan: Plan
    progress: Progress
    result: Result
    dead_letters: int
    seconds: float
    traces: Mapping[str, list[str]]
    """How far each missed hit came."""

    @property
    def is_clean(self) -> bool:
        return self.result.is_clean and self.dead_letters >= self.progress.unreadable


class Run:
    """One run. ``progress`` may be read from any thread."""

    def __init__(self, root: Path, addresses: Addresses, plan: Plan, say: Callable[[str], None]) -> None:
        self.plan, self.progress, self._say = plan, Progress(), say
        prefix = f"demo-{os.getpid()}-{int(time.time())}-"
        self.deployment = Deployment(root / ".local" / "deployments" / prefix.rstrip("-"), addresses, prefix)
        self._world = World(plan.seed, orders=plan.orders, at=dt.datetime.now(dt.UTC))
        self._lives: dict[str, Life] = {}
        self._sent: list[Sent] = []
        self._sent_at: dict[str, float] = {}
        self._received: dict[str, Received] = {}
        self._withdrawn: set[str] = set()
        self._warm_s, self._burst_s = float("inf"), (float("inf"), float("inf"))
        self._workers: list[Process] = []
        self._stopping = threading.Event()

    async def run(self) -> Report:
        """Run it to the end; whatever was started is stopped, and the run's topics and views are deleted."""
        async with Receiver(new_secret(os.urandom(32)), on_notification=self._on_notification) as court:
            self.deployment.prepare()
            self.deployment.endpoints_file.write_text(court.entry(), "utf-8")
            settings = settings_of(self.deployment)
            try:
                return await self._run(settings)
            finally:
                self._stopping.set()
                await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in self._workers))
                await self._clean(settings)

    async def _run(self, settings: WorkerSettings) -> Report:
        self.progress.stage = "启动 starting workers"
        self._workers = [self.deployment.start_worker(number) for number in range(1, self.plan.workers + 1)]
        await asyncio.to_thread(wait_for_workers, self.deployment, self._workers, self._say)
        producer = Records(settings.kafka, "demo-orders", linger_ms=5)
        client = connect(settings.redis)
        try:
            force = Force(settings, client, KeyHasher(settings.secret()))
            late = self.plan.late if self.plan.late is not None else max(int(self.plan.orders * _LATE_SHARE), 1)
            self.progress.stage = "下达令状 placing orders"
            self.progress.orders_s = await self._place(producer, force, self._orders(0, self.plan.orders - late))
            sightings = await asyncio.to_thread(self._sightings)
            late_orders = self._orders(self.plan.orders - late, self.plan.orders)
            releases = [Record(ORDERS, *self._world.release(number)) for number in self._released()]
            settle()  # the court's server shares this process with the stream's thread, and its latency is what is measured
            started = time.monotonic()
            self.progress.stage = "监视 streaming"
            stream = asyncio.create_task(asyncio.to_thread(self._stream, settings, sightings))
            killer = asyncio.create_task(self._kill_now_and_then())
            self._warm_s = time.time() + self.plan.warm_up_s
            await self._sleep(self.plan.seconds * self.plan.burst_at)
            self._burst_s = (time.time(), float("inf"))
            self.progress.late_orders_s = await self._place(producer, force, late_orders)
            self._burst_s = (self._burst_s[0], time.time())
            await self._sleep(self.plan.seconds * 0.2)
            await self._release(producer, force, releases)
            await stream
            killer.cancel()
            self.progress.stage = "收尾 waiting for the last hits"
            said = await self._settle(settings)
            dead_letters = await asyncio.to_thread(_count, settings, DEADLETTERS)
            seconds = time.monotonic() - started
        finally:
            await client.aclose()
            producer.close()
        result = self._judged(said)
        missed = [sent.pair for sent in self._sent if sent.pair.hit_id in result.missed]
        traces = await asyncio.to_thread(trace, settings.kafka, missed)
        return Report(self.plan, self.progress, result, dead_letters, seconds, traces)

    def _judged(self, said: Said) -> Result:
        return judge_run(self._sent, self._lives, self._received, said.fenced, self.plan.passage_s, said.held, self._withdrawn)

    def _orders(self, start: int, stop: int) -> Iterable[OrderRecord]:
        made = self._world.orders(start, stop)
        return list(made) if self.plan.prepared and start else made

    async def _place(self, producer: Records, force: Force, made: Iterable[OrderRecord]) -> float:
        """Place orders and wait until they are in force everywhere; the seconds that took."""
        began = time.time()
        placed: list[Life] = []

        def orders() -> Iterator[Record]:
            for record in made:
                placed.append(Life(began))
                self._lives[record.key.decode()] = placed[-1]
                yield Record(ORDERS, record.key, record.value)

        await producer.send_all(orders())
        effective = await force.wait()
        for life in placed:
            life.in_force_s = effective
        return effective - began

    def _released(self) -> range:
        """The numbers of the orders that are released in mid-stream."""
        return range(0, self.plan.orders // 2, max(int(1 / _RELEASED_SHARE), 1))

    async def _release(self, producer: Records, force: Force, releases: Sequence[Record]) -> None:
        """Release some orders, and note when that was in force everywhere."""
        lives = [self._lives[release.key.decode()] for release in releases if release.key is not None]
        began = time.time()
        for life in lives:
            life.release_sent_s = began
        await producer.send_soon(releases)
        effective = await force.wait()
        for life in lives:
            life.released_s = effective
        self.progress.releases, self.progress.release_s = len(releases), effective - began

    def _sightings(self) -> Iterable[SyntheticSighting]:
        plan = self.plan
        made = self._world.sightings(
            int(plan.seconds * plan.rate), hit_ratio=plan.hit_ratio, dirtiness=plan.dirtiness, rate=plan.rate
        )
        return list(made) if plan.prepared else made

    def _stream(self, settings: WorkerSettings, sightings: Iterable[SyntheticSighting]) -> None:
        """Send the sightings at the plan's rate; in a thread of its own."""
        # A linger of 5 ms is librdkafka's own. With one of 1 ms the broker takes in a batch for every few sightings, and needs
        # half as much processor time again.
        producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "linger.ms": 5, "acks": "1"})
        producer.list_topics(timeout=30)  # connected before the first sighting is made
        began = time.monotonic()
        for sighting in paced(sightings, self.plan.rate):
            if self._stopping.is_set():
                return
            self._send(producer, settings, sighting)
        self.progress.streamed_s = time.monotonic() - began
        producer.flush(30)

    def _send(self, producer: Producer, settings: WorkerSettings, sighting: SyntheticSighting) -> None:
        now = time.time()
        for pair in sighting.expected:
            self._sent.append(Sent(pair, now))
            self._sent_at[pair.hit_id] = now
        put(producer, settings.kafka.topic(sighting.topic), sighting.value, sighting.key)
        producer.poll(0)
        self.progress.sent += 1
        self.progress.unreadable += sighting.defect is not None

    def _on_notification(self, received: Received) -> None:
        if received.type != "chakong.hit.v1":
            self._withdrawn.add(received.subject)
            return
        self._received[received.subject] = received
        self.progress.received = len(self._received)
        sent_at = self._sent_at.get(received.subject)
        if sent_at is not None and received.times == 1 and not self._came_before(sent_at, received.order_id):
            latency = received.at.timestamp() - sent_at
            self.progress.latencies_s.append(latency)
            if self._warm_s < sent_at < self._burst_s[0]:
                self.progress.quiet_latencies_s.append(latency)
            elif sent_at <= self._burst_s[1]:
                self.progress.burst_latencies_s.append(latency)

    def _came_before(self, sent_at: float, order_id: str) -> bool:
        """Whether a sighting was sent before its order was in force: it may be found by searching back, which is no latency."""
        in_force_s = self._lives[order_id].in_force_s
        return in_force_s is None or sent_at <= in_force_s

    async def join(self) -> None:
        """Start one more worker, and return when it screens."""
        self._workers.append(self.deployment.start_worker(len(self._workers) + 1))
        await asyncio.to_thread(wait_for_workers, self.deployment, self._workers, self._say)

    async def leave(self) -> None:
        """Stop the worker that has been there longest, as a deployment would, and return when it has ended."""
        await asyncio.to_thread(self._workers.pop(0).stop)

    async def _kill_now_and_then(self) -> None:
        """SIGKILL a worker in the middle of the stream, as often as the plan says, and start it again as a supervisor would."""
        for kill in range(self.plan.kills):
            await self._sleep(self.plan.seconds * 0.8 / max(self.plan.kills, 1))
            worker = self._workers[kill % len(self._workers)]
            await asyncio.to_thread(worker.kill)
            self.progress.kills += 1
            self._workers[kill % len(self._workers)] = self.deployment.start_worker(kill % len(self._workers) + 1)

    async def _settle(self, settings: WorkerSettings) -> Said:
        """Until every due pair has come, or nothing more may be hoped for. Returns what the receipts say."""
        ends_at = time.monotonic() + SETTLE_S + 30.0 * bool(self.plan.kills)
        while time.monotonic() < ends_at:
            said = await asyncio.to_thread(_said, settings)
            result = self._judged(said)
            if not (result.missed or result.not_withdrawn):
                break
            await asyncio.sleep(0.5)
        await asyncio.sleep(1.0)  # what must not come has a second to come all the same
        return await asyncio.to_thread(_said, settings)

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _clean(self, settings: WorkerSettings) -> None:
        """Delete the run's topics, views and files: a demo leaves nothing."""
        if os.environ.get("CHAKONG_DEMO_KEEP"):
            return
        await asyncio.to_thread(wipe, settings)
        shutil.rmtree(self.deployment.folder, ignore_errors=True)


class Force:
    """Waits until everything that is in ``orders`` is in force everywhere."""

    def __init__(self, settings: WorkerSettings, client: redis.asyncio.Redis, hasher: KeyHasher) -> None:
        self._settings = settings
        self._index = RedisIndex(client, hasher, settings.redis.namespace)
        self._leases = Leases(client, settings.redis.namespace)

    async def wait(self) -> float:
        """The time (of ``time.time``) from which all was in force everywhere."""
        ends = await asyncio.to_thread(_ends, self._settings, ORDERS)
        while True:
            try:
                live = await self._leases.live()
                everywhere = in_force_everywhere([lease.applied for lease in live.values()], await self._index.positions())
            except RedisError:  # a test has taken Redis away for a while
                everywhere = {}
            if all(everywhere.get(partition, 0) >= end for partition, end in ends.items()):
                return time.time()
            await asyncio.sleep(POLL_S)


def _ends(settings: WorkerSettings, name: str) -> dict[int, int]:
    client = consumer(settings.kafka, "demo")
    try:
        return end_offsets(client, settings.kafka.topic(name), partitions_of(client, settings.kafka, name))
    finally:
        client.close()


class Said(NamedTuple):
    """What receipts say of hits that were not told on their own: their order was released, or their matter tells of them."""

    fenced: set[str]
    held: set[str]


def _said(settings: WorkerSettings) -> Said:
    said = Said(set(), set())
    for receipt in (msgspec.json.decode(record.value() or b"") for record in records(settings.kafka, RECEIPTS)):
        if receipt["step"] == "held":
            said.held.add(receipt["hit_id"])
        elif receipt["step"] == "skipped" and receipt["outcome"] == Reason.ORDER_RELEASED:
            said.fenced.add(receipt["hit_id"])
    return said


def _count(settings: WorkerSettings, name: str) -> int:
    return sum(_ends(settings, name).values())


def percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """p50, p95 and p99 of some latencies, in seconds; zeros where there are none."""
    if not seconds:
        return 0.0, 0.0, 0.0
    ordered = sorted(seconds)
    return tuple(ordered[min(int(len(ordered) * share), len(ordered) - 1)] for share in (0.5, 0.95, 0.99))  # type: ignore[return-value]
