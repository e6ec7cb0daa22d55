"""``chakong bench screening``: one worker against a stock Faust agent, on the same topics of a real Kafka, in one run.

The topics are filled beforehand, so no producer competes. Both decode each sighting's JSON and ask for the membership of its
keys; the engine also canonicalises them, produces what may hit, and commits after it. Cold start and memory are the
worker's with all orders in place.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from confluent_kafka import Producer, TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks.machine import cpu_seconds, keep, resident_mb
from connectors.kafka.clients import consumer, partitions_of
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import ORDERS
from connectors.redis.client import connect
from deploy.local import stack
from deploy.local.addresses import Addresses
from deploy.local.deployment import Deployment
from deploy.local.process import Process
from matchers.keys import KeyHasher
from matchers.sighting import SIGHTING_TOPICS
from stream.demo.run import Force
from stream.local import project_root, settings_of, wait_for_workers, wipe
from stream.settings import WorkerSettings
from synthetic.world import World
from watchlists.glance import glance

STOCK_SECONDS_MAX: Final = 600


@click.command()
@click.option("--orders", default=1_000_000, show_default=True, type=click.IntRange(1000))
@click.option("--sightings", default=2_000_000, show_default=True, type=click.IntRange(10_000))
@click.option(
    "--stock-sightings", default=150_000, show_default=True, type=click.IntRange(1000), help="The stock agent's share."
)
@click.option("--hit-ratio", default=1e-4, show_default=True, type=float)
@click.option("--dirtiness", default=0.0, show_default=True, type=float)
def screening(orders: int, sightings: int, stock_sightings: int, hit_ratio: float, dirtiness: float) -> None:
    """Screen through a real Kafka: one worker against a stock Faust agent."""
    console = Console()
    root = project_root()
    addresses = stack.up(root, console.print)
    bench = _Bench(root, addresses, console.print)
    try:
        result = bench.run(orders, sightings, min(stock_sightings, sightings), hit_ratio, dirtiness)
    finally:
        bench.clean()
    _show(console, result)
    console.print(f"Kept in {keep('screening', result)}")


class _Bench:
    def __init__(self, root: Path, addresses: Addresses, say: Callable[[str], None]) -> None:
        prefix = f"bench-{int(time.time())}-"
        self._say, self._addresses = say, addresses
        self._deployment = Deployment(root / ".local" / "deployments" / prefix.rstrip("-"), addresses, prefix)
        self._deployment.prepare()
        self._settings: WorkerSettings = settings_of(self._deployment)
        self._worker: Process | None = None

    def run(self, orders: int, sightings: int, stock: int, hit_ratio: float, dirtiness: float) -> dict[str, Any]:
        world = World(7, orders=orders, at=dt.datetime.now(dt.UTC))
        self._start()
        orders_s = asyncio.run(self._place(world))
        self._say(f"{orders:,} orders in force everywhere after {orders_s:.1f} s (making them included)")
        self._stop()
        keys = self._keys_file(world)
        bytes_each = self._fill(world, sightings, hit_ratio, dirtiness)
        began = time.monotonic()
        self._start()
        cold_s = time.monotonic() - began
        engine = self._engine(sightings)
        engine |= {"cold_start_seconds": cold_s, "orders_seconds": orders_s}
        self._stop()
        stock_result = self._stock(keys, stock)
        return {
            "orders": orders,
            "sighting_bytes": round(bytes_each),
            "hit_ratio": hit_ratio,
            "dirtiness": dirtiness,
            "engine": engine,
            "stock_faust": stock_result,
            "ratio_of_rates": engine["sightings_a_second"] / stock_result["sightings_a_second"],
            "ratio_of_cpu": stock_result["cpu_us_a_sighting"] / engine["cpu_us_a_sighting"],
        }

    def clean(self) -> None:
        self._stop()
        wipe(self._settings)
        shutil.rmtree(self._deployment.folder, ignore_errors=True)

    def _start(self) -> None:
        self._worker = self._deployment.start_worker()
        wait_for_workers(self._deployment, [self._worker], lambda _: None)

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    async def _place(self, world: World) -> float:
        began = time.monotonic()
        records = Records(self._settings.kafka, "bench-orders", linger_ms=5)
        await records.send_all(Record(ORDERS, record.key, record.value) for record in world.orders())
        client = connect(self._settings.redis)
        try:
            await Force(self._settings, client, KeyHasher(self._settings.secret())).wait()
        finally:
            await client.aclose()
            records.close()
        return time.monotonic() - began

    def _keys_file(self, world: World) -> Path:
        """Every identifier that an order names: the stock agent's set."""
        values = sorted({key.value for record in world.orders() for key in _keys(record.value)})
        path = self._deployment.folder / "keys.json"
        path.write_text(json.dumps(values), "utf-8")
        return path

    def _fill(self, world: World, sightings: int, hit_ratio: float, dirtiness: float) -> float:
        self._say(f"Filling the topics with {sightings:,} sightings")
        producer = Producer({"bootstrap.servers": self._addresses.kafka, "linger.ms": 20, "batch.size": 1 << 20, "acks": "1"})
        size = 0
        for sighting in world.sightings(sightings, hit_ratio=hit_ratio, dirtiness=dirtiness):
            size += len(sighting.value)
            while True:
                try:
                    producer.produce(self._settings.kafka.topic(sighting.topic), sighting.value, sighting.key)
                except BufferError:
                    producer.poll(0.1)
                else:
                    break
        producer.flush(120)
        return size / sightings

    def _engine(self, sightings: int) -> dict[str, Any]:
        """From the first commit that is seen to the last: sightings, seconds, CPU seconds of the whole process."""
        if self._worker is None or (pid := self._worker.pid()) is None:
            raise RuntimeError("the worker ended")
        client = consumer(self._settings.kafka, "screen")
        places = [
            TopicPartition(self._settings.kafka.topic(name), partition)
            for name in SIGHTING_TOPICS
            for partition in partitions_of(client, self._settings.kafka, name)
        ]
        first: tuple[int, float, float] | None = None
        while True:
            done = sum(max(place.offset, 0) for place in client.committed(places, timeout=10))
            now, cpu = time.monotonic(), cpu_seconds(pid)
            if first is None and done:
                first = (done, now, cpu)
            if first is not None and done >= sightings:
                break
            time.sleep(0.02)
        client.close()
        count, seconds, spent = done - first[0], now - first[1], cpu - first[2]
        return {
            "sightings": count,
            "seconds": seconds,
            "sightings_a_second": count / seconds,
            "cpu_us_a_sighting": spent / count * 1e6,
            "resident_mb": resident_mb(pid),
        }

    def _stock(self, keys: Path, count: int) -> dict[str, Any]:
        self._say(f"A stock Faust agent on the same topics, {count:,} sightings")
        names = ",".join(self._settings.kafka.topic(name) for name in SIGHTING_TOPICS)
        answer = self._deployment.folder / "stock_faust.json"
        subprocess.run(
            [sys.executable, "-m", "benchmarks.stock_faust", self._addresses.kafka, names, str(keys), str(count), str(answer)],
            stdout=subprocess.DEVNULL,
            timeout=STOCK_SECONDS_MAX,
            check=True,
        )
        result: dict[str, Any] = json.loads(answer.read_text("utf-8"))
        result["sightings_a_second"] = result["sightings"] / result["seconds"]
        result["cpu_us_a_sighting"] = result["cpu_seconds"] / result["sightings"] * 1e6
        return result


def _keys(raw: bytes) -> list[Any]:
    order = glance(raw)
    return list(order.keys()) if hasattr(order, "keys") else []


def _show(console: Console, result: dict[str, Any]) -> None:
    table = Table(title=f"Screening, {result['orders']:,} orders, {result['sighting_bytes']} bytes a sighting")
    for column in ("", "sightings/s", "CPU µs a sighting (all threads)"):
        table.add_column(column, justify="left" if not column else "right")
    for name, key in (("Chakong, one worker", "engine"), ("a stock Faust agent", "stock_faust")):
        table.add_row(name, f"{result[key]['sightings_a_second']:,.0f}", f"{result[key]['cpu_us_a_sighting']:.2f}")
    table.add_row("ratio", f"{result['ratio_of_rates']:.1f}", f"{result['ratio_of_cpu']:.1f}")
    console.print(table)
    engine = result["engine"]
    console.print(
        f"Worker with {result['orders']:,} orders: {engine['resident_mb']:.0f} MB resident, screening"
        f" {engine['cold_start_seconds']:.1f} s after its start."
    )
