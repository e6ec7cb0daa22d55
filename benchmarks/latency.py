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
@click.option("--burst", default=2_000, show_default=True, type=click.IntRange(1), help="Orders placed in mid-stream.")
def latency(rate: float, seconds: float, orders: int, hit_ratio: float, burst: int) -> None:
    """Hit latency at a rate of sightings: produced to webhook received."""
    console = Console()
    root = project_root()
    addresses = stack.up(root, console.print)
    if burst >= orders:
        raise click.BadParameter("fewer than the orders", param_hint="--burst")
    plan = Plan(orders=orders, seconds=seconds, rate=rate, hit_ratio=hit_ratio, dirtiness=0.0, late=burst, prepared=True)
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
            "burst": {
                "orders": burst,
                "in_force_everywhere_s": report.progress.late_orders_s,
                "hits_before": len(report.progress.quiet_latencies_s),
                "p99_ms_before": percentiles(report.progress.quiet_latencies_s)[2] * 1000,
                "hits_during": len(report.progress.burst_latencies_s),
                "p99_ms_during": percentiles(report.progress.burst_latencies_s)[2] * 1000,
            },
            "release_felt_everywhere_ms": (report.progress.release_s or 0) * 1000,
            "missed": len(report.result.missed),
            "false": len(report.result.false),
        },
    )
    console.print(f"Kept in {path}")
