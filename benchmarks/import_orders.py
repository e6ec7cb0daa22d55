"""``chakong bench import``: orders with two sealed documents each, imported in bulk, in two ways that ratios hold between.

``forked``, as ``chakong import`` does it: each document is looked at in a process of its own, a copy of one that stands ready.
``started``: that process is started anew for each document. Both go through the same ``Importing``, Kafka and store, in a
process of their own whose memory is watched together with all that it starts. The orders: ``benchmarks/sealed_orders.py``.
A notice that two orders share is looked at once if they come within a minute: ``documents_looked_at`` says how many were.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.machine import descendants, keep, resident_mb_alone
from benchmarks.sealed_orders import ORDERS, Corpus
from connectors.documents.cipher import Cipher
from connectors.documents.files import FolderDocuments
from connectors.documents.limits import BYTES_MAX, DOCUMENTS_MAX
from connectors.documents.store import DirectoryDocuments
from connectors.documents.verifier import PdfSealVerifier
from connectors.kafka.records import Records
from connectors.kafka.topics import ensure_topics
from deploy.local import stack
from deploy.local.addresses import Addresses
from deploy.local.deployment import Deployment
from stream.bulk import Position, Rows
from stream.local import project_root, settings_of, wipe
from stream.services.importing import Importing
from stream.settings import WorkerSettings

WATCH_S: Final = 1.0
"""A look at the memory costs some milliseconds a process."""
TELL_S: Final = 30.0
WAYS: Final = {"forked": DOCUMENTS_MAX, "started": 1}
"""Each way, and after how many documents its nursery is replaced."""


@click.command()
@click.option("--orders", default=3000, show_default=True, type=click.IntRange(10))
@click.option("--baseline", default=60, show_default=True, type=click.IntRange(2), help="Orders for a start a document.")
@click.option("--shared", default=2, show_default=True, type=click.IntRange(1), help="Orders that share a notice, at most.")
@click.option("--workers", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1, 64))
def import_orders(orders: int, baseline: int, shared: int, workers: int) -> None:
    """Import orders with two documents each: orders a second, and memory."""
    console = Console()
    root = project_root()
    addresses = stack.up(root, console.print)
    with tempfile.TemporaryDirectory(prefix="chakong-import-") as folder:
        with _progress(console, "sealing", orders) as done:
            made = Corpus(Path(folder), orders, shared, lambda: done(1)).told
        result: dict[str, Any] = {"workers": workers, **made}
        for way, count in (("forked", orders), ("started", min(baseline, orders))):
            with _progress(console, f"importing, {way}", count) as done:
                result[way] = _run(root, addresses, Path(folder), {"way": way, "orders": count, "workers": workers}, done)
    _show(console, result)
    console.print(f"Kept in {keep('import', result)}")


@contextmanager
def _progress(console: Console, what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Tell how far it is: a bar, or where nobody looks a line every half minute."""
    bar = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console.print(f"{what}: {total:,} orders")
    told, so_far = time.monotonic(), 0
    with Progress(*bar, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)

        def done(more: int) -> None:
            nonlocal told, so_far
            so_far += more
            progress.advance(task, more)
            if not console.is_terminal and time.monotonic() - told >= TELL_S:
                told = time.monotonic()
                console.print(f"  {so_far:,} of {total:,}")

        yield done


def _run(root: Path, addresses: Addresses, folder: Path, job: dict[str, Any], done: Callable[[int], None]) -> dict[str, Any]:
    """One import in a process of its own, watched. It tells of each window of rows, and at last its result, a line each."""
    prefix = f"bench-import-{int(time.time())}-"
    deployment = Deployment(root / ".local" / "deployments" / prefix.rstrip("-"), addresses, prefix)
    deployment.prepare()
    settings = settings_of(deployment)
    ensure_topics(settings.kafka)
    told: dict[str, Any] = {}
    try:
        command = [sys.executable, "-m", "benchmarks.import_orders", json.dumps({**job, "folder": str(folder)})]
        with subprocess.Popen(command, env=deployment.environment(), stdout=subprocess.PIPE, text=True) as process:
            watch = _Watch(process.pid)
            for line in process.stdout or ():
                told = json.loads(line)
                done(told.get("more", 0))
            watched = watch.end()
        if process.returncode:
            raise RuntimeError(f"the import ended with {process.returncode}")
    finally:
        wipe(settings)
        shutil.rmtree(deployment.folder, ignore_errors=True)
    return {**told, **watched}


