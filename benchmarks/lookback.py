"""``chakong bench lookback``: sightings a second of one core in a pass, against live screening in the same run.

The topics are filled beforehand, then read from their beginning in turn: by a pass that seeks so many orders, and by live
screening whose filter holds as many; each as the engine runs it, through Kafka, in this process. Counted are the processor's
seconds of the whole process: librdkafka's threads, too. The broker's are not.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import statistics
import time
import uuid
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from typing import Any, Final, NamedTuple

import click
from confluent_kafka import Producer
from rich.console import Console
from rich.table import Table

from benchmarks.machine import keep
from benchmarks.race.ground import Ground as Topics
from connectors.kafka.records import Record, Records, put
from connectors.kafka.topics import ORDERS, ensure_topics
from deploy.local import stack
from deploy.local.deployment import Deployment
from matchers.keys import KeyHasher
from stream import machine_code
from stream.core.lookback import Pass
from stream.interpreter import settle
from stream.local import project_root, settings_of, wipe
from stream.services.follower import OrderFollower
from stream.services.lookback_ground import Ground
from stream.services.lookback_search import Search
from stream.services.screening import Screening
from stream.settings import WorkerSettings
from synthetic.crowd import SyntheticSighting
from synthetic.world import World
from watchlists.order import Order, read_order

SEED: Final = 11
DISTINCT: Final = 200_000
"""Sightings that are made; the topic repeats them."""
EVER: Final = dt.datetime.fromtimestamp(0, dt.UTC)
POLL_S: Final = 0.005


class Spent(NamedTuple):
    """One reading of all sightings: seconds by the clock, and of processors."""

    wall_s: float
    cpu_s: float


@click.command()
@click.option("--sightings", default=4_000_000, show_default=True, type=click.IntRange(1000))
@click.option("--orders", default=10_000, show_default=True, type=click.IntRange(1))
@click.option("--hit-ratio", default=1e-5, show_default=True, type=click.FloatRange(0, 1))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
def lookback(sightings: int, orders: int, hit_ratio: float, rounds: int) -> None:
    """Sightings a second a core in a pass, against live screening."""
    console, root = Console(), project_root()
    machine_code.ensure()
    machine_code.prepare()
    prefix = f"bench-lookback-{uuid.uuid4().hex[:8]}-"
    deployment = Deployment(root / ".local" / "deployments" / prefix.rstrip("-"), stack.up(root, console.print), prefix)
    deployment.prepare()
    settings = settings_of(deployment)
    try:
        ensure_topics(settings.kafka)
        with console.status(f"Filling the topics with {sightings:,} sightings"):
            world = World(SEED, orders=orders, at=dt.datetime.now(dt.UTC))
            made = list(world.sightings(min(sightings, DISTINCT), hit_ratio=hit_ratio))
            _fill(settings, made, sightings)
            placed = [record.value for record in world.orders()]
            asyncio.run(_place(settings, placed))
        runs = {"pass": _pass(settings, placed, sightings), "live screening": _screening(settings, sightings)}
        settle()
        spent: dict[str, list[Spent]] = {name: [] for name in runs}
        for _ in range(rounds):
            for name, run in runs.items():
                with console.status(f"Reading: {name}"):
                    spent[name].append(run())
    finally:
        wipe(settings)
    result = {name: _figures(of, sightings) for name, of in spent.items()}
    console.print(_table(result, sightings, orders))
    kept = {"sightings": sightings, "orders": orders, "hit_ratio": hit_ratio, "rounds": rounds, "results": result}
    console.print(f"Kept in {keep('lookback', kept)}")


def _fill(settings: WorkerSettings, made: Sequence[SyntheticSighting], count: int) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "linger.ms": 50, "batch.size": 1 << 19, "acks": "1"})
    for sighting in islice(cycle(made), count):
        put(producer, settings.kafka.topic(sighting.topic), sighting.value, sighting.key)
    producer.flush()


async def _place(settings: WorkerSettings, placed: Sequence[bytes]) -> None:
    records = Records(settings.kafka, "bench", linger_ms=5)
    await records.send_all(Record(ORDERS, None, value) for value in placed)
    records.close()


def _pass(settings: WorkerSettings, placed: Sequence[bytes], count: int) -> Callable[[], Spent]:
    hasher = KeyHasher(settings.secret())
    orders = [order for order in map(read_order, placed) if isinstance(order, Order)]
    keys = {hasher.hash_key(key) for order in orders for key in order.keys()}

    def run() -> Spent:
        ground, records = Ground(settings.kafka), Records(settings.kafka, "bench")
        now = dt.datetime.now(dt.UTC)
        under_way = Pass({}, now, now, len(orders), ground.stretches(EVER, ground.ends()))
        if under_way.total != count:
            raise RuntimeError(f"the topics hold {under_way.total} sightings, not {count}")
        began = Spent(time.monotonic(), time.process_time())
        search = Search(settings, hasher, records, keys, under_way)
        while not search.is_done:
            search.step()
        search.settle()
        spent = Spent(time.monotonic() - began.wall_s, time.process_time() - began.cpu_s)
        search.close()
        records.close()
        ground.close()
        return spent

    return run


def _screening(settings: WorkerSettings, count: int) -> Callable[[], Spent]:
    hasher = KeyHasher(settings.secret())
    topics = Topics(settings.kafka.bootstrap, settings.kafka.topic_prefix)

    def run() -> Spent:
        topics.delete_group(settings.kafka.group("screen"))
        records, follower = Records(settings.kafka, "bench"), OrderFollower(settings, hasher)
        follower.start()
        while follower.behind_s() == float("inf"):
            time.sleep(POLL_S)
        began = Spent(time.monotonic(), time.process_time())
        screening = Screening(settings, hasher, follower, records, lambda _: True)
        screening.start()
        while screening.screened < count and screening.failure is None:
            time.sleep(POLL_S)
        spent = Spent(time.monotonic() - began.wall_s, time.process_time() - began.cpu_s)
        screening.stop()
        follower.stop()
        records.close()
        if screening.failure is not None:
            raise screening.failure
        return spent

    return run


def _figures(spent: Sequence[Spent], count: int) -> dict[str, Any]:
    """The median, least and most of the rounds."""
    a_core = sorted(count / one.cpu_s for one in spent)
    return {
        "sightings_a_second_a_core": statistics.median(a_core),
        "least": a_core[0],
        "most": a_core[-1],
        "sightings_a_second": statistics.median(count / one.wall_s for one in spent),
    }


def _table(result: dict[str, dict[str, Any]], count: int, orders: int) -> Table:
    table = Table(title=f"{count:,} sightings, {orders:,} orders")
    for column in ("", "sightings a second a core", "least", "most", "a second"):
        table.add_column(column, justify="right" if column else "left")
    for name, figures in result.items():
        table.add_row(name, *(f"{figure:,.0f}" for figure in figures.values()))
    return table


def main() -> None:
    """Run on its own: python -m benchmarks.lookback"""
    lookback()


if __name__ == "__main__":
    main()
