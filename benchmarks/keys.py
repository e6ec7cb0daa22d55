"""``chakong bench keys``: from a sighting's bytes to "nobody seeks this", without Kafka, against doing it one by one.

Both read the same records, make the same keys canonical and ask a filter of the same orders. The baseline decodes with msgspec
into the needed fields, cleans each identifier by the same rules and asks pybloom-live: what the Python peers of the race do.
Each must nominate every sighting that has to hit.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import click
import numpy as np
import pybloom_live
from rich.console import Console
from rich.table import Table

from benchmarks.machine import keep
from benchmarks.peers.look import keys_of
from matchers.batch import SightingReader, Texts
from matchers.keys import Key, KeyHasher
from matchers.wire import UnreadableError
from stream import machine_code
from stream.core.screen import screen
from synthetic.crowd import SyntheticSighting
from synthetic.world import World
from watchlists.bloom import KeyFilter
from watchlists.glance import glance
from watchlists.order import Release

BATCH: Final = 8192
ROUNDS: Final = 7
BASELINE_SHARE: Final = 10
ERROR_RATE: Final = 1e-5
HIT_RATIO: Final = 1e-4
SEED: Final = 7

Nominate = Callable[[Sequence[bytes]], list[int]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One way of writing sightings: microseconds of one thread's CPU a sighting, medians of interleaved rounds."""

    writing: str
    sightings: int
    bytes_each: int
    engine_us: float
    one_by_one_us: float

    @property
    def ratio(self) -> float:
        return self.one_by_one_us / self.engine_us


class Contest:
    """The engine and the baseline over one watchlist."""

    def __init__(self, world: World) -> None:
        self._hasher = KeyHasher(b"bench")
        self._reader = SightingReader(self._hasher)
        keys = {key for record in world.orders() for key in _keys(record.value)}
        self._filter = KeyFilter(len(keys), ERROR_RATE, seed=SEED)
        self._stock = pybloom_live.BloomFilter(len(keys), ERROR_RATE)
        self._filter.add_keys(np.array([self._hasher.hash_key(key) for key in keys], np.uint64))
        for kind, value in keys:
            self._stock.add(f"{kind}:{value}")
        self.keys = len(keys)

    def engine(self, records: Sequence[bytes]) -> list[int]:
        return screen(Texts.of(records), self._reader, self._filter)

    def one_by_one(self, records: Sequence[bytes]) -> list[int]:
        found = []
        for row, record in enumerate(records):
            try:
                if any(f"{kind}:{value}" in self._stock for kind, value in keys_of(record)):
                    found.append(row)
            except UnreadableError:
                found.append(row)
        return found


def measure(contest: Contest, writing: str, sightings: list[SyntheticSighting]) -> Figure:
    """Interleaved rounds of both.

    Raises:
        AssertionError: a sighting that has to hit was not nominated.
    """
    records = [sighting.value for sighting in sightings]
    due = {row for row, sighting in enumerate(sightings) if sighting.expected}
    few = records[: len(records) // BASELINE_SHARE]
    spent: dict[str, list[float]] = {"engine": [], "one_by_one": []}
    for _ in range(ROUNDS):
        for name, nominate, over in (("engine", contest.engine, records), ("one_by_one", contest.one_by_one, few)):
            began = time.thread_time()
            nominated = {start + row for start, batch in _batches(over) for row in nominate(batch)}
            spent[name].append((time.thread_time() - began) / len(over) * 1e6)
            if missed := {row for row in due if row < len(over)} - nominated:
                raise AssertionError(f"{name} missed {len(missed)} of {len(due)} sightings that have to hit")
    size = sum(map(len, records)) // len(records)
    return Figure(writing, len(records), size, statistics.median(spent["engine"]), statistics.median(spent["one_by_one"]))


@click.command()
@click.option("--orders", default=200_000, show_default=True, type=click.IntRange(1000))
@click.option("--sightings", default=400_000, show_default=True, type=click.IntRange(10_000))
def keys(orders: int, sightings: int) -> None:
    """Reading and probing on one core, against msgspec and pybloom-live one by one."""
    console = Console()
    machine_code.ensure()
    world = World(SEED, orders=orders, at=dt.datetime.now(dt.UTC))
    with console.status("Making the watchlist and the sightings"):
        contest = Contest(world)
        clean = list(world.sightings(sightings, hit_ratio=HIT_RATIO, dirtiness=0.0))
        dirty = list(world.sightings(sightings, hit_ratio=HIT_RATIO, dirtiness=0.05))
    figures = []
    for writing, made in (
        ("as most systems write them", clean),
        ("5 % badly written", dirty),
        ("all but ASCII escaped", [one._replace(value=_escaped(one.value)) for one in clean]),
    ):
        with console.status(f"Measuring: {writing}"):
            figures.append(measure(contest, writing, made))
    console.print(_table(figures, contest.keys))
    result = {"orders": orders, "keys": contest.keys, "hit_ratio": HIT_RATIO, "rounds": ROUNDS}
    console.print(f"Kept in {keep('keys', result | {'results': [asdict(one) | {'ratio': one.ratio} for one in figures]})}")


def _keys(raw: bytes) -> tuple[Key, ...]:
    order = glance(raw)
    return () if isinstance(order, Release) else tuple(order.keys())


def _escaped(raw: bytes) -> bytes:
    return json.dumps(json.loads(raw), separators=(",", ":")).encode()


def _batches(records: Sequence[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
    for start in range(0, len(records), BATCH):
        yield start, records[start : start + BATCH]


def _table(figures: Sequence[Figure], held: int) -> Table:
    table = Table(title=f"From bytes to maybe, {held:,} keys held")
    for heading in ("sightings", "bytes", "engine µs", "one by one µs", "times"):
        table.add_column(heading, justify="left" if heading == "sightings" else "right")
    for one in figures:
        table.add_row(one.writing, f"{one.bytes_each}", f"{one.engine_us:.2f}", f"{one.one_by_one_us:.2f}", f"{one.ratio:.1f}")
    return table
