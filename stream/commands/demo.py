"""``chakong demo``: synthetic police and courts stream through the engine; shows what happens; stops by itself."""

from __future__ import annotations

import asyncio
import sys

import click
from rich.console import Console
from rich.live import Live

from connectors.kafka.errors import KafkaError
from connectors.redis.errors import RedisError
from deploy.local import stack
from deploy.local.errors import StackError
from stream.demo.run import Plan, Report, Run
from stream.demo.view import Rates, live, summary
from stream.local import project_root

_DEFAULT = Plan()


@click.command()
@click.option("--seconds", default=_DEFAULT.seconds, show_default=True, type=click.FloatRange(1), help="How long to stream.")
@click.option("--rate", default=_DEFAULT.rate, show_default=True, type=click.FloatRange(1), help="Sightings a second.")
@click.option("--orders", default=_DEFAULT.orders, show_default=True, type=click.IntRange(100), help="How many orders.")
@click.option("--hit-ratio", default=_DEFAULT.hit_ratio, show_default=True, type=click.FloatRange(0, 1))
@click.option("--dirtiness", default=_DEFAULT.dirtiness, show_default=True, type=click.FloatRange(0, 1))
@click.option("--workers", default=_DEFAULT.workers, show_default=True, type=click.IntRange(1, 16))
@click.option(
    "--kills", default=_DEFAULT.kills, show_default=True, type=click.IntRange(0, 20), help="SIGKILL workers on the way."
)
@click.option("--seed", default=_DEFAULT.seed, show_default=True)
def demo(
    seconds: float, rate: float, orders: int, hit_ratio: float, dirtiness: float, workers: int, kills: int, seed: int
) -> None:
    """Stream a synthetic world through a real Kafka, the engine and a real Redis to a court's webhook.

    Ends by itself with a reconciliation against the truth; exit code 1 when anything was missed or false.
    """
    console = Console()
    passage_s = seconds + 30.0 if kills else _DEFAULT.passage_s  # a worker killed again and again may be late by all of it
    plan = Plan(orders, seconds, rate, hit_ratio, dirtiness, workers, kills, seed, passage_s)
    root = project_root()
    ran_before = False
    try:
        ran_before = stack.find(root) is not None
        addresses = stack.up(root, console.print)
        report = asyncio.run(_watch(Run(root, addresses, plan, console.print), console))
    except (StackError, KafkaError, RedisError) as error:
        click.echo(f"chakong demo: {error}", err=True)
        sys.exit(2)
    finally:
        if not ran_before:
            stack.down(root, console.print)
    summary(report, console)
    if not report.is_clean:
        sys.exit(1)


async def _watch(run: Run, console: Console) -> Report:
    """Run it, and show it: live in a terminal, a line every few seconds in a pipe."""
    rates = Rates()
    task = asyncio.create_task(run.run())
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4, transient=True) as picture:
            while not task.done():
                picture.update(live(run.plan, run.progress, rates))
                await asyncio.sleep(0.25)
        return await task
    told_s = 0.0
    while not task.done():
        await asyncio.wait([task], timeout=0.5)
        told_s += 0.5
        if told_s >= 10:
            told_s = 0.0
            rates.look(run.progress)
            click.echo(f"{run.progress.stage}: {run.progress.sent:,} sent, {run.progress.received:,} hits received")
    return await task
