"""``chakong place``: an order, placed or amended only with the documents that its court sealed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

import click

from connectors.documents.files import FolderDocuments
from connectors.kafka.errors import KafkaError
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import ORDERS, ensure_topics
from deploy.local.errors import StackError
from matchers.wire import RECORD_BYTES_MAX, UnreadableError
from stream.commands.documents import give_up, show
from stream.core.sealed_order import Checked, all_good, documents_of
from stream.core.seals import DocumentError
from stream.local import documents_here, settings_here
from watchlists.order import Order, Release, read_order


@click.command()
@click.argument("file", metavar="FILE.json", type=click.File("rb"))
@click.option(
    "--documents",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with the order's documents; those that are kept already otherwise.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def place(file: BinaryIO, folder: Path | None, *, as_json: bool) -> None:
    """Place or amend the order in FILE.json.

    It goes to the topic `orders` only when every document that it lists is at hand and bears its court's seal; otherwise
    nothing is kept and nothing is sent.

    Exits 0 when Kafka has the order, 3 when it was refused, 1 when Kafka could not be reached, 2 for wrong usage.
    """
    raw = file.read(RECORD_BYTES_MAX + 1)
    try:
        order = read_order(raw)
        if isinstance(order, Release):
            raise UnreadableError("invalid_order", "a release has no documents; it is not placed")
        checked = _checked_and_kept(order, folder)
    except (UnreadableError, ValueError, OSError, DocumentError) as error:
        give_up("place", error)
    if all_good(checked):
        _send(order.id, raw)
        click.echo(f"{order.id} version {order.version}: sent to orders", err=True)
    else:
        click.echo(f"{order.id} version {order.version}: refused, and nothing was sent", err=True)
    show([(one.kind, one.sha256, one.verdict) for one in checked], as_json=as_json)


def _checked_and_kept(order: Order, folder: Path | None) -> tuple[Checked, ...]:
    """The order's documents, checked; kept only if all are good. Raises ValueError, OSError, DocumentError."""
    settings = documents_here()
    store = settings.store()
    documents = store if folder is None else FolderDocuments(folder, settings.bytes_max)
    with settings.verifier() as verifier:
        checked = documents_of(order, documents, verifier)
    if folder is not None and all_good(checked):
        for one in checked:
            store.add(documents.get(one.sha256))
    return checked


def _send(order_id: str, raw: bytes) -> None:
    try:
        kafka = settings_here().kafka
        ensure_topics(kafka)
        records = Records(kafka, "chakong-place")
        try:
            records.send([Record(ORDERS, order_id.encode(), raw)])
        finally:
            records.close()
    except (KafkaError, StackError, ValueError) as error:
        click.echo(f"chakong place: {error}", err=True)
        sys.exit(1)
