"""The chart of ``bench scale``. Run by the peers' interpreter, which has matplotlib.

python -m benchmarks.scale_chart RESULT.json FOLDER
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
from matplotlib.ticker import FuncFormatter, NullFormatter

RED, INK, FAINT, LINE = "#c8102e", "#1d2939", "#667085", "#d0d5dd"
PANELS: Final = (
    ("orders", "orders", "cpu_us", "log"),
    ("sighting_bytes", "bytes a sighting", "cpu_us", "log"),
    ("keys_a_sighting", "keys a sighting", "cpu_us", "linear"),
    ("workers", "workers", "sightings_a_second", "linear"),
    ("partitions", "partitions a topic", "sightings_a_second", "log"),
    ("hit_ratio", "share of sightings that hit", "cpu_us", "log"),
)
HEADS: Final = {
    "cpu_us": "CPU µs a sighting, one core, without Kafka",
    "sightings_a_second": "sightings a second, through Kafka",
    "hit_ratio": "CPU µs a sighting, all threads, with delivery",
}
_THOUSAND: Final = 1000


def draw(scale: Mapping[str, Any], folder: Path) -> None:
    """Write ``scale.png`` and ``scale.svg``; what was not measured is left out."""
    panels = [panel for panel in PANELS if panel[0] in scale]
    mpl.rcParams.update({"font.family": "DejaVu Sans", "font.size": 12, "text.color": INK, "svg.hashsalt": "scale"})
    rows = (len(panels) + 2) // 3
    figure, grid = plt.subplots(rows, 3, figsize=(14, 0.9 + 3.7 * rows), layout="constrained", squeeze=False)
    figure.get_layout_engine().set(w_pad=0.18, h_pad=0.14)
    for axes, (name, title, value, form) in zip(grid.flat, panels, strict=False):
        _panel(axes, scale[name], title, value, HEADS.get(name, HEADS[value]), form)
    figure.suptitle("What a sighting costs as the work grows", x=0.012, ha="left", fontsize=19, fontweight="bold")
    machine = scale["machine"]
    caption = f"On {machine['cores']} cores ({machine['cpu']}) that run Kafka and Redis too."
    figure.supxlabel(caption, x=0.012, ha="left", fontsize=11, color=FAINT)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "scale.png", dpi=130, facecolor="white")
    figure.savefig(folder / "scale.svg", facecolor="white", metadata={"Date": None})


def _panel(axes: Any, points: Sequence[Mapping[str, float]], title: str, value: str, head: str, form: str) -> None:
    at = [point["at"] for point in points]
    values = [point[value] for point in points]
    spread = max(values) / min(values) > 10
    axes.plot(at, values, color=RED, marker="o", linewidth=2)
    for x, y in zip(at, values, strict=True):
        axes.annotate(_short(y), (x, y), xytext=(0, 9), textcoords="offset points", ha="center", fontsize=11)
    axes.set_xscale(form)
    if spread:
        axes.set_yscale("log")
        axes.set_ylim(min(values) / 2, max(values) * 4)
    else:
        axes.set_ylim(0, max(values) * 1.25)
    axes.margins(x=0.12)
    axes.set_xticks(at, [_short(x) for x in at])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: _short(number)))
    axes.set_xlabel(title, color=INK)
    axes.set_title(head, loc="left", fontsize=11, color=FAINT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.tick_params(colors=FAINT, labelsize=10)
    axes.minorticks_off()


def _short(value: float) -> str:
    if value >= _THOUSAND * _THOUSAND:
        return f"{value / _THOUSAND / _THOUSAND:.3g} M"
    if value >= 10 * _THOUSAND:
        return f"{value / _THOUSAND:.3g} k"
    if value >= _THOUSAND:
        return f"{value:,.0f}"
    return f"{value:.2g}" if value < 1 else f"{value:.3g}"


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]))
