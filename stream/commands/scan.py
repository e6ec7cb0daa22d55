"""``chakong scan``: judge files of sightings against a file of orders, without any server."""

from __future__ import annotations

import gc
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import click
import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from stream.core.hit import Hit
from stream.scan import DeadLetter, Scan, Tally, blocks, opened
from watchlists.policy import Policy, PolicyError

SOME_LINES_REFUSED = 3
_WRONG_USAGE = 2


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
    if [orders, *sightings].count("-") > 1:
        raise click.UsageError("standard input (-) can be read only once")
    try:
        policy = Policy.national().with_overlays(list(overlays))
    except PolicyError as error:
        raise click.UsageError(str(error)) from None
    with ExitStack() as stack:
        bury = _cemetery(stack, deadletters)
        run = Scan(policy, bury)
        times = _run(run, orders, sightings)
    _summary(run.tally, times, deadletters)
    if run.tally.dead_letters:
        sys.exit(SOME_LINES_REFUSED)


def _run(run: Scan, orders: str, sightings: tuple[str, ...]) -> tuple[float, float]:
    """Seconds of loading the orders and of screening."""
    out = sys.stdout.buffer
    encoder = msgspec.json.Encoder()
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            started = time.perf_counter()
            task = progress.add_task("令状 orders", total=None)
            with opened(orders) as file:
                for count in run.load(orders, file):
                    if count % 10_000 == 0:
                        progress.update(task, completed=count)
            progress.update(task, completed=run.tally.orders)
            gc.collect()
            gc.freeze()
            loaded = time.perf_counter()
            task = progress.add_task("轨迹 sightings", total=None)
            for path in sightings:
                with opened(path) as file:
                    for hits in run.sightings(path, blocks(file)):
                        for hit in hits:
                            out.write(hit_line(hit, encoder))
                        progress.update(task, completed=run.tally.sightings)
            out.flush()
            return loaded - started, time.perf_counter() - loaded
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except (OSError, EOFError) as error:
        click.echo(f"chakong scan: {error}", err=True)
        sys.exit(_WRONG_USAGE)


def hit_line(hit: Hit, encoder: msgspec.json.Encoder) -> bytes:
    """One hit as a line of NDJSON."""
    return encoder.encode(hit.model_dump(mode="json")) + b"\n"


def _cemetery(stack: ExitStack, path: str | None):  # type: ignore[no-untyped-def]
    """Writes dead letters as NDJSON where asked, else drops them once they are counted."""
    if path is None:
        return lambda _: None
    try:
        file: IO[bytes] = stack.enter_context(Path(path).open("wb"))
    except OSError as error:
        raise click.UsageError(f"--deadletters: {error}") from None
    encoder = msgspec.json.Encoder()

    def bury(letter: DeadLetter) -> None:
        record = {
            "source": letter.source,
            "line": letter.line,
            "reason": letter.reason,
            "detail": letter.detail,
            "record": letter.raw.decode("utf-8", "backslashreplace"),
        }
        file.write(encoder.encode(record) + b"\n")

    return bury


def _summary(tally: Tally, times: tuple[float, float], deadletters: str | None) -> None:
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
