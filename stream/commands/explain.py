"""``chakong explain``: why a sighting hits or does not."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.table import Column, Table

from connectors.kafka.errors import KafkaError
from connectors.redis.errors import IndexUnavailableError
from deploy.local.errors import StackError
from matchers.sighting import Sighting, read_sighting
from matchers.verdict import SAYS
from matchers.wire import UnreadableError
from stream.core.hit import hit_id
from stream.core.resolve import Judgement, Outcome, judge
from stream.lines import opened
from stream.local import settings_here
from stream.services.rules import rules_now
from stream.wiring import open_index
from watchlists.index import Logged, Watchlist
from watchlists.order import Order, read_order
from watchlists.policy import Allowed, Denied, Policy, PolicyError
from watchlists.rules import judged_at

UNREADABLE: Final = 3
_OUTCOMES: Final = {
    Outcome.HIT: ("命中", "hit"),
    Outcome.OTHER_SUBJECT: ("不是同一对象", "not the subject of the order"),
    Outcome.BEFORE_CONTROL: ("早于控制期限", "before the control period"),
    Outcome.AFTER_CONTROL: ("控制期限已过", "after the control period"),
    Outcome.NO_RULE: ("政策无此规则", "no policy rule lets this pair hit"),
    Outcome.OVERLAY: ("省级细则排除", "a province's overlay takes the rule away"),
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that was considered."""

    sighting: Sighting
    judgements: Sequence[Judgement]
    ended: Sequence[str]


