"""``chakong rules``: the provinces' rules, what they were, and whether an overlay only narrows."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NoReturn

import click
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.table import Table

from connectors.door.rules_shown import Effective, RulesView, RuleView, VersionView
from connectors.kafka.errors import KafkaError
from deploy.local.errors import StackError
from matchers.wire import reason
from stream.local import settings_here
from stream.services.rules import rules_now
from watchlists.policy import Policy, PolicyError, read_overlay
from watchlists.rules import History

WIDENS: Final = 1
WRONG: Final = 2


@click.group()
def rules() -> None:
    """The provinces' own rules: show what counts, show what was, check an overlay."""


@rules.command()
@click.argument("province")
@click.option("--at", "instant", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), help="In place of now.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def show(province: str, instant: dt.datetime | None, *, as_json: bool) -> None:
    """What counts in a province: the nation's policy under the rules of its courts and of its police."""
    view = RulesView.of(_history("show"), province, instant or dt.datetime.now(dt.UTC))
    if as_json or not sys.stdout.isatty():
        _print_lines([view])
    else:
        _print_effective(view.effective)


@rules.command()
@click.argument("province")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def history(province: str, *, as_json: bool) -> None:
    """Every version of both sides' rules, oldest first: who, when, why, and since when it counts."""
    versions = [VersionView.of(stored) for stored in _history("history").versions(province)]
    if as_json or not sys.stdout.isatty():
        _print_lines(versions)
    else:
        _print_versions(versions)


@rules.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Say what in an overlay's FILE would widen the national policy. Exit code 0: it only narrows; 1: it would widen."""
    policy = Policy.national()
    try:
        overlay = read_overlay(file)
    except PolicyError as error:
        _give_up("check", str(error))
    widens = policy.widenings(overlay)
    for place in widens:
        click.echo(f"放宽 widens  {place}")
    if widens:
        sys.exit(WIDENS)
    click.echo(f"只收紧 narrows only  {overlay.province} {overlay.side}: {', '.join(overlay.parts()) or '—'}")


def _history(command: str) -> History:
    try:
        settings = settings_here()
        return asyncio.run(rules_now(settings.kafka, Policy.national().with_overlays(settings.overlays)))
    except ValidationError as error:
        _give_up(command, reason(error))
    except (KafkaError, StackError, ValueError) as error:
        _give_up(command, str(error))


def _print_lines(views: Iterable[BaseModel]) -> None:
    for view in views:
        sys.stdout.buffer.write(view.model_dump_json().encode() + b"\n")


def _print_effective(effective: Effective) -> None:
    table = Table("规则 rule", "条文 article", "指令 instruction", "答复 answer", "合并 one matter", "排除 taken away")
    for rule in effective.rules:
        answer, group = f"{rule.respond_within_minutes} min", f"{rule.group_minutes} min" if rule.group_minutes else "—"
        table.add_row(rule.id, rule.article, rule.instruction, answer, group, _taken_away(rule))
    console = Console()
    console.print(f"[bold]版本 version[/] {effective.version}")
    console.print(table)
    console.print(f"逐级督办 escalation: {' → '.join(effective.escalation)}")
    for one in effective.liaison:
        console.print(f"联络 liaison {one.court or one.station}: {one.name} {one.phone}")


def _taken_away(rule: RuleView) -> str:
    lines = []
    for taken in rule.taken_away:
        whose = f" ({taken.party_role})" if taken.party_role else ""
        lines.append(f"{taken.side}: {', '.join(map(str, taken.without)) or '全部 all'}{whose}")
    return "\n".join(lines) or "—"


def _print_versions(versions: Iterable[VersionView]) -> None:
    table = Table("版本 version", "自 counts from", "由 by", "于 at", "原因 reason")
    for one in versions:
        counts, at = (moment.astimezone().isoformat(sep=" ", timespec="seconds") for moment in (one.counts_from, one.at))
        table.add_row(f"{one.province}.{one.side}.{one.version}", counts, f"{one.by.id} ({one.by.role})", at, one.reason)
    Console().print(table)


def _give_up(command: str, why: str) -> NoReturn:
    click.echo(f"chakong rules {command}: {why}", err=True)
    sys.exit(WRONG)
