"""What a person sees of a run: a live table in a terminal, plain lines in a pipe, a summary at the end."""

from __future__ import annotations

import time
from typing import Final

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from stream.demo.run import Plan, Progress, Report, percentiles

_RECENT: Final = 2000


class Rates:
    """Rates between two looks."""

    def __init__(self) -> None:
        self._at, self._sent, self._received = time.monotonic(), 0, 0
        self.sent_per_s = self.received_per_s = 0.0

    def look(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._at < 1.0:
            return
        self.sent_per_s = (progress.sent - self._sent) / (now - self._at)
        self.received_per_s = (progress.received - self._received) / (now - self._at)
        self._at, self._sent, self._received = now, progress.sent, progress.received


def live(plan: Plan, progress: Progress, rates: Rates) -> Panel:
    """The picture of a moment."""
    rates.look(progress)
    p50, p95, p99 = percentiles(progress.latencies_s[-_RECENT:])
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.add_row("轨迹 sightings sent", f"{progress.sent:,}", f"{rates.sent_per_s:,.0f}/s")
    table.add_row("命中 hits at the court", f"{progress.received:,}", f"{rates.received_per_s:,.0f}/s")
    table.add_row("时延 produced → received", f"p50 {p50 * 1000:.0f} ms", f"p95 {p95 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")
    table.add_row(
        "令状 orders in force", f"{plan.orders:,}" if progress.late_orders_s else "…", f"after {progress.orders_s:.2f} s"
    )
    if progress.late_orders_s is not None:
        table.add_row(
            "新令 orders placed in mid-stream", "", f"in force everywhere after {progress.late_orders_s * 1000:.0f} ms"
        )
    if progress.release_s is not None:
        says = f"felt everywhere after {progress.release_s * 1000:.0f} ms"
        table.add_row("解除 released in mid-stream", f"{progress.releases:,}", says)
    if progress.kills:
        table.add_row("故障 workers killed", f"{progress.kills}", "SIGKILL, started again")
    return Panel(Group(Text(progress.stage, style="cyan"), table), title="查控 Chakong", title_align="left", width=88)


def summary(report: Report, console: Console) -> None:
    """The reconciliation against the truth."""
    result, progress = report.result, report.progress
    p50, p95, p99 = percentiles(progress.latencies_s)
    table = Table(title="对账 reconciled against the truth", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_row("轨迹 sightings", f"{progress.sent:,} in {report.seconds:.0f} s")
    table.add_row("应命中 expected", f"{result.due:,}")
    table.add_row("已命中 found", f"{result.found:,}")
    table.add_row("漏报 missed", _good_if_zero(len(result.missed)))
    table.add_row("误报 false", _good_if_zero(len(result.false)))
    table.add_row("错判 wrong certainty or instruction", _good_if_zero(len(result.wrong)))
    table.add_row("解除后仍报 reported after release", _good_if_zero(len(result.after_release)))
    table.add_row("未撤回 released and not withdrawn", _good_if_zero(len(result.not_withdrawn)))
    table.add_row("已撤回 withdrawn after release", f"{result.withdrawn:,}")
    table.add_row("并案 told by their matter", f"{result.grouped:,}")
    table.add_row("两可 either answer right (order or release under way)", f"{result.either:,}")
    table.add_row("重复 delivered again (same id)", f"{result.repeated:,}")
    table.add_row("不可读 unreadable sent / dead letters", f"{progress.unreadable:,} / {report.dead_letters:,}")
    table.add_row("时延 latency p50 / p95 / p99", f"{p50 * 1000:.0f} / {p95 * 1000:.0f} / {p99 * 1000:.0f} ms")
    if progress.release_s is not None:
        table.add_row("解除生效 release felt everywhere", f"{progress.release_s * 1000:.0f} ms")
    if progress.kills:
        table.add_row("故障 workers killed with SIGKILL", f"{progress.kills}")
    console.print(table)


def _good_if_zero(count: int) -> Text:
    return Text(f"{count:,}", style="green" if not count else "bold red")
