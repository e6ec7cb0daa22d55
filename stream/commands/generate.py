"""`chakong generate`: a synthetic world in files: orders, sightings, and the truth about both."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from synthetic.crowd import SyntheticSighting
from synthetic.places import TOPICS
from synthetic.truth import defect_line
from synthetic.world import DEFAULT_RATE, World

T = TypeVar("T")

STDOUT: Final = "-"
_PROGRESS_EVERY: Final = 10_000  # records
_GZIP_LEVEL: Final = 1

Share = click.FloatRange(0, 1)


@click.command()
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed makes the same bytes.")
@click.option("--orders", type=click.IntRange(1), default=10_000, show_default=True, help="How many orders.")
@click.option("--sightings", type=click.IntRange(0), default=1_000_000, show_default=True, help="How many sightings.")
@click.option("--hit-ratio", type=Share, default=1e-4, show_default=True, help="Share of sightings that must hit.")
@click.option("--near-miss-ratio", type=Share, help="Share that only looks like it.  [default: as many as hit]")
@click.option("--dirtiness", type=Share, default=0.05, show_default=True, help="Share of badly written records.")
@click.option("--order-dirtiness", type=Share, default=0.0, show_default=True, help="Share of badly written orders.")
@click.option("--at", help="When sightings begin: RFC 3339 with an offset.  [default: fixed by the seed]")
@click.option("--rate", type=float, default=DEFAULT_RATE, show_default=True, help="Sightings a second, as their times say.")
@click.option("--stream", type=int, default=0, show_default=True, help="Another number, other sightings of the same world.")
@click.option("--out", required=True, metavar="DIR", help="Folder for the files; - writes the sightings to standard output.")
@click.option("--gzip", "zipped", is_flag=True, help="Compress the files.")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
def generate(
    seed: int,
    orders: int,
    sightings: int,
    hit_ratio: float,
    near_miss_ratio: float | None,
    dirtiness: float,
    order_dirtiness: float,
    at: str | None,
    rate: float,
    stream: int,
    out: str,
    zipped: bool,
    force: bool,
) -> None:
    """Make a synthetic world: orders.ndjson, sightings.<kind>.ndjson and truth.ndjson, which says what must hit.

    Nobody in it exists. With --out - only the sightings are written, one a line, to standard output.
    """
    try:
        world = World(seed, orders=orders, at=_moment(at), order_dirtiness=order_dirtiness)
        stream_of = world.sightings(
            sightings,
            hit_ratio=hit_ratio,
            dirtiness=dirtiness,
            near_miss_ratio=near_miss_ratio,
            rate=rate,
            stream=stream,
        )
        if out == STDOUT:
            _pipe(_watched(stream_of, sightings, "sightings"), zipped=zipped)
        else:
            _files(world, stream_of, sightings, Path(out), zipped=zipped, force=force)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _moment(text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"--at {text} is no RFC 3339 time, like 2026-11-24T08:00:00+08:00") from None
    if moment.tzinfo is None:
        raise ValueError(f"--at {text} has no offset; write it like 2026-11-24T08:00:00+08:00")
    return moment


def _pipe(sightings: Iterable[SyntheticSighting], *, zipped: bool) -> None:
    """Lines to standard output until all are written or the reader has had enough."""
    raw = sys.stdout.buffer
    target: IO[bytes] = _zip(raw) if zipped else raw
    try:
        for sighting in sightings:
            target.write(sighting.value + b"\n")
        if zipped:
            target.close()
        raw.flush()
    except BrokenPipeError:
        # The interpreter flushes standard output once more at its end: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), raw.fileno())
        raise SystemExit(0) from None


def _files(
    world: World, sightings: Iterator[SyntheticSighting], count: int, folder: Path, *, zipped: bool, force: bool
) -> None:
    suffix = ".ndjson.gz" if zipped else ".ndjson"
    names = ("orders", *TOPICS, "truth")
    paths = {name: folder / f"{name}{suffix}" for name in names}
    there = [path.name for path in paths.values() if path.exists()]
    if there and not force:
        raise click.UsageError(f"{folder} already holds {', '.join(there)}; --force overwrites")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            files = {name: stack.enter_context(_opened(path, zipped=zipped)) for name, path in paths.items()}
            for record in _watched(world.orders(), len(world), "orders"):
                files["orders"].write(record.value + b"\n")
            pairs, defects = _write_sightings(_watched(sightings, count, "sightings"), files)
    except OSError as error:
        raise click.ClickException(f"cannot write to {folder}: {error.strerror or error}") from None
    click.echo(
        f"{folder}: {len(world):,} orders, {count:,} sightings, {pairs:,} pairs that must hit, {defects:,} unreadable",
        err=True,
    )


def _write_sightings(sightings: Iterable[SyntheticSighting], files: dict[str, IO[bytes]]) -> tuple[int, int]:
    """How many pairs must hit, and how many records are unreadable."""
    lines = dict.fromkeys(TOPICS, 0)
    writes = {topic: files[topic].write for topic in TOPICS}
    truth = files["truth"]
    pairs = defects = 0
    for topic, _, value, expected, defect in sightings:
        writes[topic](value + b"\n")
        lines[topic] += 1
        for pair in expected:
            truth.write(pair.line() + b"\n")
            pairs += 1
        if defect is not None:
            truth.write(defect_line(defect, topic, lines[topic]) + b"\n")
            defects += 1
    return pairs, defects


def _opened(path: Path, *, zipped: bool) -> IO[bytes]:
    return _zip(path) if zipped else path.open("wb")


def _zip(target: Path | IO[bytes]) -> IO[bytes]:
    """gzip without the time of day, so that the same world makes the same bytes."""
    if isinstance(target, Path):
        return gzip.GzipFile(target, "wb", compresslevel=_GZIP_LEVEL, mtime=0)  # type: ignore[return-value]
    return gzip.GzipFile("", "wb", compresslevel=_GZIP_LEVEL, fileobj=target, mtime=0)  # type: ignore[return-value]


def _watched(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """The items, with a progress bar on standard error if that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from items
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=total)
        for done, item in enumerate(items, start=1):
            yield item
            if done % _PROGRESS_EVERY == 0 or done == total:
                progress.update(task, completed=done)
