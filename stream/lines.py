"""Files of lines: plain, gzip or standard input, read in blocks of whole lines. Memory does not grow with the file."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from matchers.wire import RECORD_BYTES_MAX

BLOCK_BYTES: Final = 1 << 22
"""Enough lines that what numpy costs a call is nothing a line."""
_READ_BYTES: Final = 1 << 19
"""Few enough that the memory of one read serves the next: four megabytes at once cost three times as much."""
_GZIP: Final = b"\x1f\x8b"
_LINE_BYTES_MAX: Final = RECORD_BYTES_MAX + len(b"\r\n")


class DamagedFileError(Exception):
    """A file that cannot be read to its end: what came before was read."""


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """A file of lines: plain, gzip (told by its first bytes, whatever its name), or ``-`` for standard input."""
    if path == "-":
        yield _unzipped(sys.stdin.buffer)
        return
    with Path(path).open("rb") as file:
        yield _unzipped(file)


def blocks(file: BinaryIO) -> Iterator[list[bytes]]:
    """The lines of a file, line ends included, in lists of about four megabytes; a byte order mark is left out.

    A line over the record limit is cut behind it, and so is unreadable.

    Raises:
        DamagedFileError: the file ends or breaks where it should not; every whole line before that was given.
    """
    lines: list[bytes] = []
    bytes_held = 0
    rest = b""
    for part in _parts(file):
        if isinstance(part, DamagedFileError):
            if lines:
                yield lines
            raise part
        fresh = io.BytesIO(rest + part).readlines()
        rest = b"" if fresh[-1].endswith(b"\n") else fresh.pop()[: _LINE_BYTES_MAX + 1]
        lines += fresh
        bytes_held += len(part)
        if bytes_held >= BLOCK_BYTES:
            yield lines
            lines, bytes_held = [], 0
    if rest:
        lines.append(rest)
    if lines:
        yield lines


def _parts(file: BinaryIO) -> Iterator[bytes | DamagedFileError]:
    """What one read after another gives, without a byte order mark; at the end, perhaps, why it ends too early."""
    mark = codecs.BOM_UTF8
    try:
        while part := cast(io.BufferedReader, file).read1(_READ_BYTES):
            if part := part.removeprefix(mark):
                yield part
            mark = b""
    except (OSError, EOFError, zlib.error) as error:
        yield DamagedFileError(str(error))


def _unzipped(file: BinaryIO) -> BinaryIO:
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, file))
    if not buffered.peek(len(_GZIP)).startswith(_GZIP):
        return buffered
    return cast(BinaryIO, gzip.GzipFile(fileobj=buffered))
