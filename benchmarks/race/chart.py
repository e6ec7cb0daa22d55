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
from matplotlib.ticker import FuncFormatter

COLOURS: Final = {"engine": "#c8102e", "python": "#98a2b3", "jvm": "#667085", "limit": "#d0d5dd"}
INK: Final = "#1d2939"
FAINT: Final = "#667085"
WIDTH_IN: Final = 13.0
BAR_IN: Final = 0.5
AROUND_IN: Final = 2.2
"""Height of what is above and below the bars."""
BAR: Final = 0.7
ROOM: Final = 1.18
"""The axis, in lengths of the longest bar: its number stands behind it."""
COST_AT: Final = 1.13
"""Where the column of costs ends, in widths of the axis."""
_THOUSAND: Final = 1000


def draw(race: Mapping[str, Any], folder: Path) -> None:
    """Write ``race.png`` and ``race.svg``; contestants that were never measured are left out."""
    ran = [one for one in race["contestants"] if "sightings_a_second" in one]
    ran.sort(key=lambda one: one["sightings_a_second"]["median"])
    mpl.rcParams.update({"font.family": "DejaVu Sans", "font.size": 14, "text.color": INK, "svg.hashsalt": "race"})
    figure, axes = plt.subplots(figsize=(WIDTH_IN, AROUND_IN + BAR_IN * len(ran)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.15, h_pad=0.1)
    _bars(axes, ran)
    _costs(axes, ran)
    axes.set_yticks(range(len(ran)), [_label(one) for one in ran], color=INK)
    for label, one in zip(axes.get_yticklabels(), ran, strict=True):
        label.set_fontweight(_weight(one))
    title = f"From topic to decision: {race['orders']:,} orders, {race['keys']:,} keys, 1 hit in {1 / race['hit_ratio']:,.0f}"
    figure.suptitle(title, x=0.012, ha="left", fontsize=19, fontweight="bold")
    figure.supxlabel(_caption(race), x=0.012, ha="left", fontsize=12, color=FAINT, linespacing=1.4)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "race.png", dpi=150, facecolor="white")
    figure.savefig(folder / "race.svg", facecolor="white", metadata={"Date": None})


def _bars(axes: Any, ran: Sequence[Mapping[str, Any]]) -> None:
    rates = [one["sightings_a_second"] for one in ran]
    values = [rate["median"] for rate in rates]
    axes.barh(range(len(ran)), values, BAR, color=[COLOURS[one["kind"]] for one in ran])
    for place, (one, rate) in enumerate(zip(ran, rates, strict=True)):
        if rate["max"] > rate["min"]:
            axes.plot([rate["min"], rate["max"]], [place, place], color=INK, linewidth=1.4, solid_capstyle="butt")
        axes.annotate(
            f"{rate['median']:,.0f}",
            (rate["max"], place),
            xytext=(9, 0),
            textcoords="offset points",
            va="center_baseline",
            fontweight=_weight(one),
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )
    limit = next((one for one in ran if one["kind"] == "limit"), None)
    if limit is not None:
        axes.axvline(limit["sightings_a_second"]["median"], color=FAINT, linestyle=(0, (3, 3)), linewidth=1.1, zorder=0)
    axes.set_title("sightings a second", loc="left", fontsize=14, color=FAINT, pad=10)
    axes.set_xlim(0, max(rate["max"] for rate in rates) * ROOM)
    axes.set_ylim(-0.6, len(ran) - 0.4)
    axes.xaxis.set_major_formatter(FuncFormatter(_short))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(COLOURS["limit"])
    axes.tick_params(axis="y", length=0, pad=8)
    axes.tick_params(axis="x", colors=FAINT, labelsize=12)


def _costs(axes: Any, ran: Sequence[Mapping[str, Any]]) -> None:
    """A column of numbers beside the bars: the range from the engine to the slowest is too wide for bars."""
    where = axes.get_yaxis_transform()
    for place, one in enumerate(ran):
        cost = f"{one['cpu_us_a_sighting']['median']:,.1f}"
        axes.text(COST_AT, place, cost, transform=where, ha="right", va="center_baseline", fontweight=_weight(one))
    head = {"xytext": (0, 10), "textcoords": "offset points", "ha": "right", "va": "baseline", "fontsize": 14, "color": FAINT}
    axes.annotate("CPU µs each", (COST_AT, 1), xycoords="axes fraction", **head)


def _caption(race: Mapping[str, Any]) -> str:
    rounds, machine = race["rounds"], race["machine"]
    what = "One round" if rounds == 1 else f"Medians and ranges of {rounds} interleaved rounds"
    return (
        f"{what} on {machine['cores']} cores ({machine['cpu']}) that run Kafka and Redis too."
        f" {race['sighting_bytes']} bytes a sighting.\nCPU: all threads of a contestant's own processes."
    )


def _short(value: float, _place: int) -> str:
    if value >= _THOUSAND * _THOUSAND:
        return f"{value / _THOUSAND / _THOUSAND:g} M"
    return f"{value / _THOUSAND:g} k" if value >= _THOUSAND else f"{value:g}"


def _weight(one: Mapping[str, Any]) -> str:
    return "bold" if one["kind"] == "engine" else "normal"


def _label(one: Mapping[str, Any]) -> str:
    wrong = " (wrong answers)" if one["right"] is False else ""
    return f"{one['title']}{wrong}"


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]))
