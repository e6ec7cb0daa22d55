"""``chakong bench release``: from a release that Kafka has accepted to its effect everywhere, by legs; and races against it.

Sightings flow meanwhile. Releases come one by one and all at once, with one worker and with several; what several cost is told
as a ratio to one. All times are this machine's one clock.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from benchmarks.machine import keep
from benchmarks.release_races import raced
from benchmarks.stage import Stage, flowing, staged
from connectors.kafka.records import Record
from connectors.kafka.topics import ORDERS
from connectors.redis.leases import InForceMark
from deploy.local import stack
from deploy.local.addresses import Addresses
from stream.demo.run import percentiles
from stream.local import project_root
from synthetic.crowd import SyntheticSighting
from synthetic.world import World

SEED: Final = 41
SIGHTINGS: Final = 100_000
EVERY_S: Final = 0.05
LEGS: Final = ("in_index", "in_filters", "everywhere")
RELEASE_VERSION: Final = 2


@click.command()
@click.option("--rate", default=50_000.0, show_default=True, type=click.FloatRange(1), help="Sightings a second.")
@click.option(
    "--workers", default="1,2,4", show_default=True, help="Numbers of workers, the first is what others are held against."
)
@click.option("--singles", default=300, show_default=True, type=click.IntRange(1), help="Releases one by one.")
@click.option("--at-once", default=2_500, show_default=True, type=click.IntRange(1), help="Releases at once.")
@click.option("--races", default=10_000, show_default=True, type=click.IntRange(0), help="Orders released around their hits.")
@click.option(
    "--withdrawals/--no-withdrawals", default=True, show_default=True, help="Whether what was delivered must be withdrawn."
)
def release(rate: float, workers: str, singles: int, at_once: int, races: int, *, withdrawals: bool) -> None:
    """From release accepted to released everywhere, and deliveries that race with releases."""
    try:
        counts = [int(count) for count in workers.split(",")]
    except ValueError:
        raise click.BadParameter("whole numbers, with commas between", param_hint="--workers") from None
    if min(counts) < 1:
        raise click.BadParameter("one worker at least", param_hint="--workers")
    console = Console()
    root = project_root()
    addresses = stack.up(root, console.print)
    world = World(SEED, orders=singles + at_once, at=dt.datetime.now(dt.UTC))
    sightings = list(world.sightings(SIGHTINGS, hit_ratio=0.0, dirtiness=0.0))
    points = [asyncio.run(_point(root, addresses, world, sightings, rate, count, singles)) for count in counts]
    for point in points:
        point["ratio_to_first"] = {
            how: point[how]["everywhere"]["p99_ms"] / points[0][how]["everywhere"]["p99_ms"]
            for how in ("one_by_one", "at_once")
        }
        console.print(_table(point))
    race = asyncio.run(raced(root, addresses, races, counts[-1], withdrawals=withdrawals)) if races else None
    path = keep("release", {"rate_asked": rate, "singles": singles, "at_once": at_once, "workers": points, "races": race})
    console.print(race, f"Kept in {path}")
    if (race is not None and race["failures"]) or any(point["unmarked"] for point in points):
        sys.exit(1)


async def _point(
    root: Path,
    addresses: Addresses,
    world: World,
    sightings: Sequence[SyntheticSighting],
    rate: float,
    workers: int,
    singles: int,
) -> dict[str, Any]:
    releases = [Record(ORDERS, *world.release(number, version=RELEASE_VERSION)) for number in range(len(world))]
    async with staged(root, addresses, workers, "release") as stage:
        await stage.place(Record(ORDERS, *record) for record in world.orders())
        with flowing(stage, sightings, rate) as flow:
            await asyncio.sleep(1.0)
            one_by_one = await _one_by_one(stage, releases[:singles])
            at_once = await asyncio.to_thread(stage.send_orders, stage.producer(), releases[singles:])
            marks = await stage.marks([*one_by_one, *at_once], RELEASE_VERSION)
    return {
        "workers": workers,
        "sightings_a_second": flow.a_second,
        "one_by_one": _legs(one_by_one, marks),
        "at_once": _legs(at_once, marks),
        "slowest": _shares(marks),
        "unmarked": len(releases) - len(marks),
    }


async def _one_by_one(stage: Stage, releases: Sequence[Record]) -> dict[str, float]:
    """Release orders in turn, each some time after the one before; when Kafka had each."""
    producer = stage.producer()
    accepted: dict[str, float] = {}
    for one in releases:
        accepted |= await asyncio.to_thread(stage.send_orders, producer, [one])
        await asyncio.sleep(EVERY_S)
    return accepted


def _legs(accepted: dict[str, float], marks: dict[str, InForceMark]) -> dict[str, dict[str, float]]:
    """Milliseconds from accepted by Kafka to each leg's end."""
    ends: dict[str, list[float]] = {leg: [] for leg in LEGS}
    for id_, accepted_s in accepted.items():
        mark = marks.get(id_)
        if mark is None or mark.legs is None:
            continue
        before_s = accepted_s - mark.arrived_at.timestamp()
        for leg, took_s in zip(LEGS, (mark.legs.index_s, mark.legs.filters_s, mark.took_s), strict=True):
            ends[leg].append(max(took_s - before_s, 0.0))
    return {
        leg: {f"p{p}_ms": s * 1000 for p, s in zip((50, 95, 99), percentiles(took), strict=True)} for leg, took in ends.items()
    }


def _shares(marks: dict[str, InForceMark]) -> list[float]:
    """The share of releases for which each worker was the slowest, the most often first."""
    slowest = [mark.legs.slowest for mark in marks.values() if mark.legs is not None]
    return sorted((slowest.count(worker) / len(slowest) for worker in set(slowest)), reverse=True)


def _table(point: dict[str, Any]) -> Table:
    title = f"{point['workers']} worker(s), {point['sightings_a_second']:,.0f} sightings a second"
    table = Table("", *(f"{leg} p50 / p99 ms" for leg in LEGS), "ratio", title=title, title_justify="left")
    for how in ("one_by_one", "at_once"):
        cells = (f"{point[how][leg]['p50_ms']:.0f} / {point[how][leg]['p99_ms']:.0f}" for leg in LEGS)
        table.add_row(how.replace("_", " "), *cells, f"{point['ratio_to_first'][how]:.2f}")
    return table