@click.command()
@click.argument("sighting", metavar="SIGHTING.json")
@click.option("--orders", metavar="ORDERS.ndjson", help="Judge against this file instead of the running index.")
@click.option("--overlay", "overlays", multiple=True, type=click.Path(path_type=Path), help="A province's policy overlay.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def explain(sighting: str, orders: str | None, overlays: tuple[Path, ...], *, as_json: bool) -> None:
    """Say why a sighting hits or does not: every key, every order considered, every rule."""
    try:
        with opened(sighting) as file:
            seen = read_sighting(file.read().strip())
        policy = Policy.national().with_overlays(overlays)
        if orders:
            candidates, ended = _from_file(orders, seen)
        else:
            candidates, ended, policy = asyncio.run(_as_it_runs(seen, policy))
    except UnreadableError as error:
        click.echo(f"chakong explain: the sighting cannot be read: {error.detail}", err=True)
        sys.exit(UNREADABLE)
    except (OSError, ValueError, PolicyError, StackError, IndexUnavailableError, KafkaError) as error:
        click.echo(f"chakong explain: {error}", err=True)
        sys.exit(2)
    explanation = Explanation(seen, [judge(order, seen, policy) for order in candidates], ended)
    if as_json or not sys.stdout.isatty():
        sys.stdout.buffer.write(msgspec.json.encode(as_object(explanation)) + b"\n")
    else:
        _print(explanation)


def as_object(explanation: Explanation) -> dict[str, Any]:
    """The explanation as JSON has it."""
    seen = explanation.sighting
    return {
        "sighting": seen.id,
        "station": seen.station.code,
        "keys": [{"kind": key.kind, "value": key.value} for key in seen.keys()],
        "warnings": list(seen.warnings),
        "orders": [_judgement(judgement, seen) for judgement in explanation.judgements],
        "ended_orders": list(explanation.ended),
        "hits": sum(judgement.outcome is Outcome.HIT for judgement in explanation.judgements),
    }


def _judgement(judgement: Judgement, seen: Sighting) -> dict[str, Any]:
    order, ruling = judgement.order, judgement.policy
    zh, en = _OUTCOMES[judgement.outcome]
    return {
        "order_id": order.id,
        "version": order.version,
        "measure": order.measure,
        "court": order.court.code,
        "outcome": judgement.outcome.value,
        "says": {"zh": zh, "en": en},
        "certainty": judgement.verdict.certainty if judgement.verdict.matches else None,
        "evidence": [
            {"on": e.on, "sighting": e.sighting, "order": e.order, "rule": e.rule.value, "says": SAYS[e.rule]._asdict()}
            for e in judgement.verdict.evidence
        ],
        "control": {"from": order.control.from_, "until": order.control.until, "occurred_at": seen.occurred_at},
        "policy": _ruling(ruling),
        "warnings": list(order.warnings()),
        "hit_id": hit_id(order.id, seen.station.code, seen.id) if judgement.outcome is Outcome.HIT else None,
    }


def _ruling(ruling: Allowed | Denied) -> dict[str, Any]:
    if isinstance(ruling, Denied):
        return {"denied": ruling.why, "detail": ruling.detail}
    return {
        "rule": ruling.rule,
        "instruction": ruling.instruction,
        "response": ruling.response,
        "respond_within_s": int(ruling.respond_within.total_seconds()),
        "group_within_s": int(ruling.group_within.total_seconds()),
        "expires_at": ruling.expires_at,
    }


def _from_file(path: str, seen: Sighting) -> tuple[list[Order], list[str]]:
    watchlist = Watchlist()
    touched: dict[str, None] = {}
    keys = set(seen.keys())
    with opened(path) as file:
        for line in file:
            if not line.strip():
                continue
            try:
                record = read_order(line.strip())
            except UnreadableError:
                continue
            watchlist.apply(Logged(record, line.strip()))
            if isinstance(record, Order) and not keys.isdisjoint(record.keys()):
                touched[record.id] = None
    candidates = watchlist.candidates(seen.keys())
    in_place = {order.id for order in candidates}
    return candidates, [order_id for order_id in touched if order_id not in in_place]


async def _as_it_runs(seen: Sighting, policy: Policy) -> tuple[list[Order], list[str], Policy]:
    """What the running index holds, and the policy under the provinces' rules of the sighting's time."""
    settings = settings_here()
    async with open_index(settings) as index:
        orders = (await index.lookup(seen.keys())).orders
    history = await rules_now(settings.kafka, policy)
    return orders, [], history.at(judged_at(seen.occurred_at, dt.datetime.now(dt.UTC)))


def _print(explanation: Explanation) -> None:
    console = Console()
    seen = explanation.sighting
    console.print(f"[bold]轨迹 sighting[/] {seen.station.code} / {seen.id}  {seen.kind}  {seen.occurred_at.isoformat()}")
    keys = Table("键 key", "规范形式 canonical form", title="关键字 keys", title_justify="left")
    for key in seen.keys():
        keys.add_row(key.kind, key.value)
    console.print(keys)
    for warning in seen.warnings:
        console.print(f"[yellow]注意 warning[/] {warning}")
    if not explanation.judgements:
        console.print("没有令状含有这些关键字。No order in place holds any of these keys: no hit.")
    for judgement in explanation.judgements:
        _print_judgement(console, judgement, seen)
    for order_id in explanation.ended:
        console.print(f"[dim]令状 {order_id} 曾含有这些关键字，现已解除或变更。This order held one of the keys before.[/]")


def _print_judgement(console: Console, judgement: Judgement, seen: Sighting) -> None:
    order, ruling = judgement.order, judgement.policy
    zh, en = _OUTCOMES[judgement.outcome]
    colour = "green" if judgement.outcome is Outcome.HIT else "red"
    title = f"令状 order {order.id} v{order.version} ({order.measure}, {order.court.code}): [{colour}]{zh} {en}[/]"
    columns = (Column(name, overflow="fold") for name in ("规则 rule", "轨迹 sighting", "令状 order", "说明"))
    table = Table(*columns, title=title, title_justify="left")
    for evidence in judgement.verdict.evidence:
        words = SAYS[evidence.rule]
        table.add_row(evidence.rule.value, evidence.sighting or "—", evidence.order or "—", f"{words.zh}\n{words.en}")
    until = order.control.until.isoformat() if order.control.until else "∞"
    period = f"{order.control.from_.isoformat()} … {until}"
    table.add_row("control", seen.occurred_at.isoformat(), period, "在控制期限内？within the control period?")
    says = f"{ruling.rule}: {ruling.instruction}" if isinstance(ruling, Allowed) else ruling.detail
    table.add_row("policy", seen.kind, order.measure, says)
    if isinstance(ruling, Allowed):
        table.add_row("clock", seen.occurred_at.isoformat(), ruling.expires_at.isoformat(), _clock(ruling))
    console.print(table)


def _clock(ruling: Allowed) -> str:
    zh, en = ("紧急", "urgent") if ruling.response == "urgent" else ("常规", "routine")
    respond, group = (int(span.total_seconds()) // 60 for span in (ruling.respond_within, ruling.group_within))
    grouped = (f"{group}分钟内同类合并", f"one matter within {group} min") if group else ("立即告知", "told at once")
    return f"{zh}：{respond}分钟内答复，{grouped[0]}\n{en}: answer within {respond} min; {grouped[1]}"
