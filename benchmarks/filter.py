"""The filter against what one would take instead: pybloom-live and rbloom key by key, and a Python set.

All hold the same keys; the filters are sized alike. Asked are keys of which 1 in 10,000 is held, as in a stream of
sightings: in batches for KeyFilter, one by one for the others. False positives are counted over keys that are not held.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import click
import numpy as np
import pybloom_live
import rbloom
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.machine import keep
from watchlists.bloom import KeyFilter

BATCH = 16_384
HELD_ONE_IN = 10_000
RUNS = 3
ASKED_IN_BATCHES, ASKED_ONE_BY_ONE = 4_000_000, 500_000
STRANGERS_IN_BATCHES, STRANGERS_ONE_BY_ONE = 40_000_000, 2_000_000

Keys = NDArray[np.uint64]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result:
    contestant: str
    build_s: float
    build_ns_key: float
    probe_ns_key: float
    memory_mb: float
    false_positive_rate: float
    false_positives_among: int


def random_keys(n: int, seed: int) -> Keys:
    return np.random.default_rng(seed).integers(0, 2**64 - 1, n, dtype=np.uint64, endpoint=True)


def asked_keys(held: Keys, n: int) -> Keys:
    asked = random_keys(n, 2)
    asked[::HELD_ONE_IN] = held[: len(asked[::HELD_ONE_IN])]
    return asked


def key_filter(keys: Keys, error_rate: float) -> Result:
    filled, build = timed(lambda: in_batches(KeyFilter(len(keys), error_rate, seed=20_261_124), keys))
    asked = asked_keys(keys, ASKED_IN_BATCHES)
    batches = [asked[start : start + BATCH] for start in range(0, len(asked), BATCH)]
    found, probe = timed(lambda: sum(int(filled.contains(batch).sum()) for batch in batches), RUNS)
    assert found >= len(asked) // HELD_ONE_IN
    false = sum(int(filled.contains(random_keys(BATCH * 64, 100 + n)).sum()) for n in range(strangers_rounds()))
    among = strangers_rounds() * BATCH * 64
    return result("KeyFilter, in batches", len(keys), build, probe / len(asked), nbytes(filled), false, among)


def strangers_rounds() -> int:
    return STRANGERS_IN_BATCHES // (BATCH * 64)


def in_batches(target: KeyFilter, keys: Keys) -> KeyFilter:
    for part in np.array_split(keys, max(1, len(keys) // 4_000_000)):
        target.add_keys(part)
    return target


def stock_filter(keys: Keys, error_rate: float) -> Result:
    numbers = keys.tolist()

    def build_it() -> pybloom_live.BloomFilter:
        target = pybloom_live.BloomFilter(len(numbers), error_rate)
        for key in numbers:
            target.add(key)
        return target

    filled, build = timed(build_it)
    probe, false = one_by_one(filled, keys)
    name = "pybloom-live"
    return result(name, len(keys), build, probe, nbytes(filled), false, STRANGERS_ONE_BY_ONE)


def rust_filter(keys: Keys, error_rate: float) -> Result:
    numbers = keys.tolist()

    def build_it() -> rbloom.Bloom:
        target = rbloom.Bloom(len(numbers), error_rate)
        target.update(numbers)
        return target

    filled, build = timed(build_it)
    probe, false = one_by_one(filled, keys)
    return result("rbloom", len(keys), build, probe, filled.size_in_bits // 8, false, STRANGERS_ONE_BY_ONE)


def plain_set(keys: Keys, _: float) -> Result:
    numbers = keys.tolist()
    filled, build = timed(lambda: set(numbers))
    probe, false = one_by_one(filled, keys)
    memory = sys.getsizeof(filled) + sys.getsizeof(numbers[0]) * len(numbers)
    return result("Python set", len(keys), build, probe, memory, false, STRANGERS_ONE_BY_ONE)


def one_by_one(held: Any, keys: Keys) -> tuple[float, int]:
    """Seconds a key, and the false positives."""
    asked = asked_keys(keys, ASKED_ONE_BY_ONE).tolist()
    found, probe = timed(lambda: sum([key in held for key in asked]), RUNS)
    assert found >= len(asked) // HELD_ONE_IN
    return probe / len(asked), sum(key in held for key in random_keys(STRANGERS_ONE_BY_ONE, 3).tolist())


def nbytes(filled: pybloom_live.BloomFilter) -> int:
    return int(filled.bitarray.nbytes)


def timed(work: Callable[[], T], runs: int = 1) -> tuple[T, float]:
    """The last outcome and the median of the seconds."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        outcome = work()
        seconds.append(time.perf_counter() - start)
    return outcome, statistics.median(seconds)


def result(name: str, keys: int, build: float, probe: float, memory: int, false: int, among: int) -> Result:
    return Result(
        contestant=name,
        build_s=round(build, 3),
        build_ns_key=round(build / keys * 1e9, 1),
        probe_ns_key=round(probe * 1e9, 1),
        memory_mb=round(memory / 1e6, 1),
        false_positive_rate=false / among,
        false_positives_among=among,
    )


CONTESTANTS: tuple[Callable[[Keys, float], Result], ...] = (key_filter, stock_filter, rust_filter, plain_set)


def show(results: list[Result], keys: int, error_rate: float) -> None:
    table = Table(title=f"{keys:,} keys, error rate {error_rate:g}")
    for heading in ("", "build s", "probe ns/key", "MB", "false positives", "among"):
        table.add_column(heading, justify="right" if heading else "left")
    for r in results:
        table.add_row(
            r.contestant,
            f"{r.build_s:,.2f}",
            f"{r.probe_ns_key:,.1f}",
            f"{r.memory_mb:,.1f}",
            f"{r.false_positive_rate:.2e}",
            f"{r.false_positives_among:,}",
        )
    Console().print(table)


@click.command("filter")
@click.option("--keys", default=10_000_000, show_default=True, type=click.IntRange(min=10_000), help="Keys held.")
@click.option("--error-rate", default=1e-5, show_default=True, help="The filters' promised rate.")
def filter_(keys: int, error_rate: float) -> None:
    """The Bloom filter in batches, against pybloom-live and rbloom key by key and a Python set."""
    held = random_keys(keys, 1)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        contestants = progress.track(CONTESTANTS, description="measuring")
        results = [contestant(held, error_rate) for contestant in contestants]
    show(results, keys, error_rate)
    measured = {"keys": keys, "error_rate": error_rate, "batch": BATCH, "results": [asdict(r) for r in results]}
    Console().print(f"Kept in {keep('filter', measured)}")


def main() -> None:
    """Run on its own: python -m benchmarks.filter"""
    filter_()


if __name__ == "__main__":
    main()
