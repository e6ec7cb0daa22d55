"""``chakong incidents``: what is wrong between the platforms, who knows of it, and until when it is to be resolved (S4.5)."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, NoReturn, TypeVar

import click
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors.door.incidents import Desk, IncidentDocument, Wanted
from connectors.door.problems import ProblemError
from connectors.kafka.errors import KafkaError
from connectors.kafka.incidents import IncidentLog
from connectors.kafka.records import Records
from connectors.kafka.topics import ensure_topics
from connectors.redis.client import connect
from connectors.redis.errors import RedisError
from connectors.redis.incidents import IncidentsView
from deploy.local.errors import StackError
from matchers.wire import reason
from stream.core.authority import Role
from stream.core.hit import Says
from stream.core.incident import IncidentKind, Opening
from stream.core.incident_due import Late
from stream.core.incident_record import By
from stream.local import settings_here

T = TypeVar("T")
UNKNOWN: Final = 1
CANNOT: Final = 2
_OPERATOR: Final = By(id="operator", roles=(Role.OPERATOR.value,))
_KINDS: Final = {
    IncidentKind.LAG: "处理滞后",
    IncidentKind.STALE_INDEX: "索引陈旧",
    IncidentKind.SILENT_SOURCE: "来源中断",
    IncidentKind.FAILING_ENDPOINT: "通知渠道失效",
    IncidentKind.FILTER_FULL: "过滤器过满",
    IncidentKind.AUDIT_GAP: "审计日志缺损",
    IncidentKind.ODD_QUERYING: "异常查询",
    IncidentKind.DEAD_LETTERS: "死信激增",
    IncidentKind.BY_HAND: "人工登记",
}
_LATE: Final = {Late.NOT_NOTICED: "未通知", Late.NOT_ACKNOWLEDGED: "无人确认", Late.NOT_RESOLVED: "未按时解决"}


@click.group(invoke_without_command=True)
@click.pass_context
def incidents(context: click.Context) -> None:
    """Incidents between the platforms: list and show them, open one by hand, resolve one."""
    if context.invoked_subcommand is None:
        context.invoke(list_incidents)


@incidents.command("list")
@click.option("--state", type=click.Choice(["open", "resolved", "overdue", "all"]), default="open", show_default=True)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines instead of a table.")
def list_incidents(state: str = "open", limit: int = 100, *, as_json: bool = False) -> None:
    """List incidents, newest first."""

    async def asked(desk: Desk) -> list[IncidentDocument]:
        found, after = await desk.page(None, limit, Wanted(state), lambda _owner: True)
        while after is not None and len(found) < limit:
            more, after = await desk.page(after, limit - len(found), Wanted(state), lambda _owner: True)
            found += more
        return [desk.document(incident) for incident in found]

    rows = _run(asked)
    if as_json or not sys.stdout.isatty():
        for row in rows:
            click.echo(row.model_dump_json(exclude={"steps"}))
    else:
        _print(rows)


@incidents.command("show")
@click.argument("incident_id", metavar="INCIDENT_ID", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def show(incident_id: uuid.UUID, *, as_json: bool) -> None:
    """Show one incident with all its steps. Exit 1 where there is none."""

    async def asked(desk: Desk) -> IncidentDocument | None:
        incident = await desk.find(str(incident_id))
        return None if incident is None else desk.document(incident)

    found = _run(asked)
    if found is None:
        _give_up(f"there is no incident {incident_id}", UNKNOWN)
    if as_json or not sys.stdout.isatty():
        click.echo(found.model_dump_json())
    else:
        _print([found])
        _print_steps(found)


@incidents.command("open")
@click.option("--about", required=True, metavar="TEXT", help="What it is about: a topic, an endpoint, a station.")
@click.option("--zh", metavar="TEXT", help="What is wrong, in Chinese; nothing of a person or a vehicle.")
@click.option("--en", metavar="TEXT", help="What is wrong, in English; this or the last is needed.")
@click.option("--court", metavar="CODE", help="Whose it is: a court's,")
@click.option("--province", metavar="CODE", help="a province's,")
@click.option("--station", metavar="CODE", help="a station's; without any, the nation's.")
@click.option("--key", metavar="TEXT", help="Makes a repeat of this command the same incident.")
def open_one(about: str, zh: str | None, en: str | None, key: str | None, **place: str | None) -> None:
    """Open an incident by hand; both sides are told. Prints its id once it is durable."""
    words = zh or en
    if words is None:
        raise click.UsageError("say what is wrong: --zh or --en")
    says = Says(zh=zh or words, en=en or words)
    opening = Opening.model_validate({"kind": IncidentKind.BY_HAND, "about": about, "says": says, **place})
    click.echo(_run(lambda desk: desk.open(opening, _OPERATOR, key or str(uuid.uuid4()))))


@incidents.command("resolve")
@click.argument("incident_id", metavar="INCIDENT_ID", type=click.UUID)
@click.option("--note", metavar="TEXT", help="How; nothing of a person or a vehicle. Both sides read it.")
def resolve(incident_id: uuid.UUID, note: str | None) -> None:
    """Resolve an incident; whoever was told of it is told of that, too. Exit 1 where there is none."""

    async def moved(desk: Desk) -> str | None:
        incident = await desk.find(str(incident_id))
        if incident is None:
            return None
        return await desk.move(incident, "resolved", _OPERATOR, str(uuid.uuid4()), note)

    step = _run(moved)
    if step is None:
        _give_up(f"there is no incident {incident_id}", UNKNOWN)
    click.echo(step)


def _run(ask: Callable[[Desk], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with _opened() as desk:
            return await ask(desk)

    try:
        return asyncio.run(asked())
    except ValidationError as error:
        _give_up(reason(error), CANNOT)
    except ProblemError:
        _give_up("this key was used with another content", CANNOT)
    except (KafkaError, RedisError, StackError, ValueError) as error:
        _give_up(str(error), CANNOT)


@asynccontextmanager
async def _opened() -> AsyncIterator[Desk]:
    settings = settings_here()
    ensure_topics(settings.kafka)
    records, client = Records(settings.kafka, "chakong-incidents"), connect(settings.redis)
    view = IncidentsView(client, settings.redis.namespace)
    try:
        yield Desk(view, IncidentLog(records, view, _now), settings.incidents.limits(), _now)
    finally:
        records.close()
        await client.aclose()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _print(rows: list[IncidentDocument]) -> None:
    console = Console()
    if not rows:
        console.print("没有异常。No incidents.")
        return
    table = Table("编号 id", "类别 kind", "涉及 about", "发现于 opened", "法院 court", "公安 police", "状态 state")
    for row in rows:
        what = (row.id, f"{_KINDS[row.kind]} {row.kind}", escape(row.about), _time(row.opened_at))
        table.add_row(*what, *_sides(row), _state(row))
    console.print(table)


def _sides(row: IncidentDocument) -> tuple[str, str]:
    court, police = (
        f"已确认 acknowledged {_time(one.acknowledged_at)}"
        if one.acknowledged_at
        else f"已通知 told {_time(one.noticed_at)}"
        if one.noticed_at
        else f"[yellow]待通知 to be told by {_time(row.notice_by)}[/]"
        for one in (row.sides["court"], row.sides["police"])
    )
    return court, police


def _state(row: IncidentDocument) -> str:
    if row.overdue:
        return "[bold red]" + "\n".join(f"{_LATE[late]} {late}" for late in row.overdue) + "[/]"
    return "[green]已解决 resolved[/]" if row.state == "resolved" else "未解决 open"


def _print_steps(row: IncidentDocument) -> None:
    console = Console()
    console.print(escape(row.says["zh"]), escape(row.says["en"]), sep="\n")
    table = Table("时间 at", "进展 step", "谁 who", "说明")
    for step in row.steps:
        who = step.by.id if step.by is not None else f"{step.side} {step.level}" if step.side else "系统 engine"
        more = " ".join(part for part in (step.event, step.endpoint, step.note) if part)
        table.add_row(_time(step.at), step.step, escape(who), escape(more))
    console.print(table)


def _time(moment: dt.datetime | None) -> str:
    return "—" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _give_up(why: str, status: int) -> NoReturn:
    click.echo(f"chakong incidents: {why}", err=True)
    sys.exit(status)
