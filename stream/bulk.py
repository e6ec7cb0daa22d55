"""Files of orders for the bulk import: rows of NDJSON or CSV, and how far an import of them is.

The position stands beside the file, for a view that is rebuilt cannot say what a file has left. It counts rows, and holds
a digest of all of them, so that another file under the same name is not taken for the rest of this one.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

import msgspec

from matchers.wire import UnreadableError
from stream.core.bulk import COLUMNS, order_of
from stream.lines import blocks, opened

CSV: Final = ".csv"


class Row(NamedTuple):
    """One order of a file: the line at which it begins, its record, and the bytes of the file that it took.

    ``wrong`` says why a line is no record at all; ``raw`` is then what could be read of it.
    """

    line: int
    raw: bytes
    size: int
    wrong: UnreadableError | None = None


class Position(msgspec.Struct, frozen=True):
    """How far an import is: rows that are done with, a digest of them, and what became of them."""

    rows: int = 0
    digest: str = ""
    sent: int = 0
    refused: int = 0

    @classmethod
    def load(cls, path: Path) -> Self:
        """What was saved, or the beginning. Raises ValueError: the file holds no position."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return cls()
        except msgspec.DecodeError:
            raise ValueError(f"{path} holds no position: remove it, and the import begins anew") from None

    def save(self, path: Path) -> None:
        """Durable, whole or not at all."""
        new = path.with_name(path.name + ".new")
        with new.open("wb") as file:
            file.write(msgspec.json.encode(self))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)


class Rows:
    """The rows of a file, those left out that were done with before. ``digest`` is of all that were given or left out."""

    def __init__(self, path: Path, done: Position) -> None:
        self._path, self._done = path, done
        self._seen = hashlib.sha256()

    def __iter__(self) -> Iterator[Row]:
        """The rows that are left.

        Raises:
            ValueError: a column is not one of ours, or what was done with is not how this file begins.
            OSError, DamagedFileError: the file cannot be read to its end.
        """
        rows = _table(self._path) if CSV in {suffix.lower() for suffix in self._path.suffixes} else _lines(self._path)
        for _ in range(self._done.rows):
            row = next(rows, None)
            if row is not None:
                self.take(row)
        if self._done.rows and self.digest != self._done.digest:
            raise ValueError(
                f"{self._path} does not begin with what was imported before: remove the position beside it to begin anew"
            )
        yield from rows

    def take(self, row: Row) -> None:
        """Count a row as done with."""
        self._seen.update(len(row.raw).to_bytes(8, "big") + row.raw)

    @property
    def digest(self) -> str:
        return self._seen.hexdigest()


def _lines(path: Path) -> Iterator[Row]:
    number = 0
    with opened(str(path)) as file:
        for block in blocks(file):
            for line in block:
                number += 1
                if line.strip():
                    yield Row(number, line.rstrip(b"\r\n"), len(line))


def _table(path: Path) -> Iterator[Row]:
    size = 0

    def texts() -> Iterator[str]:
        nonlocal size
        with opened(str(path)) as file:
            for block in blocks(file):
                for line in block:
                    size += len(line)
                    yield line.decode("utf-8", "surrogateescape")  # whoever reads the order refuses what is not UTF-8

    reader = csv.reader(texts(), strict=True)
    head = [name.strip() for name in next(reader, [])]
    unknown = [name for name in head if name not in COLUMNS]
    if unknown or len(set(head)) < len(head) or not head:
        raise ValueError(f"{path}: its first line names no columns, or one twice, or one that is not known; see docs/orders.md")
    while True:
        before, begins = size, reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(begins, b"", size - before, UnreadableError("not_csv", str(error)))
            continue
        if any(cells):
            yield _row(begins, dict(zip(head, cells, strict=False)), size - before, whole=len(cells) == len(head))


def _row(line: int, cells: dict[str, str], size: int, *, whole: bool) -> Row:
    shown = "\x1f".join(cells.values()).encode("utf-8", "surrogateescape")
    if not whole:
        return Row(line, shown, size, UnreadableError("not_csv", "it has more or fewer cells than there are columns"))
    try:
        return Row(line, msgspec.json.encode(order_of(cells)), size)
    except UnicodeEncodeError:
        return Row(line, shown, size, UnreadableError("not_utf8", "the line is not UTF-8"))
    except ValueError as error:
        return Row(line, shown, size, UnreadableError("invalid_order", str(error)))
