"""``chakong audit``: verify the audit log, prove and find records, and export them."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn, TypeVar

import click
import msgspec
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors.audit.keys import read_private_key, read_public_key
from connectors.audit.log import AuditLog
from connectors.audit.settings import AuditSettings
from connectors.kafka.errors import KafkaError
from connectors.kafka.settings import KafkaSettings
from deploy.local import stack
from deploy.local.errors import StackError
from matchers.wire import UnreadableError, reason
from stream.core.audit.fault import Found, Stored
from stream.core.audit.proof import NoProofError, Proof, prove, refutation
from stream.core.audit.record import AuditRecord, Head, read_record
from stream.core.audit.signing import Keys
from stream.core.audit.verification import Verified, verify
from stream.local import deployment_of, project_root

T = TypeVar("T")
FAULTY: Final = 1
CANNOT: Final = 2
_HEADS: Final = TypeAdapter(tuple[Head, ...])


class _Moment(click.ParamType):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.datetime:
        try:
            moment = dt.datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("an ISO 8601 time is needed, as 2026-11-24T08:00:00+08:00", param, ctx)
        return moment if moment.tzinfo else moment.astimezone()


class _Place(NamedTuple):
    """Where the log is, and the public keys that are at hand."""

    kafka: KafkaSettings
    keys: tuple[Path, ...]


_FROM: Final = click.option("--from", "since", type=_Moment(), help="From this time on (ISO 8601); without an offset, local.")
_TO: Final = click.option("--to", "until", type=_Moment(), help="Before this time.")
_KEY: Final = click.option(
    "--key", "paths", type=click.Path(path_type=Path), multiple=True, help="A public key, PEM; as many as have signed."
)


@click.group()
def audit() -> None:
    """The audit log: who did what, when and from where. Kafka by CHAKONG_KAFKA, else what `chakong up` runs here."""


@audit.command("verify")
@_FROM
@_TO
@_KEY
@click.option("--known", type=click.Path(path_type=Path), help="Heads that an earlier --keep wrote: they must be there still.")
@click.option("--keep", type=click.Path(path_type=Path), help="Write how far each chain is, where nothing is wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def verify_log(
    since: dt.datetime | None,
    until: dt.datetime | None,
    paths: tuple[Path, ...],
    known: Path | None,
    keep: Path | None,
    *,
    as_json: bool,
) -> None:
    """Find every record that was removed, changed, inserted or moved, and name it. Exit 1 when there is any."""
    place = _place()
    keys = _keys(paths or place.keys)
    heads = () if known is None else _read(known, _HEADS.validate_json)
    log, console = AuditLog(place.kafka), Console(stderr=True)
    with console.status("0 records") as status:
        found = _asked(
            lambda: verify(
                lambda: log.records(since, until),
                keys,
                heads,
                partial=since is not None or until is not None,
                progress=lambda count: status.update(f"{count:,} records"),
            )
        )
    if keep is not None and not found.faults:
        keep.write_bytes(_HEADS.dump_json(found.heads) + b"\n")
    if as_json:
        click.echo(msgspec.json.encode(_as_object(found)).decode())
    else:
        _print(found, partial=since is not None)
    sys.exit(FAULTY if found.faults else 0)


@audit.command("proof")
@click.argument("record")
@click.option("--earlier", type=int, help="Also prove that the checkpoint of this number is the beginning of the one used.")
def proof(record: str, earlier: int | None) -> None:
    """Prove that RECORD (writer/number) stands in the log, under a signed checkpoint. Prints JSON for `chakong audit check`."""
    writer, _, number = record.rpartition("/")
    if not writer or not number.isdecimal():
        _give_up("a record is named writer/number, as search and verify show it")
    log = AuditLog(_place().kafka)
    chain = _asked(lambda: [stored.value for stored in log.records() if stored.key == writer.encode()])
    try:
        click.echo(prove(chain, int(number), earlier).model_dump_json(exclude_none=True))
    except (NoProofError, UnreadableError, ValidationError) as error:
        _give_up(str(error) if isinstance(error, NoProofError) else "its chain is damaged: run `chakong audit verify`")


@audit.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@_KEY
def check(file: Path, paths: tuple[Path, ...]) -> None:
    """Check a proof, without Kafka. Exit 1 when it does not hold."""
    keys = _keys(paths or _place().keys)
    why_not = refutation(_read(file, Proof.model_validate_json), keys)
    if why_not is not None:
        click.echo(f"chakong audit: the proof does not hold: {why_not}", err=True)
        sys.exit(FAULTY)
    click.echo("The proof holds.")


@audit.command("search")
@_FROM
@_TO
@click.option("--who", help="The id of whoever acted (a court's code), or a person's name on whose behalf.")
@click.option("--object", "about", help="The id of what it was about, as a hit's.")
@click.option("--operation", help="The operation's name.")
@click.option("--outcome", type=click.Choice(["begun", "done", "refused", "failed"]))
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="Records at most.")
def search(since: dt.datetime | None, until: dt.datetime | None, limit: int, **asked: str | None) -> None:
    """Find operations. On a terminal a table, else NDJSON. It does not verify."""
    log = AuditLog(_place().kafka)
    found = (record for stored in log.records(since, until) if (record := _operation(stored)) and _fits(record, **asked))
    rows = _asked(lambda: [record for _, record in zip(range(limit), found, strict=False)])
    if sys.stdout.isatty():
        _print_records(rows)
    else:
        for record in rows:
            click.echo(record.model_dump_json(exclude_none=True))


@audit.command("export")
@_FROM
@_TO
def export(since: dt.datetime | None, until: dt.datetime | None) -> None:
    """Write the records as they are stored, one a line, to standard output."""
    log = AuditLog(_place().kafka)

    def written() -> int:
        return sum(sys.stdout.buffer.write(stored.value + b"\n") > 0 for stored in log.records(since, until))

    count = _asked(written)
    sys.stdout.flush()
    click.echo(f"{count:,} records", err=True)


def _operation(stored: Stored) -> AuditRecord | None:
    try:
        record = read_record(stored.value)
    except (UnreadableError, ValidationError):
        return None
    return record if record.operation is not None else None


def _fits(record: AuditRecord, who: str | None, about: str | None, operation: str | None, outcome: str | None) -> bool:
    entry = record.operation
    if entry is None:
        return False
    thing = None if entry.object is None else entry.object.id
    return (
        (who is None or who in (entry.who.id, entry.who.on_behalf_of))
        and (about is None or about == thing)
        and (operation is None or operation == entry.operation)
        and (outcome is None or outcome == entry.outcome)
    )


def _place() -> _Place:
    own = _own_key()
    root = project_root()
    addresses = None if os.environ.get("CHAKONG_KAFKA") else stack.find(root)
    if addresses is None:
        return _Place(KafkaSettings(), () if own is None else (own,))
    deployment = deployment_of(root, addresses)
    kafka = KafkaSettings(bootstrap=addresses.kafka, topic_prefix=deployment.topic_prefix)
    return _Place(kafka, (deployment.audit_public_key_file,) if own is None else (own,))


def _own_key() -> Path | None:
    try:
        return AuditSettings().key_file
    except ValidationError as error:
        _give_up(reason(error))


def _keys(paths: tuple[Path, ...]) -> Keys:
    """Public keys, or that of the private key that CHAKONG_AUDIT_KEY_FILE names."""
    own = _own_key()
    if not paths:
        _give_up("give the public key that the log is signed with: --key FILE")
    try:
        return Keys(read_private_key(path).public_key() if path == own else read_public_key(path) for path in paths)
    except ValueError as error:
        _give_up(str(error))


def _read(path: Path, reader: Callable[[bytes], T]) -> T:
    try:
        return reader(path.read_bytes())
    except OSError as error:
        _give_up(f"{path}: {error.strerror or error}")
    except ValidationError:
        _give_up(f"{path}: not what this command wrote")


def _asked(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except (KafkaError, StackError) as error:
        _give_up(str(error))


def _as_object(found: Verified) -> dict[str, Any]:
    return {
        "records": found.records,
        "checkpoints": found.checkpoints,
        "uncovered": found.uncovered,
        "chains": len(found.heads),
        "faults": [one._asdict() for one in found.faults],
    }


def _print(found: Verified, *, partial: bool) -> None:
    console = Console()
    console.print(
        f"{found.records:,} records, {len(found.heads):,} whole chains, {found.checkpoints:,} checkpoints;"
        f" {found.uncovered:,} records that no checkpoint covers yet."
    )
    if partial:
        console.print("A part of the log: links and signatures were checked, and no roots of checkpoints.")
    if not found.faults:
        console.print("[green]完整 nothing is wrong[/]")
        return
    table = Table("问题 fault", "链 writer", "序号 records", "位置 place", "说明")
    for one in found.faults:
        place = "—" if one.partition is None else f"{one.partition}/{one.offset}"
        table.add_row(f"[red]{one.fault}[/]", escape(one.writer) or "—", _numbers(one), place, escape(one.says))
    console.print(table)


def _numbers(one: Found) -> str:
    if one.first is None:
        return "—"
    return str(one.first) if one.first == one.last else f"{one.first}–{one.last}"


def _print_records(rows: list[AuditRecord]) -> None:
    table = Table("时间 at", "谁 who", "操作 operation", "对象 object", "结果 outcome", "地址 address", "记录 record")
    for record in rows:
        entry = record.operation
        if entry is None:
            continue
        at = record.at.astimezone().isoformat(sep=" ", timespec="seconds")
        who = " ".join(part for part in (entry.who.id or entry.who.kind, entry.who.on_behalf_of) if part)
        thing = "—" if entry.object is None else f"{entry.object.kind} {entry.object.id}"
        outcome = f"{entry.outcome} {entry.status or ''}".strip()
        cells = (at, who, entry.operation, thing, outcome, entry.address or "—", record.name)
        table.add_row(*(escape(cell) for cell in cells))
    Console().print(table)


def _give_up(why: str) -> NoReturn:
    click.echo(f"chakong audit: {why}", err=True)
    sys.exit(CANNOT)
