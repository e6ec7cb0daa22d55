"""The race's chart: how fast, and what a sighting costs. Run by the peers' interpreter, which has matplotlib.

python -m benchmarks.race.chart RESULT.json FOLDER
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

COLOURS: Final = {"engine": "#c8102e", "python": "#8a94a6", "jvm": "#5b7083", "limit": "#d9dde3"}
INK: Final = "#1f2933"
FAINT: Final = "#667085"
SIZE_IN: Final = (13.0, 6.6)
BAR: Final = 0.66


def draw(race: Mapping[str, Any], folder: Path) -> None:
    """Write ``race.png`` and ``race.svg``; contestants that were never measured are left out."""
    ran = [one for one in race["contestants"] if "sightings_a_second" in one]
    ran.sort(key=lambda one: one["sightings_a_second"]["median"])
    mpl.rcParams.update({"font.family": "DejaVu Sans", "font.size": 13, "text.color": INK, "svg.hashsalt": "race"})
    figure, (rates, costs) = plt.subplots(1, 2, figsize=SIZE_IN, sharey=True, width_ratios=(1.55, 1), layout="constrained")
    _bars(rates, ran, "sightings_a_second", "{:,.0f}")
    _bars(costs, ran, "cpu_us_a_sighting", "{:,.1f}")
    rates.set_yticks(range(len(ran)), [_label(one) for one in ran])
    rates.set_title("sightings a second", loc="left", fontsize=14, color=FAINT)
    costs.set_title("CPU µs a sighting, all threads", loc="left", fontsize=14, color=FAINT)
    limit = next((one for one in ran if one["kind"] == "limit"), None)
    if limit is not None:
        rates.axvline(limit["sightings_a_second"]["median"], color=FAINT, linestyle=(0, (4, 3)), linewidth=1.2, zorder=0)
    figure.suptitle(
        f"From topic to decision: {race['orders']:,} orders, {race['keys']:,} keys, 1 hit in {1 / race['hit_ratio']:,.0f}",
        x=0.01,
        ha="left",
        fontsize=18,
        fontweight="bold",
    )
    machine = race["machine"]
    figure.supxlabel(
        f"Medians of {race['rounds']} interleaved rounds on {machine['cores']} cores ({machine['cpu']}) that run Kafka and"
        f" Redis too; {race['sighting_bytes']} bytes a sighting. Logarithmic scales.",
        x=0.01,
        ha="left",
        fontsize=11.5,
        color=FAINT,
    )
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "race.png", dpi=150, facecolor="white")
    figure.savefig(folder / "race.svg", facecolor="white", metadata={"Date": None})


def _bars(axes: Any, ran: Sequence[Mapping[str, Any]], figure: str, form: str) -> None:
    values = [one[figure]["median"] for one in ran]
    colours = [COLOURS[one["kind"]] for one in ran]
    bars = axes.barh(range(len(ran)), values, BAR, color=colours)
    spreads = [(value - one[figure]["min"], one[figure]["max"] - value) for value, one in zip(values, ran, strict=True)]
    axes.errorbar(
        values, range(len(ran)), xerr=list(zip(*spreads, strict=True)), fmt="none", ecolor=INK, elinewidth=1, capsize=2
    )
    axes.bar_label(bars, [form.format(value) for value in values], padding=8, fontsize=13)
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 2, max(values) * 4)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color("#c5cad3")
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", which="both", colors=FAINT, labelsize=11)


def _label(one: Mapping[str, Any]) -> str:
    wrong = " (wrong answers)" if one["right"] is False else ""
    return f"{one['title']}{wrong}"


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]))
