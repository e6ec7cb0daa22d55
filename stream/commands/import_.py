"""``chakong import``: orders in bulk, each placed only with the documents that its court sealed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from connectors.documents.files import FolderDocuments
from connectors.documents.settings import DocumentsSettings
from connectors.documents.verifier import PdfSealVerifier
from connectors.kafka.errors import KafkaError
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import ensure_topics
from deploy.local.errors import StackError
from stream.bulk import Position, Row, Rows
from stream.core.seals import DocumentError
from stream.lines import DamagedFileError
from stream.local import documents_here, settings_here
from stream.services.importing import Done, Importing

FAILED: Final = 1
WRONG: Final = 2
REFUSED: Final = 3
SHOWN_MAX: Final = 20
"""Refusals told on standard error; all of them go to the file of --refused."""


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--documents",
    "folder",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with the orders' documents, under any names.",
)
@click.option("--dry-run", is_flag=True, help="Check everything; keep and send nothing.")
@click.option(
    "--refused", type=click.Path(path_type=Path, dir_okay=False), help="File that refusals are appended to, as NDJSON."
)
@click.option(
    "--workers", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1, 64), help="Orders checked at once."
)
def import_(file: Path, folder: Path, refused: Path | None, workers: int, *, dry_run: bool) -> None:
    """Place, amend and release the orders in FILE (.ndjson, or .csv with the columns of docs/orders.md).

    A line that is refused costs that line. How far it is stands in FILE.position: called again, it goes on from there.

    Exits 0 when every line was sent, 3 when some were refused, 1 where it could not go on, 2 for wrong usage.
    """
    position = file.with_name(file.name + ".position")
    try:
        done = Position() if dry_run else Position.load(position)
        settings = documents_here()
        with ExitStack() as stack:
            verifier = stack.enter_context(_verifier(settings, workers))
            send = (lambda _: None) if dry_run else _sender(stack)
            documents = FolderDocuments(folder, settings.bytes_max)
            importing = Importing(documents, verifier, None if dry_run else settings.store(), send, workers)
            report = _Report(stack, file, refused, done)
            rows = Rows(file, done)
            for window in importing.run(rows):
                done = report.tell(window, rows.take)
                done = msgspec.structs.replace(done, digest=rows.digest)
                if not dry_run:
                    done.save(position)
    except (KafkaError, StackError, OSError, DocumentError, DamagedFileError) as error:
        _give_up(FAILED, str(error))
    except ValueError as error:
        _give_up(WRONG, str(error))
    report.sum_up(done, dry_run=dry_run)
    sys.exit(REFUSED if done.refused else 0)


def _verifier(settings: DocumentsSettings, workers: int) -> PdfSealVerifier:
    return settings.model_copy(update={"processes": workers}).verifier()


def _sender(stack: ExitStack) -> Callable[[Sequence[Record]], None]:
    kafka = settings_here().kafka
    ensure_topics(kafka)
    records = Records(kafka, "chakong-import", linger_ms=5)
    stack.callback(records.close)
    return records.send


class _Report:
    """What is told while it goes on: a bar, and each refusal."""

    def __init__(self, stack: ExitStack, file: Path, refused: Path | None, done: Position) -> None:
        self._console = Console(stderr=True)
        self._done, self._began, self._shown = done, time.monotonic(), 0
        self._rows_before = done.rows
        bar = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
        self._bar = stack.enter_context(Progress(*bar, console=self._console, disable=not self._console.is_terminal))
        self._task: TaskID = self._bar.add_task("导入 importing", total=file.stat().st_size, told="")
        self._refused: BinaryIO | None = None if refused is None else stack.enter_context(refused.open("ab"))

    def tell(self, window: Sequence[Done], take: Callable[[Row], None]) -> Position:
        """Tell of rows that are done with; the refusals are durable before the position is. Returns the position."""
        for one in window:
            take(one.row)
            if one.refusal is not None:
                self._tell_refusal(one)
        if self._refused is not None:
            self._refused.flush()
            os.fsync(self._refused.fileno())
        refused = sum(one.refusal is not None for one in window)
        self._done = Position(
            self._done.rows + len(window), "", self._done.sent + len(window) - refused, self._done.refused + refused
        )
        told = f"{self._done.sent:,} ✓ {self._done.refused:,} ✗"
        self._bar.update(self._task, advance=sum(one.row.size for one in window), told=told)
        return self._done

    def sum_up(self, done: Position, *, dry_run: bool) -> None:
        took_s = max(time.monotonic() - self._began, 1e-9)
        new = done.rows - self._rows_before
        sent = "could be sent" if dry_run else "sent to orders"
        click.echo(
            f"{done.rows:,} orders: {done.sent:,} {sent}, {done.refused:,} refused; {new:,} of them now,"
            f" {new / took_s:,.1f} a second",
            err=True,
        )

    def _tell_refusal(self, one: Done) -> None:
        if one.refusal is None:
            return
        reason, detail, todo = one.refusal
        if self._refused is not None:
            told = {
                "line": one.row.line,
                "order_id": one.order_id,
                "reason": reason,
                "detail": detail,
                "to_do": [{"zh": says.zh, "en": says.en} for says in todo],
            }
            self._refused.write(msgspec.json.encode(told) + b"\n")
        self._shown += 1
        if self._shown <= SHOWN_MAX:
            do = " ".join(f"{says.zh}。 {says.en}." for says in todo)
            click.echo(f"line {one.row.line}: {reason}: {detail}\n  -> {do}", err=True)
        elif self._shown == SHOWN_MAX + 1:
            click.echo("further refusals are not shown here; --refused FILE has all of them", err=True)


def _give_up(status: int, why: str) -> None:
    click.echo(f"chakong import: {why}", err=True)
    sys.exit(status)
