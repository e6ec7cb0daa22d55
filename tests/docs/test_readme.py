"""README.md shows what the commands really say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from stream.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ("race", "keys", "latency", "memory", "orders", "filter")
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


@pytest.mark.parametrize(
    "page", [path.relative_to(ROOT) for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])], ids=str
)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text("utf-8")):
        assert (ROOT / page).parent.joinpath(link).exists(), link


def test_the_figures_are_those_that_were_measured() -> None:
    race, keys, latency, memory, orders, probes = (
        json.loads((ROOT / f"benchmarks/results/{name}.json").read_text()) for name in BENCHMARKS
    )
    rates = {one["name"]: one["sightings_a_second"]["median"] for one in race["contestants"]}
    best_rate, best = max((rates[one["name"]], one["title"]) for one in race["contestants"] if one["kind"] == "python")
    ours, stock = rates["chakong-1"], rates["faust-redis"]
    probe, theirs = (one["probe_ns_key"] for one in probes["results"][:2])
    worker = memory["worker_with_the_snapshot"]
    for said in (
        f"{race['orders']:,} orders: {ours:,.0f} sightings a second by one worker: {ours / stock:.0f} times a stock Faust agent"
        f" that asks Redis ({stock:,.0f}), {ours / best_rate:.1f} times the best Python peer ({best}),"
        f" {ours / rates['kafka-streams']:.1f} times Kafka Streams on the JVM,"
        f" {ours / rates['limit']:.2f} of a loop that consumes and throws away",
        f'from a record\'s bytes to "nobody seeks this": {keys["results"][0]["engine_us"]:.2f} µs,'
        f" {keys['results'][0]['ratio']:.0f} times faster than one by one",
        f"at {latency['sightings_a_second_asked']:,.0f} sightings a second, from produced to webhook received:"
        f" p50 {latency['p50_ms']:.0f} ms, p99 {latency['p99_ms']:.0f} ms",
        f"{memory['orders']:,} orders: {worker['resident_mb']:.0f} MB resident,"
        f" screening {worker['ready_s']:.0f} s after its start",
        f"{orders['bytes_an_order']:.0f} bytes of Redis an order",
        f"{probes['keys']:,} keys: {probe:.0f} ns a key, {theirs / probe:.0f} times pybloom-live key by key",
    ):
        assert said in PAGE