class _Watch:
    """Looks at the memory of a process and of all that it starts; what they share is shared out among them (PSS)."""

    def __init__(self, pid: int) -> None:
        self._pid, self._seen, self._cpu_s = pid, [0.0], 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> dict[str, Any]:
        """What was seen, and the processor time that it took to look."""
        self._ended.set()
        self._thread.join()
        middle = sorted(self._seen)[len(self._seen) // 2]
        return {"resident_mb": round(middle), "resident_mb_peak": round(max(self._seen)), "watching_cpu_s": self._cpu_s}

    def _watch(self) -> None:
        while not self._ended.wait(WATCH_S):
            with suppress(OSError, KeyError):
                self._seen.append(sum(map(_resident_mb, descendants(self._pid))))
            self._cpu_s = round(time.thread_time(), 1)


def _resident_mb(pid: int) -> float:
    with suppress(OSError, KeyError):  # it may have ended meanwhile
        return resident_mb_alone(pid)
    return 0.0


def _show(console: Console, result: dict[str, Any]) -> None:
    table = Table(title=f"Orders with two documents each, {result['workers']} at once")
    for column in ("", "orders", "a second", "processor an order", "resident", "at most"):
        table.add_column(column, justify="right" if column else "left")
    for way in WAYS:
        one = result[way]
        spent_ms = (one["own_cpu_s"] + one["documents_cpu_s"]) / one["orders"] * 1000
        memory = (f"{one['resident_mb']:,} MB", f"{one['resident_mb_peak']:,} MB")
        table.add_row(way, f"{one['orders']:,}", f"{one['orders_a_second']:.1f}", f"{spent_ms:,.1f} ms", *memory)
    console.print(table)


def main(job: dict[str, Any]) -> None:
    """Import as many orders as the job says, as ``chakong import`` does, and tell what that took."""
    folder = Path(job["folder"])
    records = Records(WorkerSettings().kafka, "bench-import", linger_ms=5)
    store = DirectoryDocuments(folder / f"kept-{job['way']}", Cipher.from_file(folder / "key"))
    verifier = PdfSealVerifier(folder / "trust", processes=job["workers"], documents_max=WAYS[job["way"]])
    sent = refused = 0
    began, spent = time.monotonic(), time.process_time()
    with verifier:
        documents = FolderDocuments(folder / "documents", BYTES_MAX)
        importing = Importing(documents, verifier, store, records.send, job["workers"])
        rows = (row for row, _ in zip(Rows(folder / ORDERS, Position()), range(job["orders"]), strict=False))
        for window in importing.run(rows):
            refused += sum(one.refusal is not None for one in window)
            sent += len(window)
            _tell({"more": len(window)})
    took_s = time.monotonic() - began
    records.close()
    if refused or sent != job["orders"]:
        raise RuntimeError(f"{refused} of {sent} orders were refused")
    children = resource.getrusage(resource.RUSAGE_CHILDREN)  # every process that looked at documents has ended
    _tell(
        {
            "orders": sent,
            "seconds": round(took_s, 1),
            "orders_a_second": round(sent / took_s, 2),
            "documents_a_second": round(2 * sent / took_s, 1),
            "documents_looked_at": 2 * sent - verifier.recent.spared,
            "own_cpu_s": round(time.process_time() - spent, 1),
            "documents_cpu_s": round(children.ru_utime + children.ru_stime, 1),
            "documents_page_faults": children.ru_minflt,
        }
    )


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
