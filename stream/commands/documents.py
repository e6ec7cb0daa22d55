"""``chakong documents``: check a court's seal on documents, keep them, fetch them by digest."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors.documents.settings import DocumentsSettings
from stream.core.seal_verdict import SealVerdict
from stream.core.seals import SEAL_WORDS, DocumentError
from stream.local import documents_here

WRONG: Final = 2
REFUSED: Final = 3

_FILES = click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.File("rb"))
_COURT = click.option("--court", required=True, metavar="CODE", help="The court whose seal they must bear.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


@click.group()
def documents() -> None:
    """Sealed documents 文书: a document passes if its whole file is as the court sealed it. See docs/documents.md."""


@documents.command()
@_FILES
@_COURT
@click.option("--trust", type=click.Path(path_type=Path), help="Trust store; CHAKONG_DOCUMENTS_TRUST otherwise.")
@_JSON
def check(files: Sequence[BinaryIO], court: str, trust: Path | None, *, as_json: bool) -> None:
    """Check documents. Exits 0 if all pass, 3 if any does not."""
    try:
        settings = documents_here() if trust is None else DocumentsSettings(trust=trust)
        with settings.verifier() as verifier:
            found = [(file.name, None, verifier.verify(file.read(settings.bytes_max + 1), court)) for file in files]
    except (ValueError, OSError) as error:
        give_up("documents check", error)
    show(found, as_json=as_json)


@documents.command()
@_FILES
@_COURT
@_JSON
def add(files: Sequence[BinaryIO], court: str, *, as_json: bool) -> None:
    """Check documents and keep those that pass. Prints their digests; exits 3 if any was refused."""
    try:
        settings = documents_here()
        store, found = settings.store(), []
        with settings.verifier() as verifier:
            for file in files:
                data = file.read(settings.bytes_max + 1)
                verdict = verifier.verify(data, court)
                found.append((file.name, store.add(data) if verdict.good else None, verdict))
    except (ValueError, OSError, DocumentError) as error:
        give_up("documents add", error)
    show(found, as_json=as_json)


@documents.command()
@click.argument("digest", metavar="SHA256")
@click.option("--output", "-o", type=click.File("wb"), default="-", help="File to write; standard output otherwise.")
def get(digest: str, output: BinaryIO) -> None:
    """Write the document with this digest, as it was added."""
    try:
        output.write(documents_here().store().get(digest.lower()))
    except (ValueError, OSError, DocumentError) as error:
        give_up("documents get", error)


def give_up(command: str, error: Exception) -> NoReturn:
    """End for what is no verdict."""
    click.echo(f"chakong {command}: {error}", err=True)
    sys.exit(WRONG)


def show(found: Sequence[tuple[str, str | None, SealVerdict]], *, as_json: bool) -> None:
    """Tell the verdicts, each with a name and a digest if it has one, and exit 3 if any is not good."""
    if as_json or not sys.stdout.isatty():
        for name, digest, verdict in found:
            click.echo(msgspec.json.encode(as_object(name, digest, verdict)))
    else:
        _print(found)
    if not all(verdict.good for _, _, verdict in found):
        sys.exit(REFUSED)


def as_object(name: str, digest: str | None, verdict: SealVerdict) -> dict[str, Any]:
    """What is told of a document, as JSON has it."""
    says = SEAL_WORDS[verdict.reason]
    return {
        "document": name,
        "sha256": digest,
        "good": verdict.good,
        **msgspec.to_builtins(verdict),
        "says": {"zh": says.zh, "en": says.en},
    }


def _print(found: Iterable[tuple[str, str | None, SealVerdict]]) -> None:
    table = Table()
    table.add_column("文书 document", overflow="fold")
    table.add_column("结论 verdict", overflow="fold")
    table.add_column("法院、时间、覆盖 seal's court, time, coverage", min_width=19)
    for name, digest, verdict in found:
        colour = "green" if verdict.good else "red"
        said = f"[{colour}]{SEAL_WORDS[verdict.reason].zh}[/]\n{verdict.reason}: {SEAL_WORDS[verdict.reason].en}"
        at = f"{verdict.signed_at.astimezone():%Y-%m-%d %H:%M:%S}" if verdict.signed_at else "—"
        seal = f"{escape(verdict.court or '—')}\n{at}\n{verdict.coverage}"
        table.add_row(escape(name) + (f"\n{digest}" if digest else ""), said, seal)
    Console().print(table)
