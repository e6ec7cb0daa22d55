"""The race's result: put together, and shown in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from benchmarks.race.contestants import Contestant
from benchmarks.race.figures import Latency, Round, ratio, spread


@dataclass(slots=True)
class Standing:
    """All that is known of one contestant. ``failures`` say what was wrong, round by round; one is enough to fail."""

    contestant: Contestant
    hits_due: int
    unreadable_due: int
    rounds: list[Round] = field(default_factory=list)
    latency: Latency | None = None
    failures: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float | None:
        """The median of its rounds, in sightings a second."""
        return spread([one.rate for one in self.rounds]).median if self.rounds else None


def result(standings: Sequence[Standing]) -> list[dict[str, Any]]:
    """The contestants as they are kept. Ratios are to the limit and to the fastest Python peer that was never wrong."""
    limit = next((standing.rate for standing in standings if standing.contestant.kind == "limit"), None)
    peer = max((one.rate or 0 for one in standings if one.contestant.kind == "python" and not one.failures), default=None)
    return [_contestant(standing, limit, peer) for standing in standings]


def _contestant(standing: Standing, limit: float | None, peer: float | None) -> dict[str, Any]:
    contestant, rounds = standing.contestant, standing.rounds
    figures: dict[str, Any] = {}
    if rounds:
        figures = {
            "sightings_a_second": spread([one.rate for one in rounds])._asdict(),
            "cpu_us_a_sighting": spread([one.cpu_us for one in rounds])._asdict(),
            "resident_mb": spread([one.resident_mb for one in rounds])._asdict(),
        }
    return {
        "name": contestant.name,
        "title": contestant.title,
        "kind": contestant.kind,
        "right": not standing.failures if contestant.decides else None,
        "failures": standing.failures,
        **figures,
        "ratio_to_limit": ratio(standing.rate, limit),
        "ratio_to_best_python_peer": ratio(standing.rate, peer),
        "hits_due": standing.hits_due,
        "unreadable_due": standing.unreadable_due,
        "latency": asdict(standing.latency) if standing.latency else None,
        "rounds": [asdict(one) for one in rounds],
    }


def speeds(race: Mapping[str, Any]) -> Table:
    """How fast everyone was, and what it cost."""
    shown = _table(
        f"{race['orders']:,} orders, {race['keys']:,} keys, {race['sighting_bytes']} bytes a sighting,"
        f" medians of {race['rounds']} rounds",
        ("sightings/s", "CPU µs", "MB", "of limit", "× peer", "right"),
    )
    for one in race["contestants"]:
        shown.add_row(
            one["name"],
            _number(one.get("sightings_a_second", {}).get("median"), ",.0f"),
            _number(one.get("cpu_us_a_sighting", {}).get("median"), ",.2f"),
            _number(one.get("resident_mb", {}).get("median"), ",.0f"),
            _number(one["ratio_to_limit"], ".3f"),
            _number(one["ratio_to_best_python_peer"], ".2f"),
            {True: "yes", False: "[bold red]FAILED[/]", None: "—"}[one["right"]],
        )
    return shown


def latencies(race: Mapping[str, Any]) -> Table:
    """How late hits were."""
    shown = _table(
        f"Sighting sent to hit stored, at half of the above or {race['paced_rate_max']:,.0f}/s,"
        f" 1 hit in {1 / race['latency_hit_ratio']:,.0f}",
        ("sightings/s", "asked", "hits", "p50 ms", "p99 ms", "p99.9 ms"),
    )
    for one in race["contestants"]:
        if (late := one["latency"]) is not None:
            names = ("rate", "rate_asked", "hits", "p50_ms", "p99_ms", "p999_ms")
            shown.add_row(one["name"], *(_number(late[name], ",.0f") for name in names))
    return shown


def _table(title: str, headings: Sequence[str]) -> Table:
    shown = Table(title=title, title_justify="left", box=SIMPLE)
    shown.add_column("", no_wrap=True)
    for heading in headings:
        shown.add_column(heading, justify="right", no_wrap=True)
    return shown


def _number(value: float | None, form: str) -> str:
    return "—" if value is None else format(value, form)
