"""Rows in a file, one after another; each is its columns side by side, little-endian, without anything between.

Written and read with plain system calls: pages that are mapped would count as this process's memory, and pages of the
system's cache do not. Written bytes are durable after `sync`, and not before; a `Seal` says which of them were whole, so a
tail that a crash tore, or that came after the seal, is cut off when the file is opened again.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchlists.rows import CHUNK, Columns, Table
from watchlists.snapshot import Seal, TornSnapshotError

Records = NDArray[np.void]  # one structured element a row


class RowFile(Table):
    """A table in a file of this process's own. `create` a new one, or `open` one up to a seal."""

    def __init__(self, path: Path, dtypes: Sequence[str], handle: int, seal: Seal) -> None:
        super().__init__(dtypes)
        self.path = path
        self.row = np.dtype([(f"column{n}", dtype) for n, dtype in enumerate(self.dtypes)])
        self._handle, self._seal = handle, seal

    @classmethod
    def create(cls, path: Path, dtypes: Sequence[str]) -> RowFile:
        """An empty file, readable by its owner alone. Raises OSError, also where there is one."""
        return cls(path, dtypes, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), Seal())

    @classmethod
    def reading(cls, path: Path, dtypes: Sequence[str], seal: Seal) -> RowFile:
        """The rows of a file up to a seal, to be read, while somebody else may append. Raises as `open`; the bytes'
        checksum is not looked at."""
        try:
            handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            raise TornSnapshotError(f"{path.name} is missing") from None
        table = cls(path, dtypes, handle, seal)
        size, there = seal.rows * table.row.itemsize, os.fstat(handle).st_size
        if there < size:
            table.close()
            raise TornSnapshotError(f"{path.name} is cut short: {size} bytes expected, {there} there")
        return table

    @classmethod
    def open(cls, path: Path, dtypes: Sequence[str], seal: Seal, *, checked: bool = False) -> RowFile:
        """The rows of a file up to a seal, to be read and appended to; what comes after them is cut off. `checked`: the
        bytes are known to be whole.

        Raises TornSnapshotError where they are not all there as they were sealed, OSError.
        """
        table = cls.reading(path, dtypes, seal)
        try:
            if not checked and table._crc() != seal.crc:
                raise TornSnapshotError(f"the checksum of {path.name} does not fit its contents")
            writing = os.open(path, os.O_RDWR)
            os.ftruncate(writing, seal.rows * table.row.itemsize)
        finally:
            table.close()
        return cls(path, dtypes, writing, seal)

    def __len__(self) -> int:
        return self._seal.rows

    def append(self, columns: Columns) -> None:
        records = np.empty(len(columns[0]), self.row)
        for name, column in zip(self.row.names or (), columns, strict=True):
            records[name] = column
        self.append_records(records)

    def append_records(self, records: Records) -> None:
        """Add rows that are laid out as the file's. Raises OSError; then none was added."""
        if not len(records):
            return
        data = np.ascontiguousarray(records).view(np.uint8).data
        at, done = self._seal.rows * self.row.itemsize, 0
        while done < len(data):
            done += os.pwrite(self._handle, data[done:], at + done)
        self._seal = Seal(self._seal.rows + len(records), zlib.crc32(data, self._seal.crc))

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[Columns]:
        for records in self.records(start, stop):
            yield tuple(records[name] for name in self.row.names or ())

    def records(self, start: int = 0, stop: int | None = None, size: int = CHUNK) -> Iterator[Records]:
        """Rows start to stop as they lie, `size` at a time. Raises OSError where the file ends before."""
        stop = len(self) if stop is None else stop
        for first in range(start, stop, size):
            records = np.empty(min(size, stop - first), self.row)
            data, done = records.view(np.uint8).data, 0
            while done < len(data):
                read = os.preadv(self._handle, [data[done:]], first * self.row.itemsize + done)
                if not read:
                    raise OSError(f"{self.path.name} ends within its rows")
                done += read
            yield records

    def seal(self) -> Seal:
        """How far it is, on the thread that appends."""
        return self._seal

    def sync(self) -> None:
        """Make what was appended durable. Raises OSError."""
        os.fsync(self._handle)

    def close(self) -> None:
        os.close(self._handle)

    def _crc(self) -> int:
        crc = 0
        for records in self.records():
            crc = zlib.crc32(records.view(np.uint8).data, crc)
        return crc
