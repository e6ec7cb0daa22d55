"""Medians, percentiles and ratios."""

from __future__ import annotations

import pytest

from benchmarks.race.figures import Round, latency, percentile, ratio, spread


def test_a_spread_is_the_median_and_both_ends() -> None:
    assert spread([30.0, 10.0, 20.0]) == (20.0, 10.0, 30.0)
    assert spread([1.0, 2.0]).median == 1.5


def test_a_percentile_is_a_value_that_was_measured() -> None:
    hundred = [float(n) for n in range(1, 101)]
    assert percentile(hundred, 0.5) == 50
    assert percentile(hundred, 0.99) == 99
    assert percentile([7.0, 8.0, 9.0], 0.5) == 8


def test_too_few_values_have_no_high_percentile() -> None:
    assert percentile([1.0] * 999, 0.999) is None
    assert percentile([*([1.0] * 999), 2.0], 0.999) == 1
    assert percentile([], 0.5) is None


def test_a_round_counts_seconds_and_cpu_a_sighting() -> None:
    round_ = Round(sightings=2_000_000, seconds=4.0, cpu_seconds=6.0, resident_mb=100.0, hits=200, unreadable=0)
    assert round_.rate == 500_000
    assert round_.cpu_us == pytest.approx(3.0)


def test_latency_says_what_rate_was_reached() -> None:
    late = latency([3.0, 1.0, 2.0], asked=1000.0, sent=5000, seconds=10.0)
    assert (late.rate_asked, late.rate, late.hits) == (1000.0, 500.0, 3)
    assert late.p50_ms == 2
    assert late.p99_ms is None


def test_a_ratio_needs_both_sides() -> None:
    assert ratio(3.0, 2.0) == 1.5
    assert ratio(None, 2.0) is None
    assert ratio(3.0, None) is None
    assert ratio(3.0, 0.0) is None
