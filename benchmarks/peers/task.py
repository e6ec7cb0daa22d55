"""What every peer is told and what it answers: the one interface between the race and whoever runs in it.

    <python> -m benchmarks.peers.<module> TASK.json

A peer reads its task, consumes exactly ``count`` records of ``topics`` from their beginning under a group of its own, produces
a record to ``hits_topic`` for each hit, writes its result and ends. Peers in other languages do the same.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from pathlib import Path
from typing import Final

import msgspec

FETCHING: Final = {"fetch.min.bytes": 32_768, "fetch.wait.max.ms": 10, "fetch.queue.backoff.ms": 5}
"""How the engine has its client fetch, and so whoever can here: left to itself librdkafka is half as fast."""
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class Task(msgspec.Struct, frozen=True):
    """One run of one peer.

    ``keys`` and ``orders`` are files as ``benchmarks.peers.keys`` has them; under ``namespace`` Redis holds the former, for
    those that ask ``redis``. Groups, application ids and topics of a peer's own begin with ``namespace``, so that they are
    found and deleted afterwards. ``result`` is where the answer goes. ``there`` records of ``count`` are in the topics at the
    start, and the rest comes while the peer runs: whoever wants to warm up may read that many before it begins, and no more.
    """

    name: str
    bootstrap: str
    topics: list[str]
    hits_topic: str
    count: int
    there: int
    keys: str
    orders: str
    redis: str | None
    namespace: str
    result: str

    def group(self) -> str:
        """A consumer group that has never been."""
        return f"{self.namespace}-{self.name}-{uuid.uuid4().hex[:8]}"


class Answer(msgspec.Struct, frozen=True):
    """What a peer measured of itself: ``seconds`` and ``cpu_seconds`` (all threads) from the first record to the last."""

    sightings: int
    unreadable: int
    seconds: float
    cpu_seconds: float
    resident_mb: float


class HitRecord(msgspec.Struct, frozen=True):
    """A record of ``hits_topic``: the pair that was found."""

    order_id: str
    station_code: str
    sighting_id: str


class Meter:
    """Times one run, from ``start`` with the first record to ``stop`` after the last."""

    def __init__(self) -> None:
        self._wall = self._cpu = 0.0
        self._seconds = self._cpu_seconds = 0.0

    def start(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        self._seconds, self._cpu_seconds = time.perf_counter() - self._wall, time.process_time() - self._cpu

    def answer(self, task: Task, sightings: int, unreadable: int) -> None:
        """Write the result, whole or not at all."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        answer = Answer(sightings, unreadable, self._seconds, self._cpu_seconds, pages * PAGE_BYTES / 1e6)
        draft = Path(task.result).with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(answer))
        draft.replace(task.result)


def read_task(argv: list[str] = sys.argv) -> Task:
    """The task whose file is the first argument."""
    return msgspec.json.decode(Path(argv[1]).read_bytes(), type=Task)
