"""The figures of a stretch of hits, and when a rate counts as sustained."""

from __future__ import annotations

import pytest

from benchmarks.delivery.figures import Comparison, Sent, Stretch, stretch
from benchmarks.delivery.run import Step, best_rate, rate_to_compare


def evenly(count: int, rate: float) -> dict[str, Sent]:
    return {str(number): Sent("440106", 1_000 + number / rate) for number in range(count)}


def at(delay_s: float, sent: dict[str, Sent], *, growing: float = 0.0) -> dict[str, float]:
    """Each arrives after so long; ``growing``: so many seconds longer for each that came before."""
    return {hit: one.at + delay_s + growing * number for number, (hit, one) in enumerate(sent.items())}


def test_a_rate_at_which_each_arrives_at_once_is_sustained() -> None:
    sent = evenly(1_000, 100)
    one = stretch(100, sent, at(0.010, sent))
    assert one.is_sustained
    assert (one.hits, one.late) == (1_000, 0)
    assert one.sent_a_second == pytest.approx(100)
    assert one.arrived_a_second == pytest.approx(100, rel=0.01)
    assert (one.p50_ms, one.p99_ms) == (pytest.approx(10), pytest.approx(10))


def test_a_backlog_that_grows_is_not_sustained_although_all_arrive_within_the_grace() -> None:
    sent = evenly(1_000, 100)
    one = stretch(100, sent, at(0.0, sent, growing=0.001))  # the last is a second late: nine of ten arrive in time
    assert one.late == 0
    assert one.kept_up < 0.95
    assert not one.is_sustained


def test_what_arrives_after_the_grace_or_never_is_late() -> None:
    sent = evenly(1_000, 100)
    arrived = at(0.010, sent)
    del arrived["500"]
    arrived["999"] += 3
    one = stretch(100, sent, arrived)
    assert one.late == 2
    assert not one.is_sustained


def test_a_sender_that_falls_behind_sustains_nothing() -> None:
    sent = evenly(1_000, 90)
    assert not stretch(100, sent, at(0.010, sent)).is_sustained


def test_a_stretch_needs_two_hits() -> None:
    with pytest.raises(ValueError, match="at least two"):
        stretch(1, evenly(1, 1), {})


def step(rate: float, *, sustained: bool) -> Step:
    return Step(Stretch(rate, 100, rate, rate * 0.9, 1.0 if sustained else 0.5, 0, 1.0, None), 900.0)


def test_the_best_rate_is_the_highest_that_was_sustained() -> None:
    steps = [step(250, sustained=True), step(500, sustained=True), step(1_000, sustained=False)]
    assert best_rate(steps) == 500
    assert rate_to_compare(steps, 0.5) == 250


def test_where_no_rate_was_sustained_what_arrived_at_the_lowest_counts() -> None:
    steps = [step(250, sustained=False)]
    assert best_rate(steps) is None
    assert rate_to_compare(steps, 0.5) == 112.5


def test_dead_is_compared_with_alive_and_what_nobody_could_say_is_left_out() -> None:
    alive, dead = (Stretch(100, 100, 100, rate, 1, 0, p50, None) for rate, p50 in ((96, 4), (48, 6)))
    figures = Comparison([alive, alive], [dead]).as_json()
    assert figures.keys() == {"arrived_a_second", "p50_ms"}
    assert figures["arrived_a_second"] == {
        "alive": {"median": 96, "min": 96, "max": 96},
        "dead": {"median": 48, "min": 48, "max": 48},
        "ratio": 0.5,
    }
    assert figures["p50_ms"]["ratio"] == 1.5
