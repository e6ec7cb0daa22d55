"""``chakong endpoints``: the courts' endpoints, which of them fail, since when and why, and how many hits wait."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors.courts.endpoint import ANY_COURT, Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.redis.client import connect
from connectors.redis.endpoints import GoneEndpoints, RestingEndpoints
from connectors.redis.errors import ViewUnavailableError
from connectors.redis.ledger import RedisLedger
from deploy.local.errors import StackError
from stream.core.delivery import Reason
from stream.core.health import Health, State, worst_of
from stream.local import settings_here
from stream.settings import WorkerSettings

LOOKED_AT_MAX: Final = 20_000
_STATES: Final = {
    State.CLOSED: ("正常", "closed", "green"),
    State.OPEN: ("停歇", "open", "yellow"),
    State.HALF_OPEN: ("试探", "half open", "yellow"),
    State.DISABLED: ("停用", "disabled", "red"),
}


class Found(NamedTuple):
    """What the workers know of endpoints, by digest, and how many hits wait, by court."""

    gone: Mapping[str, dt.datetime]
    resting: Mapping[str, Mapping[str, Health]]
    waiting: Mapping[str, int]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def endpoints(*, as_json: bool) -> None:
    """Show the courts' endpoints: state, since when, why, in which workers, and how many hits wait for the court.

    Each worker has its own view of an endpoint; the worst one is shown. No secret is, and nobody's address or number.
    """
    try:
        settings = settings_here()
        listed = _listed(settings)
        found = asyncio.run(_asked(settings))
    except (ValueError, StackError, ViewUnavailableError) as error:
        click.echo(f"chakong endpoints: {error}", err=True)
        sys.exit(2)
    rows = [as_object(endpoint, found) for endpoint in listed]
    if as_json or not sys.stdout.isatty():
        for row in rows:
            sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")
    else:
        _print(rows)


def _listed(settings: WorkerSettings) -> Endpoints:
    courts = settings.courts
    if courts.endpoints is None:
        return Endpoints()
    return Endpoints.load(courts.endpoints, http_hosts=courts.http_hosts, channels=courts.channels())


async def _asked(settings: WorkerSettings) -> Found:
    client, space = connect(settings.redis), settings.redis.namespace
    try:
        return Found(
            await GoneEndpoints(client, space).since(),
            await RestingEndpoints(client, space).said(),
            await RedisLedger(client, space).waiting(LOOKED_AT_MAX),
        )
    finally:
        await client.aclose()


def as_object(endpoint: Endpoint, found: Found) -> dict[str, Any]:
    """What is told of an endpoint, as JSON has it. ``hits_waiting`` is its court's, of whom is told of hits first."""
    seen = {worker: resting[endpoint.digest] for worker, resting in found.resting.items() if endpoint.digest in resting}
    health = worst_of(seen.values())
    if endpoint.digest in found.gone:
        health = Health(State.DISABLED, found.gone[endpoint.digest], 0, Reason.ENDPOINT_GONE)
    is_told_first = endpoint.level == "handler" and endpoint.court != ANY_COURT
    return {
        "court": endpoint.court,
        "level": endpoint.level,
        "channel": endpoint.channel,
        "endpoint": endpoint.redacted,
        "state": health.state,
        "since": health.since,
        "failures": health.failures,
        "reason": health.reason,
        "workers": sorted(seen),
        "hits_waiting": found.waiting.get(endpoint.court, 0) if is_told_first else None,
    }


def _print(rows: Iterable[Mapping[str, Any]]) -> None:
    table = Table("法院 court", "层级 level", "渠道 channel", "端点 endpoint", "状态 state", "自 since", "失败 failures")
    table.add_column("原因 reason")
    table.add_column("工作进程 workers")
    table.add_column("待送 hits waiting", justify="right")
    for row in rows:
        zh, en, colour = _STATES[row["state"]]
        since = row["since"].astimezone().isoformat(sep=" ", timespec="seconds") if row["since"] else "—"
        failures, waiting = row["failures"] or "—", row["hits_waiting"]
        about = (row["court"], row["level"], row["channel"], escape(row["endpoint"]), f"[{colour}]{zh} {en}[/]", since)
        more = (str(failures), row["reason"] or "—", ", ".join(row["workers"]) or "—", "—" if waiting is None else str(waiting))
        table.add_row(*about, *more)
    Console().print(table)
