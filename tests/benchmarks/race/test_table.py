"""What is kept of a race, and what it says of those who were wrong."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from benchmarks.race.contestants import CONTESTANTS
from benchmarks.race.figures import Latency, Round
from benchmarks.race.table import Standing, latencies, result, speeds

BY_NAME = {one.name: one for one in CONTESTANTS}
RACE = {"orders": 10, "keys": 16, "sighting_bytes": 350, "rounds": 2, "paced_rate_max": 100_000, "latency_hit_ratio": 0.01}


def standing(name: str, *rates: float, wrong: str = "") -> Standing:
    rounds = [Round(1000, 1000 / rate, 0.004, 50.0, 7, 1) for rate in rates]
    return Standing(BY_NAME[name], 7, 1, rounds, failures=[wrong] if wrong else [])


def kept(*standings: Standing) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in result(standings)}


def test_ratios_are_to_the_limit_and_to_the_best_python_peer() -> None:
    race = kept(standing("chakong-1", 300, 500), standing("bytewax", 100), standing("kafka-python", 50), standing("limit", 800))

    assert race["chakong-1"]["sightings_a_second"] == {"median": 400, "min": 300, "max": 500}
    assert race["chakong-1"]["ratio_to_limit"] == 0.5
    assert race["chakong-1"]["ratio_to_best_python_peer"] == 4


def test_a_peer_that_was_wrong_is_no_measure() -> None:
    race = kept(standing("chakong-1", 400), standing("bytewax", 200, wrong="round 1: 1 missed"), standing("quix", 100))

    assert race["bytewax"]["right"] is False
    assert race["chakong-1"]["ratio_to_best_python_peer"] == 4
    assert race["chakong-1"]["ratio_to_limit"] is None


def test_the_limit_decides_nothing_and_is_neither_right_nor_wrong() -> None:
    assert kept(standing("limit", 800))["limit"]["right"] is None


def test_the_table_marks_who_was_wrong() -> None:
    race = RACE | {"contestants": result([standing("bytewax", 200, wrong="round 1: 1 missed"), standing("quix")])}
    console = Console(width=100, record=True)
    console.print(speeds(race), latencies(race))

    assert "FAILED" in next(line for line in console.export_text().splitlines() if "bytewax" in line)


def test_latencies_stand_with_the_rate_that_was_reached() -> None:
    one = standing("quix", 100)
    one.latency = Latency(50.0, 49.0, 490, 5, 12.0, None, None)
    console = Console(width=100, record=True)
    console.print(latencies(RACE | {"contestants": result([one])}))

    assert "quix 49 50 5 12 — —" in " ".join(console.export_text().split())
