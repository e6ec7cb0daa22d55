"""The result in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from benchmarks.delivery.figures import Comparison
from benchmarks.delivery.run import Step


def ramp(steps: Sequence[Step]) -> Table:
    """One row a rate."""
    table = Table(title="hits a second through one worker", title_justify="left")
    for column in ("asked", "sent", "arrived", "late", "p50 ms", "p99 ms", "CPU µs a hit", "sustained"):
        table.add_column(column, justify="right")
    for step in steps:
        one = step.stretch
        numbers = (one.rate, one.sent_a_second, one.arrived_a_second, one.late, one.p50_ms, one.p99_ms, step.cpu_us)
        table.add_row(*map(_text, numbers), "yes" if one.is_sustained else "no")
    return table


def living(comparison: Comparison, failing: int) -> Table:
    """The courts that never fail, beside dead ones or not; medians, with their extremes."""
    table = Table(title="the courts that do not fail", title_justify="left")
    for column in ("", "all alive", f"{failing} dead", "ratio"):
        table.add_column(column, justify="right")
    for name, figures in comparison.as_json().items():
        cells = (_spread(figures["alive"]), _spread(figures["dead"]), f"{figures['ratio']:.3f}")
        table.add_row(name.replace("_", " "), *cells)
    return table


def _spread(figure: dict[str, Any]) -> str:
    return f"{_text(figure['median'])} ({_text(figure['min'])} to {_text(figure['max'])})"


def _text(number: float | None) -> str:
    return "" if number is None else f"{number:,.4g}" if number < 1000 else f"{number:,.0f}"
