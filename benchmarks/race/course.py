"""What is run over: a world, its watchlist in files and in Redis, and sets of sightings in topics with the truth about each."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import redis

from benchmarks.peers.keys import entries, write_watchlist
from benchmarks.peers.look import name_of
from benchmarks.race.ground import SIGHTING_PARTITIONS, Ground, Sender, fill
from benchmarks.race.judge import Truth
from matchers.sighting import SIGHTING_TOPICS
from synthetic.crowd import SyntheticSighting
from synthetic.world import World

SEED: Final = 7
FAST, SLOW, PACED = range(3)
"""Streams of the world: sets of different sightings."""
_PIPELINE: Final = 5_000

T = TypeVar("T")

Advance = Callable[[int], None]
"""Told how many more are done."""


@dataclass(frozen=True)
class Plan:
    """What is asked of a race. Sightings are counts; ratios are shares; rates are sightings a second."""

    orders: int = 1_000_000
    sightings: int = 4_000_000
    slow_sightings: int = 100_000
    rounds: int = 3
    partitions: int = SIGHTING_PARTITIONS
    hit_ratio: float = 1e-4
    dirtiness: float = 0.05
    latency_seconds: float = 10.0
    latency_hit_ratio: float = 1e-3
    paced_rate_max: float = 100_000.0

    @property
    def slow_hit_ratio(self) -> float:
        """Raised where the small set would have too few hits to judge by."""
        return min(max(self.hit_ratio, _SLOW_HITS / self.slow_sightings), 0.1)


_SLOW_HITS: Final = 50


@dataclass(frozen=True, slots=True)
class Filled:
    """A set of topics with ``count`` sightings in them."""

    topics: tuple[str, ...]
    count: int
    bytes_each: float
    truth: Truth


class Course:
    """The world of a race, and what is made of it in ``folder``."""

    def __init__(self, plan: Plan, ground: Ground, folder: Path) -> None:
        self.plan, self._ground = plan, ground
        self.orders, self.keys = folder / "orders.ndjson", folder / "keys.tsv"
        self._world = World(SEED, orders=plan.orders, at=dt.datetime.now(dt.UTC))

    def write_watchlist(self, advance: Advance) -> int:
        """Both files of the watchlist; the number of keys."""
        return write_watchlist(_counted((record.value for record in self._world.orders()), advance), self.orders, self.keys)

    def load_redis(self, url: str, namespace: str, advance: Advance) -> None:
        """The keys' entries, for the peers that ask Redis."""
        client = redis.Redis.from_url(url)
        lines = _counted(entries(self.keys), advance)
        while batch := list(itertools.islice(lines, _PIPELINE)):
            client.mset({name_of(namespace, (kind, value)): places for kind, value, places in batch})
        client.close()

    def fill(self, prefix: str, stream: int, advance: Advance) -> Filled:
        """Make a set of topics and fill it."""
        slow = stream == SLOW
        count = self.plan.slow_sightings if slow else self.plan.sightings
        ratio = self.plan.slow_hit_ratio if slow else self.plan.hit_ratio
        names = [prefix + name for name in SIGHTING_TOPICS]
        topics = self._ground.make(names, self.plan.partitions)
        sender = Sender(self._ground.bootstrap, lambda name: f"{self._ground.prefix}{prefix}{name}", linger_ms=20)
        size = 0

        def measured() -> Iterator[SyntheticSighting]:
            nonlocal size
            for sighting in fill(sender, _counted(self._sightings(count, ratio, stream), advance)):
                size += len(sighting.value)
                yield sighting

        truth = Truth.of(measured())
        return Filled(tuple(topics), count, size / count, truth)

    def paced(self, count: int, advance: Advance) -> list[SyntheticSighting]:
        """Sightings made beforehand, so that making them costs nothing while latency is measured."""
        return list(_counted(self._sightings(count, self.plan.latency_hit_ratio, PACED), advance))

    def _sightings(self, count: int, hit_ratio: float, stream: int) -> Iterator[SyntheticSighting]:
        return self._world.sightings(count, hit_ratio=hit_ratio, dirtiness=self.plan.dirtiness, stream=stream)


def _counted(items: Iterable[T], advance: Advance) -> Iterator[T]:
    for number, item in enumerate(items, 1):
        yield item
        if number % 1000 == 0:
            advance(1000)
