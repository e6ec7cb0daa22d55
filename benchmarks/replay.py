"""``chakong bench replay``: seconds and memory to explain a past sighting over so many records of ``orders``.

In turn, each in a process of its own: reading the topic with nothing done, and a replay, which reads it, finds the orders that
ever held a key of the sighting, and judges them. And the door's way: its process started, asked and answered.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import multiprocessing
import os
import resource
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final, NamedTuple
from unittest import mock

import click
from rich.console import Console
from rich.table import Table

from benchmarks.machine import keep
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.through import BULK, Through
from connectors.kafka.topics import ORDERS, ensure_topics
from connectors.redis.settings import RedisSettings
from deploy.local import stack
from deploy.local.deployment import Deployment
from matchers.sighting import read_sighting
from stream import machine_code
from stream.local import project_root, settings_of, wipe
from stream.services.replay_process import ReplayProcess
from stream.services.replaying import Replaying
from synthetic.world import World
from watchlists.policy import Policy
from watchlists.rules import History

SEED: Final = 23
RELEASED_EVERY: Final = 10
"""One record in so many is the release of an earlier order."""
DOOR_S_MAX: Final = 120.0
DOOR_MEMORY_MB: Final = 4096


class Spent(NamedTuple):
    """Seconds by the clock and of the process's processors, and the most memory that it ever held."""

    wall_s: float
    cpu_s: float
    peak_mb: float


class Asked(NamedTuple):
    """What a process needs to replay: where Kafka and Redis are, and the sighting."""

    kafka: KafkaSettings
    redis: RedisSettings
    sighting: bytes
    at: dt.datetime
    records: int


@click.command()
@click.option("--records", default=1_000_000, show_default=True, type=click.IntRange(1000))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
def replay(records: int, rounds: int) -> None:
    """Explain a past sighting over so many records of orders, against reading them with nothing done."""
    console, root = Console(), project_root()
    machine_code.ensure()
    prefix = f"bench-replay-{uuid.uuid4().hex[:8]}-"
    deployment = Deployment(root / ".local" / "deployments" / prefix.rstrip("-"), stack.up(root, console.print), prefix)
    deployment.prepare()
    settings = settings_of(deployment)
    try:
        ensure_topics(settings.kafka)
        world = World(SEED, orders=records - records // RELEASED_EVERY, at=dt.datetime.now(dt.UTC))
        with console.status(f"Storing {records:,} records of orders"):
            asyncio.run(_store(settings.kafka, world, records))
        sighting = next(one for one in world.sightings(10_000, hit_ratio=0.2) if one.expected).value
        asked = Asked(settings.kafka, settings.redis, sighting, dt.datetime.now(dt.UTC), records)
        spent: dict[str, list[Spent]] = {"reading, nothing done": [], "replay": []}
        door: list[float] = []
        for _ in range(rounds):
            with console.status("Reading"):
                spent["reading, nothing done"].append(_apart(_read, asked))
            with console.status("Replaying"):
                spent["replay"].append(_apart(_replay, asked))
            with console.status("Replaying, by the door's process"), mock.patch.dict(os.environ, deployment.environment()):
                door.append(asyncio.run(_door(asked)))
    finally:
        wipe(settings)
    result: dict[str, Any] = {name: _figures(of) for name, of in spent.items()}
    result["the door's process"] = {"seconds": statistics.median(door), "least": min(door), "most": max(door)}
    console.print(_table(result, records))
    busy = round(os.getloadavg()[2], 1)
    kept = {"records": records, "rounds": rounds, "load_average_15_min": busy, "results": result}
    console.print(f"Kept in {keep('replay', kept)}")


async def _store(kafka: KafkaSettings, world: World, count: int) -> None:
    records = Records(kafka, "bench", linger_ms=20)
    await records.send_all(_records(world, count))
    await asyncio.to_thread(records.close)


def _records(world: World, count: int) -> Iterator[Record]:
    """Orders, and now and then the release of one that came long before."""
    placed = world.orders()
    for number in range(count):
        releases = number % RELEASED_EVERY == RELEASED_EVERY - 1
        record = world.release(number // 2 + 1) if releases else next(placed)
        yield Record(ORDERS, record.key, record.value)


def _apart(run: Callable[[Asked], None], asked: Asked) -> Spent:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_spent, run, asked).result()


def _spent(run: Callable[[Asked], None], asked: Asked) -> Spent:
    machine_code.prepare()
    wall, cpu = time.monotonic(), time.process_time()
    run(asked)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return Spent(time.monotonic() - wall, time.process_time() - cpu, peak)


def _read(asked: Asked) -> None:
    log = Through(asked.kafka, ORDERS, "replay", **BULK)
    read = sum(len(fetched) for fetched in log.read(*log.window()))
    log.close()
    if read != asked.records:
        raise RuntimeError(f"the topic holds {read} records, not {asked.records}")


def _replay(asked: Asked) -> None:
    policy = Policy.national()
    replaying = Replaying(asked.kafka, asked.redis, History(policy))
    past = asyncio.run(replaying.past(read_sighting(asked.sighting), asked.at))
    if not past.orders or not past.agrees:
        raise RuntimeError("the replay did not find the order that the sighting is about")


async def _door(asked: Asked) -> float:
    began = time.monotonic()
    seen = read_sighting(asked.sighting)
    question = {"sighting": seen.fields, "at": asked.at}
    if not (await ReplayProcess(DOOR_S_MAX, DOOR_MEMORY_MB).replay(question) or {}).get("orders"):
        raise RuntimeError("the door's process did not find the order that the sighting is about")
    return time.monotonic() - began


def _figures(spent: list[Spent]) -> dict[str, float]:
    """The median of the rounds, the least and the most."""
    seconds = [one.wall_s for one in spent]
    return {
        "seconds": statistics.median(seconds),
        "least": min(seconds),
        "most": max(seconds),
        "cpu_seconds": statistics.median(one.cpu_s for one in spent),
        "peak_mb": max(one.peak_mb for one in spent),
    }


def _table(result: dict[str, dict[str, float]], records: int) -> Table:
    table = Table(title=f"{records:,} records of orders")
    for column in ("", "seconds", "least", "most", "processor", "memory, MB"):
        table.add_column(column, justify="right" if column else "left")
    for name, figures in result.items():
        shown = [f"{figures[key]:.2f}" for key in ("seconds", "least", "most")]
        more = [f"{figures[key]:.{digits}f}" if key in figures else "—" for key, digits in (("cpu_seconds", 2), ("peak_mb", 0))]
        table.add_row(name, *shown, *more)
    return table
