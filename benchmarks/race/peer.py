"""Running a peer: a process of its own that is given a task and leaves an answer."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.peers.task import Answer, HitRecord, Task
from benchmarks.race.contestants import Contestant
from benchmarks.race.course import Course, Filled
from benchmarks.race.figures import Round
from benchmarks.race.ground import Ground
from benchmarks.race.judge import Pair
from benchmarks.race.runs import ContestError, Outcome, Started
from deploy.local.addresses import Addresses, Report
from matchers.sighting import SIGHTING_TOPICS

RUN_S_MAX: Final = 900.0
FINISH_S_MAX: Final = 120.0
_POLL_S: Final = 0.05
_STOP_S: Final = 10.0
_LOG_SHOWN: Final = 1500


def pair_of_peer(value: bytes) -> Pair:
    """The pair in a record of a peer's hits topic."""
    hit = msgspec.json.decode(value, type=HitRecord)
    return Pair(hit.order_id, hit.station_code, hit.sighting_id)


class PeerRunner:
    """Runs one peer. Its process gets a folder of its own below ``folder``, which holds its task, its answer and its log."""

    def __init__(
        self, peer: Contestant, course: Course, ground: Ground, addresses: Addresses, folder: Path, root: Path, python: Path
    ) -> None:
        self._peer, self._course, self._ground, self._addresses = peer, course, ground, addresses
        self._folder, self._root, self._python = folder, root, python

    def prepare(self, report: Report) -> None:
        """Have everything that its command needs, before any clock runs."""
        self._command(Path("TASK.json"), report)

    def rate(self, filled: Filled, number: int) -> Outcome:
        run = _Run(self, f"{self._peer.name}-{number}", list(filled.topics), filled.count, filled.count)
        try:
            answer = run.answer(RUN_S_MAX)
        finally:
            run.stop()
        if answer.sightings != filled.count:
            raise ContestError(f"handled {answer.sightings} records of {filled.count}")
        pairs = frozenset(pair_of_peer(stored.value) for stored in self._ground.read(run.hits_topic))
        measured = Round(
            answer.sightings, answer.seconds, answer.cpu_seconds, answer.resident_mb, len(pairs), answer.unreadable
        )
        return Outcome(measured, pairs)

    def start(self, count: int, send_first: Callable[[Callable[[str], str]], int]) -> Started:
        prefix = f"paced-{self._peer.name}-"
        topics = self._ground.make([prefix + name for name in SIGHTING_TOPICS])

        def topic(name: str) -> str:
            return f"{self._ground.prefix}{prefix}{name}"

        there = send_first(topic)
        run = _Run(self, f"{self._peer.name}-paced", topics, count, there)

        def stop() -> None:
            run.stop()
            self._ground.delete(topics)

        return Started(topic, run.hits_topic, {}, pair_of_peer, lambda: run.answer(FINISH_S_MAX).unreadable, stop)

    def spawn(
        self, name: str, topics: list[str], count: int, there: int, hits_topic: str
    ) -> tuple[subprocess.Popen[bytes], Path]:
        """Start the process; it and the file that its answer will be in."""
        folder = self._folder / name
        folder.mkdir(parents=True)
        asks = self._peer.asks_redis
        task = Task(
            name=name,
            bootstrap=self._addresses.kafka,
            topics=topics,
            hits_topic=hits_topic,
            count=count,
            there=there,
            keys=str(self._course.keys),
            orders=str(self._course.orders),
            redis=self._addresses.redis if asks else None,
            namespace=keys_namespace(self._ground.prefix) if asks else self._ground.prefix + name,
            result=str(folder / "answer.json"),
        )
        file = folder / "task.json"
        file.write_bytes(msgspec.json.encode(task))
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                self._command(file, lambda _: None),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(self._root)},
                start_new_session=True,
            )
        return process, Path(task.result)

    @property
    def ground(self) -> Ground:
        return self._ground

    def _command(self, task: Path, report: Report) -> list[str]:
        if self._peer.command is None:
            raise ContestError(f"{self._peer.name} is no peer")
        return self._peer.command(self._python, task, report)


def keys_namespace(prefix: str) -> str:
    """Where in Redis the keys' entries are."""
    return f"{prefix}keys"


class _Run:
    """One process of a peer, from its start to its answer."""

    def __init__(self, runner: PeerRunner, name: str, topics: list[str], count: int, there: int) -> None:
        self._name = name
        (self.hits_topic,) = runner.ground.make([f"hits-{name}"], 1, broker_time=True)
        self._process, self._answer = runner.spawn(name, topics, count, there, self.hits_topic)

    def answer(self, within_s: float) -> Answer:
        """Wait for the answer.

        Raises:
            ContestError: there is none in time, or the process ended without one.
        """
        ends_at = time.monotonic() + within_s
        while True:
            ended = self._process.poll() is not None
            try:
                return msgspec.json.decode(self._answer.read_bytes(), type=Answer)
            except (FileNotFoundError, msgspec.DecodeError):  # not there, or not wholly written
                if ended:
                    raise ContestError(f"ended with {self._process.returncode} and no answer. {self._log_tail()}") from None
            if time.monotonic() > ends_at:
                raise ContestError(f"gave no answer within {within_s:.0f} s. {self._log_tail()}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End the process: it may do so by itself for a while, then it is made to."""
        try:
            self._process.wait(_STOP_S if self._answer.exists() else 0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _log_tail(self) -> str:
        text = (self._answer.parent / "log").read_bytes()[-_LOG_SHOWN:].decode(errors="replace").strip()
        return f"The end of its log: {text}" if text else "Its log is empty."
