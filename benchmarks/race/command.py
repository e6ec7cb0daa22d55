"""``chakong bench race``: the engine against what one would take instead, on one workload, in one run.

The topics are filled beforehand, so no producer competes. Every contestant decodes each sighting's JSON, makes its keys
canonical, asks whether they are sought, decides which orders are hit and produces a record for each; what it found is held
against the truth, and a wrong answer fails the command.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from benchmarks.machine import keep
from benchmarks.race import environment
from benchmarks.race.contestants import CONTESTANTS
from benchmarks.race.course import Plan
from benchmarks.race.race import Race
from benchmarks.race.table import latencies, speeds
from deploy.local import stack
from stream.local import project_root


@click.command()
@click.option("--orders", default=Plan.orders, show_default=True, type=click.IntRange(1000))
@click.option("--sightings", default=Plan.sightings, show_default=True, type=click.IntRange(10_000))
@click.option(
    "--slow-sightings",
    default=Plan.slow_sightings,
    show_default=True,
    type=click.IntRange(1000),
    help="The stock Faust agents'.",
)
@click.option("--rounds", default=Plan.rounds, show_default=True, type=click.IntRange(1))
@click.option("--only", multiple=True, type=click.Choice([one.name for one in CONTESTANTS]), help="Run these; repeatable.")
@click.option("--latency-hit-ratio", default=Plan.latency_hit_ratio, show_default=True, type=click.FloatRange(1e-5, 0.3))
@click.option("--latency/--no-latency", default=True, show_default=True, help="Measure latencies, too.")
def race(
    orders: int,
    sightings: int,
    slow_sightings: int,
    rounds: int,
    only: tuple[str, ...],
    latency_hit_ratio: float,
    latency: bool,
) -> None:
    """The engine against stock Faust, Bytewax, Quix Streams, kafka-python, Kafka Streams, and the limit."""
    console = Console()
    root = project_root()
    plan = Plan(orders, sightings, slow_sightings, rounds, latency_hit_ratio=latency_hit_ratio)
    contestants = [one for one in CONTESTANTS if not only or one.name in only]
    was_up = stack.find(root) is not None
    addresses = stack.up(root, console.print)
    try:
        with _progress(console) as progress:
            measured = Race(root, addresses, plan, progress, progress.console.print).run(contestants, latency=latency)
    finally:
        if not was_up:
            stack.down(root, console.print)
    console.print(speeds(measured))
    if latency:
        console.print(latencies(measured))
    _tell_failures(console, measured)
    path = keep("race", measured)
    console.print(f"Kept in {path}, drawn in {draw(root, path)}")
    if any(one["failures"] for one in measured["contestants"]):
        sys.exit(1)


def draw(root: Path, result: Path) -> Path:
    """The chart of a result, as PNG and SVG; the folder they are in."""
    folder = root / "docs" / "images"
    python = environment.provide(root, lambda _: None)
    subprocess.run([str(python), "-m", "benchmarks.race.chart", str(result), str(folder)], cwd=root, check=True)
    return folder


def _progress(console: Console) -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def _tell_failures(console: Console, measured: dict[str, Any]) -> None:
    for one in measured["contestants"]:
        for failure in one["failures"]:
            console.print(f"[bold red]{one['name']}[/] {json.dumps(failure, ensure_ascii=False)}", highlight=False)


def main() -> None:
    """Run on its own: python -m benchmarks.race.command"""
    race()


if __name__ == "__main__":
    main()
