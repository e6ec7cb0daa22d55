"""``chakong scan``: judge files of sightings against a file of orders, without any server."""

from __future__ import annotations

import base64
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import click
import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from stream import machine_code
from stream.core.hit import Hit
from stream.lines import DamagedFileError, blocks, opened
from stream.scan import DeadLetter, Scan, Tally
from watchlists.policy import Policy, PolicyError

SOME_LINES_REFUSED: Final = 3
_STANDARD_INPUT: Final = "-"


class Times(NamedTuple):
    """Seconds of loading the orders, and of judging the sightings."""

    load_s: float
    screen_s: float


@click.command()
@click.argument("sightings", nargs=-1, required=True, metavar="SIGHTINGS.ndjson...")
@click.option("--orders", required=True, metavar="ORDERS.ndjson", help="Orders; all are applied before any sighting.")
@click.option("--deadletters", type=click.Path(dir_okay=False), help="Where lines go that cannot be read or are refused.")
@click.option("--overlay", "overlays", multiple=True, type=click.Path(path_type=Path), help="A province's policy overlay.")
def scan(sightings: tuple[str, ...], orders: str, deadletters: str | None, overlays: tuple[Path, ...]) -> None:
    """Judge sightings (files, gzip, or - for standard input) against orders.

    Hits go to standard output as NDJSON in input order, a summary to standard error. Exit code 0 when all was read and
    accepted, 3 when some lines were not, 2 for wrong usage.
    """
    _check_inputs([orders, *sightings], deadletters)
    try:
        policy = Policy.national().with_overlays(overlays)
    except PolicyError as error:
        raise click.UsageError(str(error)) from None
    machine_code.ensure()
    with _cemetery(deadletters) as bury:
        run = Scan(policy, bury)
        try:
            times = _run(run, orders, sightings)
        except BrokenPipeError:  # whoever read our hits has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
    _summary(run.tally, times, deadletters)
    if run.tally.dead_letters:
        sys.exit(SOME_LINES_REFUSED)


def _check_inputs(paths: list[str], deadletters: str | None) -> None:
    if paths.count(_STANDARD_INPUT) > 1:
        raise click.UsageError("standard input (-) can be read only once")
    for path in paths:
        if path == _STANDARD_INPUT:
            continue
        try:
            Path(path).open("rb").close()
        except OSError as error:
            raise click.UsageError(f"cannot read {path}: {error.strerror}") from None
        if deadletters is not None and Path(deadletters).exists() and Path(deadletters).samefile(path):
            raise click.UsageError(f"--deadletters would overwrite {path}")


def _run(run: Scan, orders: str, sightings: tuple[str, ...]) -> Times:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        started = time.perf_counter()
        task = progress.add_task("令状 orders", total=None)
        with _without_collector(), opened(orders) as file:
            try:
                for count in run.load(orders, blocks(file)):
                    progress.update(task, completed=count)
            except DamagedFileError as error:
                raise click.UsageError(f"cannot read {orders} to its end, so nothing was judged: {error}") from None
        loaded = time.perf_counter()
        task = progress.add_task("轨迹 sightings", total=None)
        for path in sightings:
            with opened(path) as file:
                for hits in run.sightings(path, blocks(file)):
                    sys.stdout.buffer.writelines(hit_line(hit) for hit in hits)
                    progress.update(task, completed=run.tally.sightings)
        sys.stdout.buffer.flush()
        return Times(loaded - started, time.perf_counter() - loaded)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Loading makes millions of objects that stay: the cycle collector would visit them again and again, for nothing."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def hit_line(hit: Hit) -> bytes:
    """One hit as a line of NDJSON."""
    return hit.model_dump_json().encode() + b"\n"


@contextmanager
def _cemetery(path: str | None) -> Iterator[Callable[[DeadLetter], None]]:
    """Writes dead letters as NDJSON where asked, else drops them once they are counted."""
    if path is None:
        yield lambda _: None
        return
    try:
        file = Path(path).open("wb")  # noqa: SIM115 - an error in the scan is not one of opening
    except OSError as error:
        raise click.UsageError(f"--deadletters: {error}") from None
    with file:
        yield lambda letter: file.writelines([dead_letter_line(letter)])


def dead_letter_line(letter: DeadLetter) -> bytes:
    """One dead letter as a line of NDJSON: ``record`` is for eyes, ``bytes`` is what was there, in base64."""
    fields = {
        "source": letter.source,
        "line": letter.line,
        "reason": letter.reason,
        "detail": letter.detail,
        "record": letter.raw.decode("utf-8", "replace"),
        "bytes": base64.b64encode(letter.raw).decode(),
    }
    return msgspec.json.encode(fields) + b"\n"


def _summary(tally: Tally, times: Times, deadletters: str | None) -> None:
    load_s, screen_s = times
    table = Table(show_header=False, box=None, pad_edge=False)
    rate = tally.sightings / screen_s if screen_s else 0.0
    rows = [
        ("令状 orders", f"{tally.orders:,} read, {tally.orders_in_place:,} in place, {tally.keys:,} keys, {load_s:.2f} s"),
        ("轨迹 sightings", f"{tally.sightings:,} in {screen_s:.2f} s ({rate:,.0f}/s), {tally.maybes:,} maybes"),
        ("命中 hits", f"{tally.hits:,}, of which {tally.verify:,} to verify first"),
        ("死信 dead letters", f"{tally.dead_letters:,}" + "".join(f", {n:,} {why}" for why, n in tally.reasons.items())),
    ]
    for row in rows:
        table.add_row(*row)
    Console(stderr=True).print(table)
    if tally.dead_letters and deadletters is None:
        click.echo("Give --deadletters FILE to keep the lines that were not read or not accepted.", err=True)
