"""``chakong bench latency``: from produced to received by the court, at a rate of sightings; reconciled against the truth."""

from __future__ import annotations

import asyncio

import click
from rich.console import Console

from benchmarks.machine import keep
from deploy.local import stack
from stream.demo.run import Plan, Run, percentiles
from stream.demo.view import summary
from stream.local import project_root


@click.command()
@click.option("--rate", default=20_000.0, show_default=True, type=click.FloatRange(1), help="Sightings a second.")
@click.option("--seconds", default=40.0, show_default=True, type=click.FloatRange(1))
@click.option("--orders", default=100_000, show_default=True, type=click.IntRange(100))
@click.option("--hit-ratio", default=1e-3, show_default=True, type=click.FloatRange(0, 1))
def latency(rate: float, seconds: float, orders: int, hit_ratio: float) -> None:
    """Hit latency at a rate of sightings: produced to webhook received."""
    console = Console()
    root = project_root()
    addresses = stack.up(root, console.print)
    plan = Plan(orders=orders, seconds=seconds, rate=rate, hit_ratio=hit_ratio, dirtiness=0.0, prepared=True)
    report = asyncio.run(Run(root, addresses, plan, console.print).run())
    summary(report, console)
    p50, p95, p99 = percentiles(report.progress.latencies_s)
    path = keep(
        "latency",
        {
            "orders": orders,
            "hit_ratio": hit_ratio,
            "sightings": report.progress.sent,
            "sightings_a_second_asked": rate,
            "sightings_a_second": report.progress.sent / report.progress.streamed_s,
            "hits": len(report.progress.latencies_s),
            "p50_ms": p50 * 1000,
            "p95_ms": p95 * 1000,
            "p99_ms": p99 * 1000,
            "release_felt_everywhere_ms": (report.progress.release_s or 0) * 1000,
            "missed": len(report.result.missed),
            "false": len(report.result.false),
        },
    )
    console.print(f"Kept in {path}")
