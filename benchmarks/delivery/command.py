"""``chakong bench delivery``: hits through one worker to a hundred courts, and what four dead ones do to the others.

Hits are made by the engine's own functions and sent to the topic ``hits``, so that delivery alone is measured. Every hit is
held against what the courts received and against the receipts; one that is neither told nor explained fails the command.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from benchmarks.delivery import table
from benchmarks.delivery.courts import FAILURES
from benchmarks.delivery.docket import ORDERS_EACH, Docket, Made
from benchmarks.delivery.engine import Engine
from benchmarks.delivery.run import Plan, Run, best_rate, rate_to_compare
from benchmarks.machine import keep
from deploy.local import stack
from deploy.local.addresses import Addresses
from stream.local import project_root


@click.command()
@click.option("--courts", default=Plan.courts, show_default=True, type=click.IntRange(len(FAILURES) + 1, 400))
@click.option(
    "--rate",
    "rates",
    multiple=True,
    default=Plan.rates,
    show_default=True,
    type=click.FloatRange(1),
    help="Hits a second; repeatable, ascending.",
)
@click.option("--seconds", default=Plan.seconds, show_default=True, type=click.FloatRange(1), help="Of each rate and each leg.")
@click.option(
    "--share",
    default=Plan.share,
    show_default=True,
    type=click.FloatRange(0.01, 1),
    help="Of the best rate, while courts are dead.",
)
@click.option(
    "--legs", default=Plan.legs, show_default=True, type=click.IntRange(1), help="With all alive, and as many with four dead."
)
def delivery(courts: int, rates: tuple[float, ...], seconds: float, share: float, legs: int) -> None:
    """Hits a second through one worker, and the living courts beside dead ones."""
    console = Console()
    root = project_root()
    plan = Plan(courts, tuple(sorted(rates)), seconds, share=share, legs=legs)
    was_up = stack.find(root) is not None
    addresses = stack.up(root, console.print)
    try:
        result = measure(root, addresses, plan, console)
    finally:
        if not was_up:
            stack.down(root, console.print)
    console.print(f"Kept in {keep('delivery', result)}")
    if result["reconciled"]["wrong"]:
        sys.exit(1)


def measure(root: Path, addresses: Addresses, plan: Plan, console: Console) -> dict[str, Any]:
    """Measure and show; the result as it is kept."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:

        def track(hits: Iterable[Made], count: int, heading: str) -> Iterable[Made]:
            return progress.track(hits, count, description=heading)

        with Engine(root, addresses, Docket(plan.seed, plan.courts), progress.console.print) as engine:
            run = Run(engine, plan, track)
            run.warm()
            steps = run.ramp()
            rate = rate_to_compare(steps, plan.share)
            comparison = run.compare(rate)
            reckoning = run.settle()
            partitions = engine.settings.kafka.partitions
    console.print(table.ramp(steps))
    console.print(table.living(comparison, len(FAILURES)))
    console.print(f"Of {len(engine.sent):,} hits: {reckoning.as_json()}", highlight=False)
    return {
        "courts": plan.courts,
        "orders": plan.courts * ORDERS_EACH,
        "workers": 1,
        "partitions": partitions,
        "seconds": plan.seconds,
        "sustained_a_second": best_rate(steps),
        "ramp": [step.as_json() for step in steps],
        "dead_courts": {
            "failing": list(FAILURES),
            "hits_a_second": rate,
            **comparison.as_json(),
            "alive_legs": [leg.as_json() for leg in comparison.alive],
            "dead_legs": [leg.as_json() for leg in comparison.dead],
        },
        "hits": len(engine.sent),
        "reconciled": reckoning.as_json(),
    }
