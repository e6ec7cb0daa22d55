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

BLOCK_BYTES: Final = 1 << 19
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
    """The lines of a file, line ends included, in lists of about half a megabyte; a byte order mark is left out.

    A line over the record limit is cut behind it, and so is unreadable.

    Raises:
        DamagedFileError: the file ends or breaks where it should not.
    """
    rest = b""
    first = True
    while block := _read(file):
        if first:
            block = block.removeprefix(codecs.BOM_UTF8)
            first = False
        lines = io.BytesIO(rest + block).readlines()
        rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        if len(rest) > _LINE_BYTES_MAX:
            rest = rest[: _LINE_BYTES_MAX + 1]
        if lines:
            yield lines
    if rest:
        yield [rest]


def _read(file: BinaryIO) -> bytes:
    try:
        return file.read(BLOCK_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedFileError(str(error)) from None


def _unzipped(file: BinaryIO) -> BinaryIO:
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, file))
    if not buffered.peek(len(_GZIP)).startswith(_GZIP):
        return buffered
    return cast(BinaryIO, gzip.GzipFile(fileobj=buffered))
