"""``chakong bench memory``: what a watchlist of millions costs a worker: memory, cold start, a rebuild.

The rows of the watchlist are random hashes, as those of real orders look, in a snapshot of a deployment of its own. It is
loaded and rebuilt by a process that does nothing else, and then by a real worker, which reads real orders from Kafka from
where the snapshot ends; and once more without the snapshot, for the rate at which orders come from the log.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.machine import family, keep, memory_mb
from connectors.disk.snapshots import SnapshotFolder
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import ORDERS
from deploy.local import stack
from deploy.local.addresses import Addresses
from deploy.local.deployment import Deployment
from matchers.keys import KeyHasher
from stream.local import project_root, settings_of, wait_for_workers, wipe
from stream.services.follower import filter_seed
from stream.settings import WorkerSettings
from synthetic.world import World
from watchlists.generation import KEYS_AN_ORDER

RELEASED_SHARE: Final = 0.2
"""Of the orders, before the rebuild that is measured."""
AT_ONCE: Final = 100_000
CAPACITY, ERROR_RATE = 1 << 21, 1e-5


@click.command()
@click.option("--orders", default=10_000_000, show_default=True, type=click.IntRange(10_000), help="Orders in the snapshot.")
@click.option("--tail", default=200_000, show_default=True, type=click.IntRange(1000), help="Orders that come after it.")
def memory(orders: int, tail: int) -> None:
    """Memory, cold start and rebuild of a worker with millions of orders."""
    console = Console()
    root = project_root()
    addresses = stack.up(root, console.print)
    bench = _Bench(root, addresses, console.print)
    try:
        result = bench.run(orders, tail)
    finally:
        bench.clean()
    _show(console, result)
    console.print(f"Kept in {keep('memory', result)}")


class _Bench:
    def __init__(self, root: Path, addresses: Addresses, say: Callable[[str], None]) -> None:
        prefix = f"bench-{int(time.time())}-"
        self._say = say
        self._deployment = Deployment(root / ".local" / "deployments" / prefix.rstrip("-"), addresses, prefix)
        self._deployment.prepare()
        self._settings: WorkerSettings = settings_of(self._deployment)
        secret = self._settings.secret()
        self._seed, self._fingerprint = filter_seed(secret), KeyHasher(secret).fingerprint
        self._folder = self._deployment.worker().folder / "snapshots" / f"{prefix}generation"

    def run(self, orders: int, tail: int) -> dict[str, Any]:
        self._say(f"Making a snapshot of {orders:,} orders")
        made = self._make(orders)
        self._say("Loading and rebuilding it in a process of its own")
        alone = self._alone()
        self._say(f"A worker that reads {tail:,} orders after the snapshot")
        self._start_worker()  # for the topics
        self._stop_worker()
        self._make(orders)
        made_s = asyncio.run(self._place(tail))
        cold = self._start_worker()
        self._stop_worker()
        self._say("The same worker without the snapshot")
        shutil.rmtree(self._folder)
        first = self._start_worker()
        self._stop_worker()
        return {
            "orders": orders,
            **made,
            "alone": alone,
            "tail": tail,
            "tail_made_s": made_s,
            "worker_with_the_snapshot": cold,
            "worker_without": {**first, "orders_a_second": round(tail / first["ready_s"])},
        }

    def clean(self) -> None:
        self._stop_worker()
        wipe(self._settings)
        shutil.rmtree(self._deployment.folder, ignore_errors=True)

    def _make(self, orders: int) -> dict[str, Any]:
        """A snapshot of so many orders, some of them released, that stands at the beginning of the log."""
        shutil.rmtree(self._folder, ignore_errors=True)
        folder = SnapshotFolder(self._folder, seed=self._seed, key_fingerprint=self._fingerprint)
        generation = folder.empty(int(orders * KEYS_AN_ORDER), ERROR_RATE)
        rng = np.random.default_rng(1)
        began = time.monotonic()
        for start in range(0, orders, AT_ONCE):
            ids = _hashes(rng, min(AT_ONCE, orders - start))
            courts = ids % np.uint64(3000)
            of = rng.integers(0, len(ids), int(len(ids) * KEYS_AN_ORDER))
            generation.place(ids[of], courts[of], np.ones(len(of)), _hashes(rng, len(of)))
            gone = ids[: int(len(ids) * RELEASED_SHARE)]
            generation.release(gone, gone % np.uint64(3000), np.full(len(gone), 2))
        placed_s = time.monotonic() - began
        began = time.monotonic()
        folder.save(folder.note(generation, {}), generation)
        saved_s = time.monotonic() - began
        began = time.monotonic()
        folder.save(folder.note(generation, {}), generation)
        again_s = time.monotonic() - began
        size = sum(path.stat().st_size for path in self._folder.iterdir())
        folder.retire(generation)
        folder.close()
        rows = len(generation.placed)
        return {
            "rows": rows,
            "disk_mb": round(size / 1e6),
            "place_us_a_row": round(placed_s / rows * 1e6, 2),
            "first_save_s": round(saved_s, 2),
            "next_save_s": round(again_s, 4),
        }

    def _alone(self) -> dict[str, Any]:
        job = json.dumps({"folder": str(self._folder), "seed": self._seed, "key_fingerprint": self._fingerprint})
        command = [sys.executable, "-m", "benchmarks.cold_start"]
        answer = subprocess.run(command, input=job, capture_output=True, text=True, check=True).stdout
        result: dict[str, Any] = json.loads(answer)
        return result

    async def _place(self, tail: int) -> float:
        world = World(7, orders=tail, at=dt.datetime.now(dt.UTC))
        records = Records(self._settings.kafka, "bench-orders", linger_ms=5)
        began = time.monotonic()
        await records.send_all(Record(ORDERS, record.key, record.value) for record in world.orders())
        records.close()
        return round(time.monotonic() - began, 1)

    def _start_worker(self) -> dict[str, Any]:
        """Seconds until it screens, and the memory of its two processes then."""
        began = time.monotonic()
        worker = self._deployment.start_worker(CHAKONG_LOOKBACK_HOURS="0")
        wait_for_workers(self._deployment, [worker], lambda _: None)
        ready_s = time.monotonic() - began
        if (pid := worker.pid()) is None:
            raise RuntimeError("the worker ended")
        parent, screener, *_ = family(pid)
        both = {"worker": memory_mb(parent), "screener": memory_mb(screener)}
        total = sum(process["resident_mb"] for process in both.values())
        return {"ready_s": round(ready_s, 1), "resident_mb": round(total, 1), **both}

    def _stop_worker(self) -> None:
        self._deployment.worker().stop()


def _hashes(rng: np.random.Generator, n: int) -> NDArray[np.uint64]:
    return rng.integers(0, 2**64 - 1, n, dtype=np.uint64)


def main() -> None:
    """Load and rebuild the snapshot that the standard input names, and say what that took, on the standard output."""
    began = time.monotonic()
    job = json.load(sys.stdin)
    folder = SnapshotFolder(Path(job["folder"]), seed=job["seed"], key_fingerprint=job["key_fingerprint"])
    loaded = folder.load(CAPACITY, ERROR_RATE)
    if loaded is None:
        raise SystemExit("no snapshot")
    generation, _ = loaded
    result: dict[str, Any] = {"load_s": round(time.monotonic() - began, 1), "loaded": memory_mb(os.getpid())}
    peaks = {"together_mb": 0.0, "child_mb": 0.0}
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(peaks, done))
    watch.start()
    began = time.monotonic()
    new = folder.rebuild(generation)
    new.catch_up(generation)
    folder.retire(generation)
    result |= {"rebuild_s": round(time.monotonic() - began, 1), "rows_after": len(new.placed)}
    del generation, loaded
    done.set()
    watch.join()
    result |= {"rebuild_peaks": peaks, "rebuilt": memory_mb(os.getpid())}
    sys.stdout.write(json.dumps(result))


def _watch(peaks: dict[str, float], done: threading.Event) -> None:
    """Note the most memory that this process's child has, and the two together."""
    while not done.wait(0.02):
        try:
            own, *children = (memory_mb(pid)["resident_mb"] for pid in family(os.getpid()))
        except (OSError, KeyError):  # the child has just ended
            continue
        peaks["child_mb"] = max(peaks["child_mb"], *children, 0.0)
        peaks["together_mb"] = max(peaks["together_mb"], own + sum(children))


def _show(console: Console, result: dict[str, Any]) -> None:
    cold, first, alone = result["worker_with_the_snapshot"], result["worker_without"], result["alone"]
    table = Table(title=f"{result['orders']:,} orders, {result['rows']:,} keys", show_header=False)
    lines = (
        ("worker and screener, resident", f"{cold['resident_mb']:.0f} MB"),
        ("of these the screener", f"{cold['screener']['resident_mb']:.0f} MB, at most {cold['screener']['peak_mb']:.0f} MB"),
        (f"cold start: snapshot and {result['tail']:,} orders", f"{cold['ready_s']:.1f} s"),
        (f"the same worker, {result['tail']:,} orders from the log alone", f"{first['ready_s']:.1f} s"),
        ("loading the snapshot", f"{alone['load_s']:.1f} s"),
        ("rebuilding", f"{alone['rebuild_s']:.1f} s"),
        ("most memory of the rebuilding process", f"{alone['rebuild_peaks']['child_mb']:.0f} MB"),
        ("rows on disk", f"{result['disk_mb']:,} MB"),
    )
    for line in lines:
        table.add_row(*line)
    console.print(table)


if __name__ == "__main__":
    main()
