"""Rebuilding a generation whose rows lie in files, in a process of its own.

    python -m connectors.disk.rebuild        (a `Job` on its standard input, a `Built` on its standard output)

Sorting millions of rows takes seconds of a processor and megabytes of memory. In the screener both would be the screening
thread's; here the processor is taken only where nobody else wants it, and the memory is given back by ending. The process
ends when its standard input does, so it does not outlive a screener that was killed.

Rows are dealt by their order's hash into parts that fit memory, each into a file; then part by part is read, what must
stay of it (`watchlists.rows.living`) is appended to the new files, and a filter is filled of those. On top of the old and
the new rows this takes the old rows' size on disk while it runs.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from connectors.disk.rowfile import Records, RowFile
from watchlists import generation
from watchlists.rows import PLACED, RELEASED, Columns, compact, part_bits
from watchlists.snapshot import Seal

NICE: Final = 10
PART_BITS_MAX: Final = 7
"""At most so many parts, as a power of two: as many files are open at once."""
DEALT_ROWS: Final = 1 << 18
FILTER: Final = ".filter"
SUFFIXES: Final = ((".placed", PLACED), (".released", RELEASED))


class Job(msgspec.Struct, frozen=True):
    """Rebuild the rows of `old` up to two seals as `new`, both names in `folder`, and fill a filter.

    `capacity`: keys that it has room for in any case; `error_rate` and `seed`: the filter's.
    """

    folder: str
    old: str
    placed: Seal
    released: Seal
    new: str
    capacity: int
    error_rate: float
    seed: int


class Built(msgspec.Struct, frozen=True):
    """The new rows' seals, and how many orders they are of. The filter lies beside them, in pybloom-live's format."""

    placed: Seal
    released: Seal
    orders: int


def rebuild(job: Job) -> Built:
    """Do a job; what it wrote is durable then. Raises OSError, TornSnapshotError: the old rows are not as they were sealed."""
    folder = Path(job.folder)
    parts = _Parts(folder, job)
    placed, released = (RowFile.create(folder / f"{job.new}{suffix}", dtypes) for suffix, dtypes in SUFFIXES)
    orders = compact(parts.each(), placed, released)
    held = generation.filled(
        generation.keys_of(placed), len(placed), least=job.capacity, error_rate=job.error_rate, seed=job.seed
    )
    with (folder / f"{job.new}{FILTER}").open("xb") as file:
        held.tofile(file)
    placed.sync()
    released.sync()
    return Built(placed.seal(), released.seal(), orders)


class _Parts:
    """The rows of a job, dealt into parts by the high bits of the order's hash, so that an order's rows are in one."""

    def __init__(self, folder: Path, job: Job) -> None:
        rows = job.placed.rows + job.released.rows
        self._bits = min(part_bits(rows, generation.PART_ROWS), PART_BITS_MAX)
        self._dealt = [
            self._deal(folder, f"{job.old}{suffix}", f"{job.new}-part{suffix}", dtypes, seal)
            for (suffix, dtypes), seal in zip(SUFFIXES, (job.placed, job.released), strict=True)
        ]

    def each(self) -> Iterator[tuple[Columns, Columns]]:
        """Placed rows and releases part by part. A part is gone once it was read."""
        for placed, released in zip(*self._dealt, strict=True):
            yield placed.read(), released.read()
            for part in (placed, released):
                part.close()

    def _deal(self, folder: Path, source: str, target: str, dtypes: tuple[str, ...], seal: Seal) -> list[RowFile]:
        rows = RowFile.reading(folder / source, dtypes, seal)
        parts = [RowFile.create(folder / f"{target}-{part}", dtypes) for part in range(1 << self._bits)]
        for part in parts:
            part.path.unlink()  # its bytes go with its last handle, however this process ends
        for records in rows.records(size=DEALT_ROWS):
            for part, dealt in zip(parts, self._split(records), strict=True):
                part.append_records(dealt)
        rows.close()
        return parts

    def _split(self, records: Records) -> list[Records]:
        if not self._bits:
            return [records]
        part = (records["column0"] >> np.uint64(64 - self._bits)).astype(np.uint8)
        ends = np.cumsum(np.bincount(part, minlength=1 << self._bits))[:-1]
        return np.split(records[np.argsort(part, kind="stable")], ends)


def main() -> None:
    """Do the job whose line comes first on the standard input."""
    os.nice(NICE)
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    sys.stdout.buffer.write(msgspec.json.encode(rebuild(job)))


def _end_with_the_input() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
