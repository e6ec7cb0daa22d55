"""``chakong bench orders``: what an order costs in Redis, in bytes and in time."""

from __future__ import annotations

import asyncio
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.machine import keep
from benchmarks.redis_memory import filled


@click.command()
@click.option("--orders", default=1_000_000, show_default=True, type=click.IntRange(1000))
def orders(orders: int) -> None:
    """Apply orders to the index in a real Redis: bytes an order, and orders a second."""
    console = Console()
    with console.status(f"Applying {orders:,} orders"):
        result = asyncio.run(_run(orders))
    table = Table(title=f"{result['orders']:,} orders, {result['keys']:,} keys, in Redis")
    table.add_column("bytes an order")
    table.add_column(f"{result['bytes_an_order']:.0f}", justify="right")
    for part, size in result["bytes_by_part"].items():
        table.add_row(part.replace("_", " "), f"{size:.0f}")
    console.print(table)
    console.print(
        f"{result['orders_a_second']:,.0f} orders a second: {result['client_cpu_us_an_order']:.0f} µs of the client's processor"
        f" and {result['server_cpu_us_an_order']:.0f} µs of Redis's an order."
    )
    console.print(f"Kept in {keep('orders', result)}")


async def _run(orders: int) -> dict[str, Any]:
    async with filled(orders) as full:
        return full.result
