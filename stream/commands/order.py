"""``chakong order``: what is held of an order, and when each version of it took effect, leg by leg."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.table import Table

from connectors.door.held import as_object, state_of
from connectors.redis.errors import IndexUnavailableError, ViewUnavailableError
from connectors.redis.leases import InForceMark
from deploy.local.errors import StackError
from stream.core.lacking import LACKS, UNTOLD
from stream.local import settings_here
from stream.services.lacks import Lacks
from stream.wiring import lacks_now, open_in_force, open_index
from watchlists.index import Standing

UNKNOWN: Final = 1
_STATES: Final = {
    "in_place": ("在控", "in place"),
    "released": ("已解除", "released"),
    "released_before_placed": ("先于下达已解除", "released before it was placed"),
}


@click.command()
@click.argument("ids", metavar="ID…", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def order(ids: tuple[str, ...], *, as_json: bool) -> None:
    """Say what is held of orders, and when each version was in force, or released, everywhere. Nothing of their subjects.

    An order in place whose handler cannot be told of a hit is flagged.

    Exit 1 where an id is unknown.
    """
    try:
        standings, marks, lacks = asyncio.run(_asked(ids))
    except (ValueError, StackError, IndexUnavailableError, ViewUnavailableError) as error:
        click.echo(f"chakong order: {error}", err=True)
        sys.exit(2)
    known = [as_object(id_, standings[id_], marks[id_], lacks) for id_ in dict.fromkeys(ids) if state_of(standings[id_])]
    if as_json or not sys.stdout.isatty():
        for one in known:
            sys.stdout.buffer.write(msgspec.json.encode(one) + b"\n")
    else:
        for one in known:
            _print(one)
    for id_ in dict.fromkeys(ids):
        if not state_of(standings[id_]):
            click.echo(f"chakong order: no court has placed or released an order {id_}: check its id", err=True)
    if len(known) < len(set(ids)):
        sys.exit(UNKNOWN)


async def _asked(ids: Sequence[str]) -> tuple[dict[str, Standing], dict[str, dict[int, InForceMark]], Lacks]:
    settings = settings_here()
    async with open_index(settings) as index, open_in_force(settings) as in_force:
        return (await index.standings(ids)).of, await in_force.of(ids), await lacks_now(settings)


def _print(one: Mapping[str, Any]) -> None:
    console = Console()
    zh, en = _STATES[one["state"]]
    by = f" ({', '.join(one['released_by'])})" if one["released_by"] else ""
    about = "  ".join(str(one[name]) for name in ("court", "measure") if one[name])
    version = f" v{one['version']}" if one["version"] else ""
    console.print(f"[bold]令状 order[/] {one['order_id']}{version}  {about}  [bold]{zh} {en}{by}[/]")
    for lack in one["lacks"] or ():
        console.print(f"[bold]{'警示 flag' if lack in UNTOLD else '缺项 lacks'}[/] {LACKS[lack].zh} {LACKS[lack].en}")
    if not one["versions"]:
        console.print(
            "尚未处处生效，或已逾保存期限。Not in force everywhere yet, or so long ago that its times are no longer kept."
        )
        return
    table = Table(
        "版本 v", "到达 arrived", "处处 everywhere at", "索引 index", "过滤器 filters", "处处 everywhere", "最慢 slowest worker"
    )
    table.add_column("最后撤回 last withdrawal")
    for version in one["versions"]:
        released = "released_everywhere_at" in version
        at = version["released_everywhere_at" if released else "in_force_everywhere_at"]
        legs = (_shown(version[name]) for name in ("in_index_ms", "in_filters_ms", "everywhere_ms"))
        said = f"{_time(at)} {'解除 released' if released else '生效 in force'}"
        last = _shown(version["last_withdrawal_ms"])
        slowest = version["slowest_worker"] or "—"
        table.add_row(str(version["version"]), _time(version["arrived_at"]), said, *legs, slowest, last)
    console.print(table)


def _time(moment: dt.datetime) -> str:
    return moment.astimezone().isoformat(sep=" ", timespec="milliseconds")


def _shown(milliseconds: int | None) -> str:
    return "—" if milliseconds is None else f"{milliseconds} ms"
