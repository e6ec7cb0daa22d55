"""``chakong bench latency``: from produced to received by the court, at a rate of sightings; reconciled against the truth.

The headline is the steady stream: after a warm-up, and before orders are placed in mid-stream. What that burst, the releases
and the search back for its orders do to the latency is told beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import click
from rich.console import Console

from benchmarks.machine import keep
from deploy.local import stack
from stream.demo.run import Plan, Run, percentiles
from stream.demo.view import summary
from stream.local import project_root

BURST_AT: Final = 0.7
"""Share of the stream after which the burst comes."""


@click.command()
@click.option("--rate", default=20_000.0, show_default=True, type=click.FloatRange(1), help="Sightings a second.")
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(1))
@click.option("--orders", default=100_000, show_default=True, type=click.IntRange(100))
@click.option("--hit-ratio", default=1e-3, show_default=True, type=click.FloatRange(0, 1))
@click.option("--warm-up", default=10.0, show_default=True, type=click.FloatRange(0), help="Seconds that are not counted.")
@click.option("--burst", default=2_000, show_default=True, type=click.IntRange(1), help="Orders placed in mid-stream.")
def latency(rate: float, seconds: float, orders: int, hit_ratio: float, warm_up: float, burst: int) -> None:
    """Hit latency at a rate of sightings: produced to webhook received."""
    console = Console()
    root = project_root()
    addresses = stack.up(root, console.print)
    if burst >= orders:
        raise click.BadParameter("fewer than the orders", param_hint="--burst")
    if warm_up >= seconds * BURST_AT:
        raise click.BadParameter(f"shorter than {BURST_AT:.0%} of the stream", param_hint="--warm-up")
    plan = Plan(
        orders=orders,
        seconds=seconds,
        rate=rate,
        hit_ratio=hit_ratio,
        dirtiness=0.0,
        late=burst,
        burst_at=BURST_AT,
        warm_up_s=warm_up,
        prepared=True,
    )
    report = asyncio.run(Run(root, addresses, plan, console.print).run())
    summary(report, console)
    progress = report.progress
    path = keep(
        "latency",
        {
            "orders": orders,
            "hit_ratio": hit_ratio,
            "sightings": progress.sent,
            "sightings_a_second_asked": rate,
            "sightings_a_second": progress.sent / progress.streamed_s,
            "warm_up_s": warm_up,
            **_figures(progress.quiet_latencies_s),
            "burst": {
                "orders": burst,
                "in_force_everywhere_s": progress.late_orders_s,
                **_figures(progress.burst_latencies_s),
            },
            "whole_stream": _figures(progress.latencies_s),
            "release_felt_everywhere_ms": (progress.release_s or 0) * 1000,
            "missed": len(report.result.missed),
            "false": len(report.result.false),
        },
    )
    console.print(f"Kept in {path}")


def _figures(latencies_s: Sequence[float]) -> dict[str, float]:
    p50, p95, p99 = percentiles(latencies_s)
    return {"hits": len(latencies_s), "p50_ms": p50 * 1000, "p95_ms": p95 * 1000, "p99_ms": p99 * 1000}
