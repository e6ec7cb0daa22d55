"""Running the engine: workers as any deployment has them, watched from outside.

Progress is what the group ``screen`` has committed, so a sighting counts once its maybes are durable; a run has ended when all
is committed and the last hit is stored. Time begins with the first commit after all workers screen.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.machine import cpu_seconds, resident_mb
from benchmarks.race.commits import RESOLVING, SCREENING, Progress, Watch
from benchmarks.race.course import Advance, Course, Filled
from benchmarks.race.figures import Round
from benchmarks.race.ground import Ends, Ground
from benchmarks.race.judge import Pair
from benchmarks.race.runs import ContestError, Outcome, Started
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import CANDIDATES, DEADLETTERS, HITS, ORDERS, ensure_topics
from connectors.redis.client import connect
from deploy.local.addresses import Addresses
from deploy.local.deployment import Deployment
from deploy.local.process import Process
from matchers.keys import KeyHasher
from matchers.sighting import SIGHTING_TOPICS
from stream.demo.run import Force
from stream.local import settings_of, wait_for_workers, wipe

HITS_S_MAX: Final = 30.0
IDLE_S_MAX: Final = 300.0
READY_S_MAX: Final = 60.0
_POLL_S: Final = 0.1
_HITS_POLL_S: Final = 0.5


class _Id(msgspec.Struct):
    id: str


class _Station(msgspec.Struct):
    code: str


class _Seen(msgspec.Struct):
    id: str
    station: _Station


class _Hit(msgspec.Struct):
    order_id: str
    sighting: _Seen


class _Letter(msgspec.Struct):
    topic: str
    partition: int
    offset: int


def pair_of_hit(value: bytes) -> Pair:
    """The pair in a record of the topic ``hits``."""
    hit = msgspec.json.decode(value, type=_Hit)
    return Pair(hit.order_id, hit.sighting.station.code, hit.sighting.id)


class Engine:
    """The deployment that the race's engine contestants share: its topics begin with the race's prefix, its orders are placed
    once.
    """

    def __init__(self, root: Path, addresses: Addresses, ground: Ground) -> None:
        self.ground = ground
        folder = root / ".local" / "deployments" / ground.prefix.rstrip("-")
        self.deployment = Deployment(folder, addresses, ground.prefix)
        self.deployment.prepare()
        self.settings = settings_of(self.deployment)
        self.workers: list[Process] = []
        self.starts_s: list[float] = []

    @property
    def kafka(self) -> KafkaSettings:
        return self.settings.kafka

    def place(self, course: Course, advance: Advance) -> float:
        """Place every order with one worker and wait until all are in force; the seconds that took."""
        self.ground.make([HITS], self.kafka.partitions, broker_time=True)
        ensure_topics(self.kafka)
        self.start(1)
        try:
            return asyncio.run(self._place(course, advance))
        finally:
            self.stop()
            self.starts_s.clear()  # the others begin with every order in place

    def start(self, workers: int) -> None:
        """Start workers and return when all of them screen; ``starts_s`` notes the seconds."""
        began = time.monotonic()
        self.workers = [self.deployment.start_worker(number, CHAKONG_LOOKBACK_HOURS="0") for number in range(1, workers + 1)]
        wait_for_workers(self.deployment, self.workers, lambda _: None)
        self.starts_s.append(time.monotonic() - began)

    def stop(self) -> None:
        """Stop what runs."""
        for worker in self.workers:
            worker.stop()
        self.workers = []

    def clean(self) -> None:
        """Stop the workers and delete topics, views and files."""
        self.stop()
        wipe(self.settings)
        shutil.rmtree(self.deployment.folder, ignore_errors=True)

    def unreadable(self, start: Ends) -> int:
        """Sightings that were buried since the dead letters were as far as ``start``, each once."""
        letters = (
            msgspec.json.decode(stored.value, type=_Letter) for stored in self.ground.read(self.kafka.topic(DEADLETTERS), start)
        )
        sightings = {self.kafka.topic(name) for name in SIGHTING_TOPICS}
        return len({(one.topic, one.partition, one.offset) for one in letters if one.topic in sightings})

    def pids(self) -> list[int]:
        """The workers' processes.

        Raises:
            ContestError: one has ended.
        """
        pids = [pid for worker in self.workers if (pid := worker.pid()) is not None]
        if len(pids) < len(self.workers):
            raise ContestError(f"a worker ended. {self.workers[0].log_tail()}")
        return pids

    def cpu_seconds(self) -> float:
        """CPU seconds that the workers have used so far, with their screeners."""
        return sum(cpu_seconds(pid) for worker in self.workers if (pid := worker.pid()) is not None)

    def wait_until_idle(self) -> None:
        """Return when the workers have nothing left to do.

        Raises:
            ContestError: they still have, or one has ended.
        """
        ends_at = time.monotonic() + IDLE_S_MAX
        for group, topics in ((SCREENING, SIGHTING_TOPICS), (RESOLVING, (CANDIDATES,)), (RESOLVING, (HITS,))):
            with Progress(self.kafka, group, topics) as progress:
                while left := progress.lag():
                    self.pids()
                    if time.monotonic() > ends_at:
                        raise ContestError(f"{left} records of {' '.join(topics)} were left after {IDLE_S_MAX:.0f} s")
                    time.sleep(_POLL_S)

    async def _place(self, course: Course, advance: Advance) -> float:
        began = time.monotonic()
        records = Records(self.kafka, "race-orders", linger_ms=5)
        client = connect(self.settings.redis)
        try:
            await records.send_all(_orders(course.orders, advance))
            await Force(self.settings, client, KeyHasher(self.settings.secret())).wait()
        finally:
            await client.aclose()
            records.close()
        return time.monotonic() - began


def _orders(file: Path, advance: Advance) -> Iterator[Record]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            raw = line.rstrip(b"\n")
            yield Record(ORDERS, msgspec.json.decode(raw, type=_Id).id.encode(), raw)
            if number % 1000 == 0:
                advance(1000)


class EngineRunner:
    """Runs the engine with a number of workers."""

    def __init__(self, engine: Engine, workers: int) -> None:
        self._engine, self._workers = engine, workers

    def rate(self, filled: Filled, number: int) -> Outcome:  # noqa: ARG002 - every round is like the first
        engine = self._engine
        engine.ground.delete_group(engine.kafka.group(SCREENING))
        hits_topic, dead_topic = (engine.kafka.topic(name) for name in (HITS, DEADLETTERS))
        hits_from, dead_from = engine.ground.ends(hits_topic), engine.ground.ends(dead_topic)
        watch = Watch(engine.kafka, filled.count, engine.pids, engine.cpu_seconds)
        try:
            watch.start()
            engine.start(self._workers)
            ready_at = self._all_read()
            watch.wait()
            pairs, last_ms = self._hits(filled, hits_topic, hits_from)
            resident = sum(map(resident_mb, engine.pids()))
        finally:
            watch.stop()
            engine.stop()
        first, last = watch.span(ready_at, last_ms / 1000)
        unreadable = engine.unreadable(dead_from)
        measured = Round(last.done - first.done, last.at - first.at, last.cpu - first.cpu, resident, len(pairs), unreadable)
        return Outcome(measured, pairs)

    def start(self, count: int, send_first: Callable[[Callable[[str], str]], int]) -> Started:  # noqa: ARG002 - it never ends
        engine = self._engine
        dead_from = engine.ground.ends(engine.kafka.topic(DEADLETTERS))
        hits_from = engine.ground.ends(engine.kafka.topic(HITS))
        engine.start(self._workers)
        send_first(engine.kafka.topic)
        return Started(
            engine.kafka.topic, engine.kafka.topic(HITS), hits_from, pair_of_hit, lambda: self._finish(dead_from), engine.stop
        )

    def _all_read(self) -> float:
        """Wait until every worker has partitions; the time (of ``time.time``) from which that was so.

        One alone has them as soon as it screens, perhaps before that was noticed here: then it counts from its first commit.
        """
        if self._workers == 1:
            return 0.0
        ends_at = time.monotonic() + READY_S_MAX
        while self._engine.ground.readers(self._engine.kafka.group(SCREENING)) < self._workers:
            self._engine.pids()
            if time.monotonic() > ends_at:
                raise ContestError(f"not all workers had partitions within {READY_S_MAX:.0f} s")
            time.sleep(_POLL_S)
        return time.time()

    def _hits(self, filled: Filled, topic: str, start: Ends) -> tuple[frozenset[Pair], int]:
        """The pairs found, once as many as are due have come or none came any more; and when the last was stored."""
        ends_at = time.monotonic() + HITS_S_MAX
        while True:
            stored = self._engine.ground.read(topic, start)
            pairs = frozenset(pair_of_hit(record.value) for record in stored)
            if pairs >= filled.truth.pairs or time.monotonic() > ends_at:
                return pairs, max((record.at_ms for record in stored), default=0)
            time.sleep(_HITS_POLL_S)

    def _finish(self, dead_from: Ends) -> int:
        """Wait until everything is screened, resolved and delivered: no run is to find what another left."""
        self._engine.wait_until_idle()
        return self._engine.unreadable(dead_from)
