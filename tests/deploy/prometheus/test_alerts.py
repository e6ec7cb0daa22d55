"""The shipped alerts ask for metrics, labels and reasons that exist, and their runbooks are written.

The rules themselves were read by promtool. There is no YAML reader among the dependencies, and one is not needed here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import Counter, Gauge, Histogram

from stream import metrics
from stream.core.check import Answer
from stream.core.delivery import Step
from stream.core.incident_due import Late
from stream.core.reachability import Reach
from watchlists.lifecycle import Decision

ROOT = Path(__file__).resolve().parents[3]
TEXT = "\n".join(
    line for line in (ROOT / "deploy/prometheus/alerts.yaml").read_text("utf-8").splitlines() if not line.startswith("#")
)
SERIES = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_sum", "_count")}
KNOWN_REASONS = {"invalid_order", *Decision}


def labels_by_series() -> dict[str, set[str]]:
    found = {}
    for metric in vars(metrics).values():
        for kind, endings in SERIES.items():
            if isinstance(metric, kind):
                found |= {f"{metric.describe()[0].name}{ending}": set(metric._labelnames) for ending in endings}
    return found


EXISTING = labels_by_series()
ASKED = set(re.findall(r"\bchakong_\w+", TEXT))


def test_there_are_metrics_to_compare_with() -> None:
    assert "chakong_screening" in EXISTING
    assert "chakong_deliveries_total" in EXISTING


@pytest.mark.parametrize("name", sorted(ASKED))
def test_every_metric_that_an_alert_asks_for_exists(name: str) -> None:
    assert name in EXISTING


@pytest.mark.parametrize(("name", "selector"), sorted(set(re.findall(r"\b(chakong_\w+)\{([^}]*)\}", TEXT))))
def test_every_label_and_value_that_an_alert_selects_exists(name: str, selector: str) -> None:
    known = {
        "step": set(get_args(Step)),
        "reason": KNOWN_REASONS if name == "chakong_dead_letters_total" else {"unavailable", "behind"},
        "action": {"place", "amend", "release"},
        "state": set(Reach),
        "answer": {*get_args(Answer), "cannot_say"},
        "why": set(Late),
    }
    for label, values in re.findall(r'(\w+)=~?"([^"]*)"', selector):
        assert label in EXISTING[name]
        assert set(values.split("|")) <= known[label]


def test_every_alert_has_a_severity_a_summary_and_a_written_runbook() -> None:
    alerts = re.split(r"^ +- alert: ", TEXT, flags=re.MULTILINE)[1:]
    assert len({alert.split()[0] for alert in alerts}) == len(alerts) > 0
    pages: dict[str, set[str]] = {}
    for alert in alerts:
        assert re.search(r"severity: (critical|warning)\b", alert)
        assert "summary: " in alert
        page, _, anchor = re.search(r"runbook: (\S+)", alert).group(1).partition("#")
        if page not in pages:
            headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE)
            pages[page] = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in pages[page], anchor
