"""``chakong lookback``: how far the search of past sightings for new orders is."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from connectors.redis.client import connect
from connectors.redis.errors import RedisError
from connectors.redis.lookback import LookbackView
from deploy.local.errors import StackError
from stream.core.lookback import Pass
from stream.local import settings_here
from stream.settings import WorkerSettings

LOOK_EVERY_S: Final = 0.5


@click.command()
def lookback() -> None:
    """Show the pass under way: in a terminal until it is done, else as one line."""
    console = Console()
    try:
        settings = settings_here()
        holder, under_way = asyncio.run(_look(settings))
        if not settings.lookback_hours:
            console.print("Sightings are not searched back: CHAKONG_LOOKBACK_HOURS is 0.")
        console.print(f"Searched by {holder}." if holder else "No worker searches.")
        if under_way is None:
            console.print("No pass is under way.")
        elif console.is_terminal:
            _follow(settings, under_way, console)
        else:
            console.print(_line(under_way))
    except (StackError, RedisError) as error:
        click.echo(f"chakong lookback: {error}", err=True)
        sys.exit(1)


def _follow(settings: WorkerSettings, under_way: Pass, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("")
        left: Pass | None = under_way
        while left is not None and left.began_at == under_way.began_at:
            progress.update(task, description=_line(left), total=left.total, completed=left.total - left.left)
            time.sleep(LOOK_EVERY_S)
            _, left = asyncio.run(_look(settings))
        progress.update(task, description="The pass is done.", completed=under_way.total)


def _line(under_way: Pass) -> str:
    done = under_way.total - under_way.left
    rate = done / under_way.spent_s if under_way.spent_s else 0.0
    return (
        f"{under_way.sought:,} orders, {done:,} of {under_way.total:,} sightings ({under_way.share_done:.1%}), "
        f"{rate:,.0f} a second; {under_way.waiting:,} records of orders wait"
    )


async def _look(settings: WorkerSettings) -> tuple[str | None, Pass | None]:
    client = connect(settings.redis)
    try:
        view = LookbackView(client, settings.redis.namespace)
        return await view.holder(), await view.load()
    finally:
        await client.aclose()
