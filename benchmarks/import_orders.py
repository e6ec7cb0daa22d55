"""``chakong bench import``: orders with two sealed documents each, imported in bulk; and a process started for each document.

Authorities, seals and documents are real and synthetic (``synthetic/seals.py``). Every order has a decision of its own; a
notice is shared by ``--shared`` orders of a court at most. Both ways go through the same ``Importing``, Kafka and store, in a
process of their own whose memory is watched together with all that it starts.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.machine import descendants, keep, resident_mb_alone
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
from synthetic.seals import YEAR, Authority, Seal, pdf
from synthetic.world import World

WATCH_S: Final = 0.2
SEED: Final = 7
WAYS: Final = {"kept_process": DOCUMENTS_MAX, "process_a_document": 1}


@click.command()
@click.option("--orders", default=3000, show_default=True, type=click.IntRange(10))
@click.option("--baseline", default=60, show_default=True, type=click.IntRange(2), help="Orders for a process a document.")
@click.option("--shared", default=2, show_default=True, type=click.IntRange(1), help="Orders that share a notice, at most.")
@click.option("--workers", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1, 64))
def import_orders(orders: int, baseline: int, shared: int, workers: int) -> None:
    """Import orders with two documents each: orders a second, and memory."""
    console = Console()
    root = project_root()
    addresses = stack.up(root, console.print)
    with tempfile.TemporaryDirectory(prefix="chakong-import-") as folder:
        made = _make(Path(folder), orders, shared, console.print)
        result: dict[str, Any] = {"workers": workers, **made}
        for way, count in (("kept_process", orders), ("process_a_document", baseline)):
            console.print(f"{way}: {count:,} orders")
            result[way] = _run(root, addresses, Path(folder), way, count, workers)
    _show(console, result)
    console.print(f"Kept in {keep('import', result)}")


def _make(folder: Path, orders: int, shared: int, say: Callable[[str], None]) -> dict[str, Any]:
    """A trust store, a folder of documents, and a file of orders that list them."""
    say(f"Sealing the documents of {orders:,} orders")
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    authority = Authority("合成法院证书", now - YEAR)
    trust, documents = folder / "trust", folder / "documents"
    (trust / "crls").mkdir(parents=True)
    documents.mkdir()
    (trust / "crls" / "all.crl").write_bytes(authority.crl(now))
    (folder / "key").write_text(os.urandom(32).hex())
    seals: dict[str, Seal] = {}
    notices: dict[str, list[str]] = {}
    began, count = time.monotonic(), 0

    def sealed(court: str, *lines: str) -> str:
        nonlocal count
        data = seals[court].put_on(pdf(lines), now)
        digest = hashlib.sha256(data).hexdigest()
        (documents / f"{digest}.pdf").write_bytes(data)
        count += 1
        return digest

    with (folder / "orders.ndjson").open("wb") as file:
        for fields in _two_documents(orders):
            court = fields["court"]["code"]
            if court not in seals:
                seals[court] = authority.seal(court, fields["court"]["name"], now - YEAR)
                (trust / f"{court}.pem").write_bytes(authority.pem())
            decision, notice = fields["documents"]
            decision["sha256"] = sealed(court, "合成文书", fields["id"], decision["kind"])
            left = notices.setdefault(court, [])
            if not left:
                left += [sealed(court, "合成文书", fields["id"], notice["kind"])] * shared
            notice["sha256"] = left.pop()
            file.write(msgspec.json.encode(fields) + b"\n")
    size = sum(path.stat().st_size for path in documents.iterdir())
    return {
        "orders": orders,
        "documents_listed": 2 * orders,
        "documents_distinct": count,
        "orders_a_notice_at_most": shared,
        "courts": len(seals),
        "document_bytes": round(size / count),
        "sealed_in_s": round(time.monotonic() - began, 1),
    }


def _two_documents(orders: int) -> Iterator[dict[str, Any]]:
    """So many orders of the synthetic world that list two documents: all but exit restrictions."""
    left = orders
    for record in World(SEED, orders=4 * orders).orders():
        fields = json.loads(record.value)
        if len(fields["documents"]) == 2:
            yield fields
            left -= 1
        if not left:
            return
    raise RuntimeError("the world has too few orders with two documents")


def _run(root: Path, addresses: Addresses, folder: Path, way: str, orders: int, workers: int) -> dict[str, Any]:
    """One import in a process of its own, watched."""
    prefix = f"bench-import-{int(time.time())}-"
    deployment = Deployment(root / ".local" / "deployments" / prefix.rstrip("-"), addresses, prefix)
    deployment.prepare()
    settings = settings_of(deployment)
    ensure_topics(settings.kafka)
    job = {"folder": str(folder), "orders": orders, "workers": workers, "documents_max": WAYS[way], "way": way}
    try:
        command = [sys.executable, "-m", "benchmarks.import_orders", json.dumps(job)]
        with subprocess.Popen(command, env=deployment.environment(), stdout=subprocess.PIPE, text=True) as process:
            peak, seen = 0.0, []
            while process.poll() is None:
                with suppress(OSError, KeyError, ProcessLookupError):
                    seen.append(_memory_mb(process.pid))
                    peak = max(peak, seen[-1])
                time.sleep(WATCH_S)
            told = process.stdout.read() if process.stdout is not None else ""
        if process.returncode:
            raise RuntimeError(f"the import ended with {process.returncode}")
        result: dict[str, Any] = json.loads(told)
    finally:
        wipe(settings)
        shutil.rmtree(deployment.folder, ignore_errors=True)
    middle = sorted(seen)[len(seen) // 2] if seen else 0.0
    return {**result, "resident_mb": round(middle), "resident_mb_peak": round(peak)}


def _memory_mb(pid: int) -> float:
    """Of a process and all that it started; what they share is shared out among them (PSS)."""
    total = 0.0
    for one in descendants(pid):
        with suppress(OSError, KeyError):  # it may have ended meanwhile
            total += resident_mb_alone(one)
    return total


def _show(console: Console, result: dict[str, Any]) -> None:
    table = Table(title=f"Orders with two documents each, {result['workers']} at once")
    for column in ("", "orders", "a second", "resident", "at most"):
        table.add_column(column, justify="right" if column else "left")
    for way in WAYS:
        one = result[way]
        memory = (f"{one['resident_mb']:,} MB", f"{one['resident_mb_peak']:,} MB")
        table.add_row(way.replace("_", " "), f"{one['orders']:,}", f"{one['orders_a_second']:.1f}", *memory)
    console.print(table)


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Import as many orders as the job says, as ``chakong import`` does; what that took."""
    folder = Path(job["folder"])
    kafka = WorkerSettings().kafka
    records = Records(kafka, "bench-import", linger_ms=5)
    store = DirectoryDocuments(folder / f"kept-{job['way']}", Cipher.from_file(folder / "key"))
    verifier = PdfSealVerifier(folder / "trust", processes=job["workers"], documents_max=job["documents_max"])
    sent = refused = 0
    began, spent = time.monotonic(), time.process_time()
    with verifier:
        documents = FolderDocuments(folder / "documents", BYTES_MAX)
        importing = Importing(documents, verifier, store, records.send, job["workers"])
        rows = (row for row, _ in zip(Rows(folder / "orders.ndjson", Position()), range(job["orders"]), strict=False))
        for window in importing.run(rows):
            refused += sum(one.refusal is not None for one in window)
            sent += len(window)
    took_s = time.monotonic() - began
    records.close()
    if refused or sent != job["orders"]:
        raise RuntimeError(f"{refused} of {sent} orders were refused")
    return {
        "orders": sent,
        "seconds": round(took_s, 1),
        "orders_a_second": round(sent / took_s, 2),
        "documents_a_second": round(2 * sent / took_s, 1),
        "own_cpu_s": round(time.process_time() - spent, 1),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))))
