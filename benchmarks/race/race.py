"""One race: the course is laid, rounds are run in turn, latencies are measured, and everything is cleared away."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import Progress

from benchmarks.race import environment, pace
from benchmarks.race.contestants import Contestant
from benchmarks.race.course import FAST, SLOW, Advance, Course, Filled, Plan
from benchmarks.race.engine import Engine, EngineRunner
from benchmarks.race.figures import spread
from benchmarks.race.ground import Ground
from benchmarks.race.judge import failures
from benchmarks.race.peer import PeerRunner, keys_namespace
from benchmarks.race.runs import ContestError, Runner
from benchmarks.race.table import Standing, result
from connectors.redis.client import connect
from connectors.redis.keyspace import delete_all
from connectors.redis.settings import RedisSettings
from deploy.local.addresses import Addresses, Report
from deploy.local.errors import StackError
from matchers.sighting import SIGHTING_TOPICS

SLOW_TOPICS = "slow-"


class Race:
    """A race over one plan. ``say`` takes a line for each thing done; ``progress`` shows what is going on."""

    def __init__(self, root: Path, addresses: Addresses, plan: Plan, progress: Progress, say: Report) -> None:
        prefix = f"race-{os.getpid()}-{int(time.time())}-"
        self._root, self._addresses, self._plan, self._progress, self._say = root, addresses, plan, progress, say
        self._folder = root / ".local" / "race" / prefix.rstrip("-")
        self._folder.mkdir(parents=True)
        self._ground = Ground(addresses.kafka, prefix)
        self._course = Course(plan, self._ground, self._folder)
        self._engine: Engine | None = None
        self._in_redis = False

    def run(self, contestants: Sequence[Contestant], *, latency: bool = True) -> dict[str, Any]:
        """Run it; what is kept of it. Whatever was started or made is stopped and deleted."""
        try:
            return self._run(contestants, latency=latency)
        finally:
            self._clean()

    def _run(self, contestants: Sequence[Contestant], *, latency: bool) -> dict[str, Any]:
        python = environment.provide(self._root, self._say)
        runners = {one.name: self._runner(one, python) for one in contestants}
        filled = self._lay(contestants)
        standings = [self._standing(one, filled[one.slow]) for one in contestants]
        for number in range(1, self._plan.rounds + 1):
            for standing in standings:
                self._round(standing, runners[standing.contestant.name], filled[standing.contestant.slow], number)
        if latency:
            self._latencies(standings, runners)
        starts = self._engine.starts_s if self._engine is not None else []
        return {
            **{name: getattr(self._plan, name) for name in ("orders", "sightings", "slow_sightings", "rounds", "hit_ratio")},
            "keys": self._keys,
            "slow_hit_ratio": self._plan.slow_hit_ratio,
            "latency_hit_ratio": self._plan.latency_hit_ratio,
            "paced_rate_max": self._plan.paced_rate_max,
            "dirtiness": self._plan.dirtiness,
            "sighting_bytes": round(next(iter(filled.values())).bytes_each),
            "orders_seconds": self._orders_s,
            "cold_start_seconds": spread(starts)._asdict() if starts else None,
            "peers": environment.versions(python),
            "contestants": result(standings),
        }

    def _runner(self, one: Contestant, python: Path) -> Runner:
        if one.kind == "engine":
            self._engine = self._engine or Engine(self._root, self._addresses, self._ground)
            return EngineRunner(self._engine, one.workers)
        peer = PeerRunner(one, self._course, self._ground, self._addresses, self._folder, self._root, python)
        peer.prepare(self._say)
        return peer

    def _lay(self, contestants: Sequence[Contestant]) -> dict[bool, Filled]:
        """The watchlist, in files and wherever it is asked for, and the topics; slow or not to its set of them."""
        plan, course = self._plan, self._course
        with self._step("writing the watchlist", plan.orders) as advance:
            self._keys = course.write_watchlist(advance)
        if any(one.asks_redis for one in contestants):
            self._in_redis = True
            with self._step("loading Redis", self._keys) as advance:
                course.load_redis(self._addresses.redis, keys_namespace(self._ground.prefix), advance)
        self._orders_s = None
        if self._engine is not None:
            # Before the engine makes them, with as many partitions as it likes.
            self._ground.make(SIGHTING_TOPICS, plan.partitions)
            with self._step("placing orders", plan.orders) as advance:
                self._orders_s = self._engine.place(course, advance)
        filled = {}
        if any(not one.slow for one in contestants):
            with self._step("filling the topics", plan.sightings) as advance:
                filled[False] = course.fill("", FAST, advance)
        if any(one.slow for one in contestants):
            with self._step("filling the small set's topics", plan.slow_sightings) as advance:
                filled[True] = course.fill(SLOW_TOPICS, SLOW, advance)
        gc.freeze()
        return filled

    def _standing(self, one: Contestant, filled: Filled) -> Standing:
        return Standing(one, len(filled.truth.pairs), filled.truth.unreadable)

    def _round(self, standing: Standing, runner: Runner, filled: Filled, number: int) -> None:
        name = standing.contestant.name
        with self._step(f"round {number} of {self._plan.rounds}: {name}"):
            try:
                outcome = runner.rate(filled, number)
            except (ContestError, StackError) as error:
                standing.failures.append(f"round {number}: {error}")
                self._say(f"{name} round {number}: {error}")
                return
        standing.rounds.append(outcome.round)
        wrong = failures(filled.truth, outcome.pairs, outcome.round.unreadable) if standing.contestant.decides else []
        standing.failures += [f"round {number}: {what}" for what in wrong]
        self._say(f"{name} round {number}: {outcome.round.rate:,.0f}/s, {outcome.round.cpu_us:.2f} µs{_said(wrong)}")

    def _latencies(self, standings: Sequence[Standing], runners: dict[str, Runner]) -> None:
        paced = {one.contestant.name: one.rate for one in standings if one.contestant.decides and one.rate}
        rates = {name: pace.rate_of(self._plan, best) for name, best in paced.items()}
        counts = {name: pace.FIRST + pace.sightings_of(self._plan, rate) for name, rate in rates.items()}
        if not counts:
            return
        with self._step("making the sightings to be sent at a rate", max(counts.values())) as advance:
            sightings = self._course.paced(max(counts.values()), advance)
        gc.collect()
        gc.freeze()
        for standing in standings:
            name = standing.contestant.name
            if name not in rates:
                continue
            with self._step(f"latency at {rates[name]:,.0f}/s: {name}", counts[name]) as advance:
                try:
                    standing.latency, wrong = pace.pursue(
                        self._ground, runners[name], sightings[: counts[name]], rates[name], advance
                    )
                except (ContestError, StackError) as error:
                    wrong = [str(error)]
            standing.failures += [f"latency: {what}" for what in wrong]
            self._say(f"{name} latency{_said(wrong)}")

    @contextmanager
    def _step(self, what: str, total: int | None = None) -> Iterator[Advance]:
        """A line of progress while something long goes on."""
        task = self._progress.add_task(what, total=total)
        try:
            yield lambda more: self._progress.advance(task, more)
        finally:
            self._progress.remove_task(task)

    def _clean(self) -> None:
        with self._step("clearing away"):
            for work in self._cleaning():
                try:
                    work()
                except Exception as error:  # the rest is cleared all the same
                    self._say(f"not everything was cleared away: {error}")

    def _cleaning(self) -> Iterator[Callable[[], object]]:
        if self._engine is not None:
            yield self._engine.clean
        if self._in_redis:
            yield lambda: asyncio.run(_forget(self._addresses.redis, keys_namespace(self._ground.prefix)))
        yield self._ground.clean
        yield lambda: shutil.rmtree(self._folder)


async def _forget(url: str, namespace: str) -> None:
    client = connect(RedisSettings(url=url, namespace=namespace))
    try:
        await delete_all(client, namespace)
    finally:
        await client.aclose()


def _said(wrong: Sequence[str]) -> str:
    return "".join(f"\n  WRONG: {what}" for what in wrong) or ", right"
