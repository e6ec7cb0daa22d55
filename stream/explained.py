"""Explanations as tables in a terminal: of the present state, and of a replay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Column, Table

from matchers.sighting import Sighting
from matchers.verdict import SAYS
from stream.core.explanation import AGREEMENTS, OUTCOMES, STATES, OrderPast, Past
from stream.core.replay import Agreement, State
from stream.core.resolve import Judgement, Outcome
from watchlists.policy import Allowed

_NOBODY: Final = "没有令状含有这些关键字。No order holds any of these keys: no hit."
_NOT_WHOLE: Final = "令状日志缺少开头，重演不完整。The log of orders has lost its beginning: this is not all of it."
_NO_TIMES: Final = "处处生效的时间现不可知。Redis does not answer: nobody can say when orders were in force everywhere."
_AGREES: Final = (Agreement.AGREES, Agreement.LATER, Agreement.NO_MORE)


def print_present(judgements: Sequence[Judgement], ended: Sequence[str], seen: Sighting) -> None:
    """Why a sighting hits or does not by the orders in place."""
    console = Console()
    _print_sighting(console, seen)
    if not judgements:
        console.print(_NOBODY)
    for judgement in judgements:
        order = judgement.order
        title = f"令状 order {order.id} v{order.version} ({order.measure}, {order.court.code}): {_coloured(judgement.outcome)}"
        _print_judgement(console, judgement, seen, title)
    for order_id in ended:
        console.print(f"[dim]令状 {order_id} 曾含有这些关键字，现已解除或变更。This order held one of the keys before.[/]")


def print_past(past: Past) -> None:
    """Why a sighting hit or did not at an instant, and what the log says to that."""
    console = Console()
    _print_sighting(console, past.sighting)
    console.print(f"[bold]此刻 at[/] {_time(past.at)}  政策 policy {past.policy_version}")
    if past.arrived is not None:
        console.print(f"[bold]到达 arrived[/] {_time(past.arrived.at)}  ({past.arrived.partition}/{past.arrived.offset})")
    if past.screened is not None:
        how = "追溯 by searching back" if past.screened.lookback else "实时 live"
        positions = ", ".join(f"{partition}: {offset}" for partition, offset in sorted(past.screened.positions.items()))
        console.print(f"[bold]初筛 screened[/] {_time(past.screened.at)}  {how}；过滤器位置 filter at {positions}")
    if not past.whole:
        console.print(f"[bold red]{_NOT_WHOLE}[/]")
    if not past.orders:
        console.print(_NOBODY)
    for order in past.orders:
        _print_order(console, order, past.sighting)
    if not past.times_known:
        console.print(f"[dim]{_NO_TIMES}[/]")


def _print_sighting(console: Console, seen: Sighting) -> None:
    console.print(f"[bold]轨迹 sighting[/] {seen.station.code} / {seen.id}  {seen.kind}  {seen.occurred_at.isoformat()}")
    keys = Table("键 key", "规范形式 canonical form", title="关键字 keys", title_justify="left")
    for key in seen.keys():
        keys.add_row(key.kind, key.value)
    console.print(keys)
    for warning in seen.warnings:
        console.print(f"[yellow]注意 warning[/] {warning}")


def _print_order(console: Console, order: OrderPast, seen: Sighting) -> None:
    then, finding = order.then, order.finding
    judgement = then.judgement
    if judgement is not None and then.state is State.IN_PLACE:
        said = _coloured(judgement.outcome)
    else:
        said = f"[red]{STATES[then.state].zh} {STATES[then.state].en}[/]"
    if judgement is None:
        console.print(f"令状 order {then.id}: {said}")
    else:
        version = judgement.order
        title = f"令状 order {then.id} v{version.version} ({version.measure}, {version.court.code}): {said}"
        _print_judgement(console, judgement, seen, title)
    steps = Table("时间 at", "版本 v", "记录 record", "结果 what it did", "处处 everywhere at", title_justify="left")
    everywhere = {mark.version: mark.at for mark in order.everywhere}
    for step in then.steps:
        at = everywhere.get(step.version) if step.decision.changes else None
        row = (_time(step.at), str(step.version), step.action, step.decision.value, "—" if at is None else _time(at))
        steps.add_row(*row, style=None if step.before else "dim")
    console.print(steps)
    for logged in order.hits:
        hit = logged.hit
        how = "，追溯 lookback" if hit.lookback else ""
        console.print(
            f"[bold]日志 on the log[/] 命中 hit {hit.id} v{hit.order_version} {hit.certainty} {hit.instruction}"
            f"  {_time(hit.detected_at)}{how}"
        )
    words = AGREEMENTS[finding.agreement]
    differing = f" ({', '.join(finding.differences)})" if finding.differences else ""
    colour = "green" if finding.agreement in _AGREES else "bold red"
    console.print(f"[{colour}]{words.zh}。{words.en[0].upper()}{words.en[1:]}{differing}.[/]\n")


def _coloured(outcome: Outcome) -> str:
    colour = "green" if outcome is Outcome.HIT else "red"
    return f"[{colour}]{OUTCOMES[outcome].zh} {OUTCOMES[outcome].en}[/]"


def _print_judgement(console: Console, judgement: Judgement, seen: Sighting, title: str) -> None:
    order, ruling = judgement.order, judgement.policy
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


def _time(moment: dt.datetime) -> str:
    return moment.astimezone().isoformat(sep=" ", timespec="milliseconds")
