"""``chakong bench bursts``: what the screening thread feels of a burst of orders, and of a generation that is rebuilt.

In one process, as in the screener: a thread screens small batches at a steady pace, as it does at a moderate rate of
sightings; another takes a burst of orders as the follower does; the rebuild is a process of its own. How long a batch takes is
compared with the same when nothing else is done, in turns. Whatever else runs on the machine is felt, too.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import keep
from connectors.disk.snapshots import SnapshotFolder
from matchers.batch import SightingReader, Texts
from matchers.keys import KeyHasher
from stream.core.screen import screen
from stream.interpreter import settle
from stream.services.follower import PIECE
from synthetic.world import World
from watchlists.columns import order_columns
from watchlists.generation import Generation

BATCH, EVERY_S = 256, 0.005
ROUNDS: Final = 3
QUIET_S: Final = 5.0
AT_ONCE: Final = 100_000


@click.command()
@click.option("--orders", default=100_000, show_default=True, type=click.IntRange(PIECE), help="Orders of the burst.")
@click.option("--rows", default=4_000_000, show_default=True, type=click.IntRange(AT_ONCE), help="Rows that are rebuilt.")
def bursts(orders: int, rows: int) -> None:
    """The screening thread beside a burst of orders and beside a rebuild."""
    world = World(7, orders=orders, at=dt.datetime.now(dt.UTC))
    raws = [record.value for record in world.orders()]
    sightings = [sighting.value for sighting in world.sightings(BATCH * 80, hit_ratio=1e-4, dirtiness=0.0)]
    hasher = KeyHasher(b"a secret of benchmarks")
    took: dict[str, list[float]] = {"quiet": [], "burst": [], "rebuild": []}
    with tempfile.TemporaryDirectory() as temporary:
        folder = SnapshotFolder(Path(temporary), seed=1, key_fingerprint=hasher.fingerprint)
        generation = _filled(folder, rows)
        settle()
        doing: dict[str, Callable[[], object]] = {
            "quiet": lambda: time.sleep(QUIET_S),
            "burst": lambda: _take(generation, raws, hasher),
            "rebuild": lambda: folder.retire(folder.rebuild(generation)),
        }
        for _ in range(ROUNDS):
            for name, work in doing.items():
                took[name] += _beside(work, generation, sightings, hasher)
        folder.close()
    result = {name: _percentiles(milliseconds) for name, milliseconds in took.items()}
    _show(result)
    kept = keep("bursts", {"burst_orders": orders, "rebuilt_rows": rows, "batch": BATCH, "every_ms": EVERY_S * 1000, **result})
    Console().print(f"Kept in {kept}")


def _filled(folder: SnapshotFolder, rows: int) -> Generation:
    generation = folder.empty(rows * 3 // 2, 1e-5)
    rng = np.random.default_rng(1)
    for _ in range(0, rows, AT_ONCE):
        ids, keys = (rng.integers(0, 2**64 - 1, AT_ONCE, dtype=np.uint64) for _ in range(2))
        generation.place(ids, ids % np.uint64(3000), np.ones(AT_ONCE), keys)
    return generation


def _take(generation: Generation, raws: Sequence[bytes], hasher: KeyHasher) -> None:
    """A burst, as the follower of a worker that screens takes it."""
    for start in range(0, len(raws), PIECE):
        began = time.monotonic()
        columns = order_columns(raws[start : start + PIECE], hasher)
        generation.place(*columns.placed)
        generation.release(*columns.released)
        time.sleep(time.monotonic() - began)


def _beside(work: Callable[[], object], generation: Generation, sightings: Sequence[bytes], hasher: KeyHasher) -> list[float]:
    """Milliseconds a batch, while some work is done on another thread."""
    reader = SightingReader(hasher)
    thread = threading.Thread(target=work)
    took = []
    thread.start()
    at = 0
    while thread.is_alive():
        began = time.perf_counter()
        screen(Texts.of(sightings[at : at + BATCH]), reader, generation)
        spent = time.perf_counter() - began
        took.append(spent * 1000)
        at = (at + BATCH) % len(sightings)
        time.sleep(max(EVERY_S - spent, 0))
    return took


def _percentiles(milliseconds: list[float]) -> dict[str, Any]:
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return {"batches": len(milliseconds), "p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2)}


def _show(result: dict[str, dict[str, Any]]) -> None:
    table = Table(title=f"Batches of {BATCH} sightings, one every {EVERY_S * 1000:.0f} ms")
    for heading in ("", "batches", "p50 ms", "p99 ms", "p99 to quiet"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, of in result.items():
        ratio = of["p99_ms"] / result["quiet"]["p99_ms"]
        table.add_row(name, str(of["batches"]), f"{of['p50_ms']:.2f}", f"{of['p99_ms']:.2f}", f"{ratio:.1f}")
    Console().print(table)
