"""README.md shows what the commands really say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from stream.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ("screening", "latency", "filter")
PAGE = (ROOT / "README.md").read_text("utf-8")


def test_the_scan_shown_is_the_scan_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shown = re.search(r"\$ chakong (scan .*?) \|\n.*?\n(.*?)```", PAGE, flags=re.DOTALL)
    assert shown
    run = CliRunner().invoke(main, shown[1].split())
    hits = [json.loads(line) for line in run.stdout.splitlines()]
    lines = [[hit["order_id"], hit["certainty"], hit["instruction"], *(check["en"] for check in hit["checks"])] for hit in hits]

    assert run.exit_code == 0
    said = [*(json.dumps(line, separators=(",", ":")) for line in lines), *run.stderr.splitlines()]
    assert [_timeless(line) for line in shown[2].splitlines()] == [_timeless(line) for line in said]


def _timeless(line: str) -> str:
    return re.sub(r"[\d,.]+( s\b|/s)", r"…\1", line).rstrip()


def test_every_command_is_told() -> None:
    assert {
        name
        for row in re.findall(r"^\| (`chakong .*?) \|", PAGE, flags=re.MULTILINE)
        for name in re.findall(r"chakong (\w+)", row)
    } == set(COMMANDS)


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/operations.md", "docs/policy.md"])
def test_links_within_the_project_lead_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text("utf-8")):
        assert (ROOT / page).parent.joinpath(link).exists(), link


def test_the_figures_are_those_that_were_measured() -> None:
    screening, latency, probes = (json.loads((ROOT / f"benchmarks/results/{name}.json").read_text()) for name in BENCHMARKS)
    engine, stock = screening["engine"], screening["stock_faust"]
    ours, theirs = (probe["probe_ns_key"] for probe in probes["results"][:2])
    for said in (
        f"{screening['orders']:,} orders: {engine['sightings_a_second']:,.0f} sightings a second by one worker,"
        f" {screening['ratio_of_rates']:.0f} times a stock Faust agent in the same run ({stock['sightings_a_second']:,.0f})",
        f"{engine['resident_mb']:.0f} MB resident, screening {engine['cold_start_seconds']:.0f} s after its start",
        f"at {latency['sightings_a_second_asked']:,.0f} sightings a second, from produced to webhook received:"
        f" p50 {latency['p50_ms']:.0f} ms, p99 {latency['p99_ms']:.0f} ms",
        f"{probes['keys']:,} keys: {ours:.0f} ns a key, {theirs / ours:.0f} times pybloom-live key by key",
    ):
        assert said in PAGE
