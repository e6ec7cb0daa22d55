"""``chakong bench scale``: what a sighting costs as the work grows.

On one core, without Kafka, over the path from a record's bytes to "nobody seeks this": orders, bytes a sighting, keys a
sighting. Through Kafka, with workers as any deployment has them, each point a race of the engine alone, held against the truth:
workers, partitions, and the share of sightings that hit.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.filter import in_batches, random_keys
from benchmarks.machine import keep
from benchmarks.race import environment
from benchmarks.race.contestants import Contestant
from benchmarks.race.course import Plan
from benchmarks.race.race import Race
from deploy.local import stack
from deploy.local.addresses import Addresses
from matchers.batch import SightingReader, Texts
from matchers.keys import KeyHasher
from stream import machine_code
from stream.core.screen import screen
from stream.local import project_root
from synthetic.world import World
from watchlists.bloom import KeyFilter

ORDERS: Final = (10_000, 100_000, 1_000_000, 10_000_000)
SIGHTING_BYTES: Final = (350, 700, 1400, 2800, 5600)
WORKERS: Final = (1, 2, 3)
PARTITIONS: Final = (1, 4, 16)
HIT_RATIOS: Final = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)

KEYS_AN_ORDER: Final = 1.6
BATCH: Final = 8192
RECORDS: Final = 10 * BATCH
ROUNDS: Final = 7
ERROR_RATE: Final = 1e-5
RACE_ORDERS: Final = 20_000
RACE_SIGHTINGS: Final = 600_000
RACE_HITS_MAX: Final = 2_000
SEED: Final = 7

Point = dict[str, float]


@click.command()
@click.option("--kafka/--no-kafka", default=True, show_default=True, help="Measure the points that need one, too.")
def scale(kafka: bool) -> None:
    """What a sighting costs as orders, sightings, hits, workers and partitions grow."""
    console = Console()
    machine_code.ensure()
    with Progress(console=console, transient=True) as progress:
        measured: dict[str, list[Point]] = {
            "orders": [_orders(count) for count in progress.track(ORDERS, description="orders")],
            "sighting_bytes": [_bytes(size) for size in progress.track(SIGHTING_BYTES, description="bytes a sighting")],
            "keys_a_sighting": [_keys(count) for count in progress.track((0, 1, 2, 3), description="keys a sighting")],
        }
        if kafka:
            measured |= _through_kafka(project_root(), progress)
    for name, points in measured.items():
        console.print(_table(name, points))
    path = keep("scale", {"rounds": ROUNDS, "race_orders": RACE_ORDERS, **measured})
    folder = project_root() / "docs" / "images"
    python = environment.provide(project_root(), console.print)
    subprocess.run([str(python), "-m", "benchmarks.scale_chart", str(path), str(folder)], cwd=project_root(), check=True)
    console.print(f"Kept in {path}, drawn in {folder}")
    if any(not point.get("right", True) for points in measured.values() for point in points):
        sys.exit(1)


def _orders(count: int) -> Point:
    keys = int(count * KEYS_AN_ORDER)
    wanted = _filter(keys)
    return {"at": count, **_cost(_records(), wanted), "filter_mb": wanted.bitarray.nbytes / 1e6}


def _bytes(size: int) -> Point:
    return {"at": size, **_cost(_padded(_records(), size), _filter(int(100_000 * KEYS_AN_ORDER)))}


def _keys(count: int) -> Point:
    """Sightings of one kind, whose person or vehicle lacks what would make more keys; none: identifiers of no record."""
    return {"at": count, **_cost(_with_keys(count), _filter(int(100_000 * KEYS_AN_ORDER)))}


def _filter(keys: int) -> KeyFilter:
    return in_batches(KeyFilter(keys, ERROR_RATE, seed=SEED), random_keys(keys, 1))


def _cost(records: Sequence[bytes], wanted: KeyFilter) -> Point:
    """Microseconds of one thread a sighting, from bytes side by side to maybes: median, least and most of the rounds."""
    reader = SightingReader(KeyHasher(b"bench"))
    batches = [Texts.of(records[start : start + BATCH]) for start in range(0, len(records), BATCH)]
    spent = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        for batch in batches:
            screen(batch, reader, wanted)
        spent.append((time.thread_time() - began) / len(records) * 1e6)
    return {"cpu_us": statistics.median(spent), "cpu_us_min": min(spent), "cpu_us_max": max(spent)}


def _records() -> list[bytes]:
    world = World(SEED, orders=1000, at=dt.datetime.now(dt.UTC))
    return [sighting.value for sighting in world.sightings(RECORDS, hit_ratio=0.0, dirtiness=0.0)]


def _padded(records: Sequence[bytes], size: int) -> list[bytes]:
    """Records with what an address book would add, until they are so long."""
    return [_with(json.loads(record), size - len(record)) for record in records]


def _with(fields: dict[str, Any], more: int) -> bytes:
    field = '"note00":"合成的备注","seen":[true,{"by":12}]'
    for number in range(max(more, 0) // len(field.encode())):
        fields[f"note{number:02}"] = "合成的备注"
        fields[f"seen{number:02}"] = [True, {"by": number}]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _with_keys(count: int) -> list[bytes]:
    person = {"name": "合成", "document": {"type": "passport", "number": "E12345678"}}
    vehicle = {"plate": "粤A12345", "vin": "LGXLCK9F4M0845773"}
    fields: dict[str, Any] = {"id": "1", "kind": "border_crossing", "occurred_at": "2026-11-24T22:14:03+08:00"}
    fields |= {"station": {"code": "440106-B-0001"}}
    if count:
        fields["person"] = person
    if count > 1:
        fields["vehicle"] = vehicle if count > 2 else {"plate": vehicle["plate"]}
    return [json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()] * RECORDS


def _through_kafka(root: Path, progress: Progress) -> dict[str, list[Point]]:
    was_up = stack.find(root) is not None
    addresses = stack.up(root, progress.console.print)
    race = _racing(root, addresses, progress)
    try:
        return {
            "workers": _measured(race(count, Plan(RACE_ORDERS, 4 * RACE_SIGHTINGS, rounds=1), count) for count in WORKERS),
            "partitions": _measured(
                race(count, Plan(RACE_ORDERS, RACE_SIGHTINGS, rounds=1, partitions=count), 1) for count in PARTITIONS
            ),
            "hit_ratio": _measured(race(ratio, _hitting(ratio), 1) for ratio in HIT_RATIOS),
        }
    finally:
        if not was_up:
            stack.down(root, progress.console.print)


def _hitting(ratio: float) -> Plan:
    sightings = min(RACE_SIGHTINGS, int(RACE_HITS_MAX / ratio))
    return Plan(RACE_ORDERS, sightings, rounds=1, hit_ratio=ratio, dirtiness=0.0)


def _measured(points: Iterable[Point | None]) -> list[Point]:
    """Those that took long enough to be measured; why another did not was said when it ended."""
    return [point for point in points if point is not None]


def _racing(root: Path, addresses: Addresses, progress: Progress) -> Callable[[float, Plan, int], Point | None]:
    def race(at: float, plan: Plan, workers: int) -> Point | None:
        engine = Contestant("chakong", f"Chakong, workers: {workers}", "engine", workers=workers)
        (one,) = Race(root, addresses, plan, progress, progress.console.print).run([engine], latency=False)["contestants"]
        if "sightings_a_second" not in one:
            return None
        rate, cpu = one["sightings_a_second"]["median"], one["cpu_us_a_sighting"]["median"]
        return {"at": at, "sightings": plan.sightings, "sightings_a_second": rate, "cpu_us": cpu, "right": one["right"]}

    return race


def _table(name: str, points: Sequence[Point]) -> Table:
    table = Table(title=name.replace("_", " "), title_justify="left")
    for column in points[0]:
        table.add_column(column.replace("_", " "), justify="right")
    for point in points:
        table.add_row(*_cells(point.values()))
    return table


def _cells(values: Any) -> Iterator[str]:
    for value in values:
        yield str(value) if isinstance(value, bool) else f"{value:,.6g}"
