"""Latency: sightings are sent at a rate, and each hit is held against the time of the sighting that it is about."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from benchmarks.race.course import Plan
from benchmarks.race.figures import Latency, latency
from benchmarks.race.ground import Ground, Sender
from benchmarks.race.judge import Pair, Truth, failures, pairs_of
from benchmarks.race.runs import ContestError, Runner, Started
from synthetic.clock import paced
from synthetic.crowd import SyntheticSighting

LINGER_MS: Final = 5
HITS_WANTED: Final = 1_000
SECONDS_MAX: Final = 60.0
FIRST: Final = 2_000
"""Sightings that are there before the contestant: their hits tell that it is at work, and are not measured."""
READY_S_MAX: Final = 180.0
_POLL_S: Final = 0.2
_LAST_HITS_S: Final = 30.0


def rate_of(plan: Plan, best_rate: float) -> float:
    """Half of what a contestant can, or what the sender can."""
    return min(best_rate / 2, plan.paced_rate_max)


def sightings_of(plan: Plan, rate: float) -> int:
    """How many are sent: long enough for enough hits, and not for ever."""
    seconds = min(max(plan.latency_seconds, HITS_WANTED / (rate * plan.latency_hit_ratio)), SECONDS_MAX)
    return int(rate * seconds)


def pursue(
    ground: Ground, runner: Runner, sightings: Sequence[SyntheticSighting], rate: float, advance: Callable[[int], None]
) -> tuple[Latency, list[str]]:
    """Measure one contestant on sightings that are sent at ``rate`` a second, after the first of them; and what is wrong.

    Raises:
        ContestError: it did not begin, or ended.
    """
    first, rest = sightings[:FIRST], sightings[FIRST:]

    def send_first(topic: Callable[[str], str]) -> int:
        sender = Sender(ground.bootstrap, topic, LINGER_MS)
        for sighting in first:
            sender.send(sighting)
        sender.flush()
        return len(first)

    started = runner.start(len(sightings), send_first)
    try:
        _wait_for(ground, started, {pair for sighting in first for pair in pairs_of(sighting)}, READY_S_MAX)
        sent_at, seconds = _send(Sender(ground.bootstrap, started.topic, LINGER_MS), rest, rate, advance)
        unreadable = started.finish()
        truth = Truth.of(sightings)
        found = _wait_for(ground, started, set(truth.pairs), _LAST_HITS_S)
    finally:
        started.stop()
    milliseconds = [at - sent_at[pair] for pair, at in found.items() if pair in sent_at]
    return latency(milliseconds, rate, len(rest), seconds), failures(truth, found.keys(), unreadable)


def _send(
    sender: Sender, sightings: Sequence[SyntheticSighting], rate: float, advance: Callable[[int], None]
) -> tuple[dict[Pair, int], float]:
    """Send at a rate; the time of the sighting of each pair that must hit, and the seconds it all took."""
    sent_at: dict[Pair, int] = {}
    began = time.monotonic()
    for number, sighting in enumerate(paced(sightings, rate), 1):
        at = 0
        if sighting.expected:
            at = time.time_ns() // 1_000_000
            sent_at.update(dict.fromkeys(pairs_of(sighting), at))
        sender.send(sighting, at)
        if number % 1000 == 0:
            sender.poll()
            advance(1000)
    seconds = time.monotonic() - began
    sender.flush()
    return sent_at, seconds


def _wait_for(ground: Ground, started: Started, due: set[Pair], within_s: float) -> dict[Pair, int]:
    """The pairs found and when each was first stored, once all that are due have come or the time is up.

    Raises:
        ContestError: not one came although some are due.
    """
    ends_at = time.monotonic() + within_s
    while True:
        found: dict[Pair, int] = {}
        for stored in ground.read(started.hits_topic, started.hits_from):
            pair = started.pair_of(stored.value)
            found[pair] = min(stored.at_ms, found.get(pair, stored.at_ms))
        if found.keys() >= due:
            return found
        if time.monotonic() > ends_at:
            if not found and due:
                raise ContestError(f"no hit came within {within_s:.0f} s")
            return found
        time.sleep(_POLL_S)
