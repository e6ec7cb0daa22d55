"""``chakong reachability``: which courts' endpoints reach anybody, and how many orders hang on those that do not."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.table import Table

from connectors.redis.errors import IndexUnavailableError, ViewUnavailableError
from deploy.local.errors import StackError
from stream.core.lacking import LACKS, UNTOLD, Lack, is_current
from stream.core.reachability import UNREACHABLE
from stream.local import settings_here
from stream.services.lacks import Lacks
from stream.wiring import lacks_now, open_index
from watchlists.order import Order

_STATES: Final = {
    "answered": "已答复 answered",
    "taken_only": "已送达未答复 taken only",
    "unanswered": "逾期未答复 unanswered",
    "failing": "送达失败 failing",
    "never_tested": "未测试 never tested",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def reachability(*, as_json: bool) -> None:
    """List the courts' endpoints and what their tests say, and the courts whose orders lack what news of a hit needs.

    It reads the whole index: some two minutes for a million orders. Nothing of anybody's is shown.
    """
    try:
        told = asyncio.run(_asked())
    except (ValueError, StackError, IndexUnavailableError, ViewUnavailableError) as error:
        click.echo(f"chakong reachability: {error}", err=True)
        sys.exit(2)
    if as_json or not sys.stdout.isatty():
        sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    else:
        _print(told)


async def _asked() -> dict[str, Any]:
    settings = settings_here()
    lacks = await lacks_now(settings)
    async with open_index(settings) as index:
        return {"at": lacks.at, "endpoints": endpoints(lacks), "courts": await courts(lacks, index.in_place())}


def endpoints(lacks: Lacks) -> list[dict[str, Any]]:
    """Every endpoint and what its tests say, as JSON has it."""
    return [
        {
            "court": endpoint.court,
            "level": endpoint.level,
            "channel": endpoint.channel,
            "endpoint": endpoint.redacted,
            "last_asked_at": seen.asked[0].at if seen.asked else None,
            "last_taken_at": seen.taken.at if seen.taken else None,
            "last_answered_at": seen.answered.at if seen.answered else None,
            "last_failure": seen.failed.outcome if seen.failed else None,
            "state": lacks.reach(endpoint),
        }
        for endpoint in lacks.endpoints.of_courts()
        for seen in (lacks.seen(endpoint),)
    ]


async def courts(lacks: Lacks, in_place: AsyncIterator[Order]) -> list[dict[str, Any]]:
    """Each court with orders, how many are in place and current, how many of them nobody would learn of, and what they lack."""
    orders: Counter[str] = Counter()
    untold: Counter[str] = Counter()
    reasons: dict[str, Counter[Lack]] = {}
    async for order in in_place:
        if is_current(order, lacks.at):
            code, found = order.court.code, lacks.of(order)
            orders[code] += 1
            untold[code] += not UNTOLD.isdisjoint(found)
            reasons.setdefault(code, Counter()).update(found)
    return [
        {"court": code, "orders": orders[code], "unreachable": untold[code], "lacking": _by_reason(reasons[code])}
        for code in sorted(orders)
    ]


def _by_reason(counted: Counter[Lack]) -> dict[str, int]:
    return {lack.value: counted[lack] for lack in Lack if counted[lack]}


def _print(told: dict[str, Any]) -> None:
    console = Console()
    table = Table("法院 court", "层级 level", "渠道 channel", "最近送达 last taken", "最近答复 last answered", "状态 state")
    for one in told["endpoints"]:
        state = _STATES[one["state"]]
        shown = f"[bold red]{state}[/]" if one["state"] in UNREACHABLE else state
        times = (_time(one[name]) for name in ("last_taken_at", "last_answered_at"))
        table.add_row(one["court"], one["level"], one["channel"], *times, shown)
    console.print(table)
    lacking = [one for one in told["courts"] if one["lacking"]]
    if not lacking:
        console.print("没有指令缺项。No order lacks anything.")
        return
    table = Table("法院 court", "在控指令 orders", "联系不上 unreachable", "缺项 lacking")
    for one in lacking:
        said = "\n".join(f"{LACKS[Lack(lack)].zh} {lack}: {number:,}" for lack, number in one["lacking"].items())
        table.add_row(one["court"], f"{one['orders']:,}", f"{one['unreachable']:,}", said)
    console.print(table)


def _time(moment: dt.datetime | None) -> str:
    return "—" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M}"
