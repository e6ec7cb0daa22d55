"""Who runs, in the order of the table."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from deploy.local.addresses import Report

Kind = Literal["engine", "python", "jvm", "limit"]
Command = Callable[[Path, Path, Report], list[str]]
"""(the peers' interpreter, the task's file, report) -> the command line."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One of those compared. ``slow`` ones get the small set of sightings; ``asks_redis`` ones find the keys in Redis."""

    name: str
    title: str
    kind: Kind
    workers: int = 1
    command: Command | None = None
    slow: bool = False
    asks_redis: bool = False

    @property
    def decides(self) -> bool:
        """Whether it does the job: the limit looks at nothing."""
        return self.kind != "limit"


def _peer(module: str) -> Command:
    return lambda python, task, _: [str(python), "-m", f"benchmarks.peers.{module}", str(task)]


def _limit(_: Path, task: Path, _report: Report) -> list[str]:
    """In the engine's own environment, since it is the engine's client whose limit this is."""
    return [sys.executable, "-m", "benchmarks.peers.limit", str(task)]


def _kafka_streams(_: Path, task: Path, report: Report) -> list[str]:
    build = importlib.import_module("benchmarks.peers.kafka_streams.build")
    command: list[str] = build.command(task, report)
    return command


CONTESTANTS: Final = (
    Contestant("chakong-1", "Chakong, one worker", "engine"),
    Contestant("chakong-2", "Chakong, two workers", "engine", workers=2),
    Contestant("faust-redis", "Faust agent, Redis", "python", command=_peer("faust_redis"), slow=True, asks_redis=True),
    Contestant(
        "faust-pybloom", "Faust agent, pybloom-live", "python", command=_peer("faust_pybloom"), slow=True, asks_redis=True
    ),
    Contestant("faust-take", "Faust agent, take(1000)", "python", command=_peer("faust_take"), slow=True, asks_redis=True),
    Contestant("bytewax", "Bytewax, dict", "python", command=_peer("bytewax_dict")),
    Contestant("quix", "Quix Streams, dict", "python", command=_peer("quix")),
    Contestant("kafka-python", "kafka-python loop, dict", "python", command=_peer("kafka_python")),
    Contestant("kafka-streams", "Kafka Streams (JVM), hash map", "jvm", command=_kafka_streams),
    Contestant("limit", "the limit: consume and throw away", "limit", command=_limit),
)
