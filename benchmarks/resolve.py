"""``chakong bench resolve``: what asking the index in Redis costs, by how much is asked in one call."""

from __future__ import annotations

import asyncio
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.machine import keep
from benchmarks.redis_memory import asked, filled


@click.command()
@click.option("--orders", default=1_000_000, show_default=True, type=click.IntRange(1000))
def resolve(orders: int) -> None:
    """Look up keys, and ask for standings, in an index in a real Redis."""
    console = Console()
    with console.status(f"Applying {orders:,} orders, then asking"):
        result = asyncio.run(_run(orders))
    table = Table(title=f"Asking an index of {orders:,} orders, µs")
    for column in ("", "in one call", "p50", "p99", "Redis's processor, each"):
        table.add_column(column, justify="right" if column else "left")
    for what in ("lookup", "standings"):
        for size, took in result[f"{what}_us"].items():
            table.add_row(what, size, f"{took['p50']:,.0f}", f"{took['p99']:,.0f}", f"{took['server_cpu_each']:.1f}")
    console.print(table)
    console.print(f"Kept in {keep('resolve', result)}")


async def _run(orders: int) -> dict[str, Any]:
    async with filled(orders) as full:
        return {"orders": orders, **await asked(full)}
