"""A generation in a file, so that a worker need not read years of `orders` again: load it, then read the log's tail.

The file: magic and format (12 bytes), header length and its CRC-32 (8 bytes), the header (JSON), the columns of the
placed rows and of the releases one after another (raw, little-endian), and a BLAKE2b digest of all that comes before.
The filter is not stored: filling it from the rows is quicker than trusting it.

What must fit is checked before it is used, and each misfit has its own error, all of which mean: read the log instead.

    SnapshotError               a snapshot that cannot be used
      ├─ NotASnapshotError      another kind of file, or another format version
      ├─ TornSnapshotError      cut short, or its bytes are not the ones that were written
      └─ ForeignSnapshotError   made with another seed or another key function, so its numbers mean something else here
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from watchlists.generation import Generation, Mark
from watchlists.rows import CHUNK, PLACED, RELEASED, Columns, Table

MAGIC = b"CHAKONGW"
FORMAT = 1
HEADER_LENGTH_MAX = 1 << 20

_PREFIX = struct.Struct("<8sIII")  # magic, format, header length, header CRC-32
_DIGEST_SIZE = 32


class SnapshotError(Exception):
    """A snapshot that cannot be used."""


class NotASnapshotError(SnapshotError):
    """Another kind of file, or another format version."""


class TornSnapshotError(SnapshotError):
    """Cut short, or changed since it was written."""


class ForeignSnapshotError(SnapshotError):
    """Made with another seed or key function. Field: `what` differs."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the snapshot was made with another {what}")
        self.what = what


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A generation as it was when the log had been applied up to `positions`.

    `positions`: next offset to read of each partition of `orders`. `key_fingerprint`: tells the function (and its
    secret) that made keys and hashes; two deployments with different ones do not understand each other's rows.
    """

    generation: Generation
    positions: Mapping[int, int]
    key_fingerprint: str
    mark: Mark

    @classmethod
    def of(cls, generation: Generation, positions: Mapping[int, int], key_fingerprint: str) -> Snapshot:
        """Quick: notes how far the generation is. Call it where the log is applied; `write` may then run elsewhere."""
        return cls(generation, dict(positions), key_fingerprint, generation.mark())

    def write(self, file: BinaryIO) -> None:
        """Write to an open binary file. Rows that came after `of` are left out."""
        placed, released = self.generation.placed, self.generation.released
        header = json.dumps(
            {
                "seed_fingerprint": seed_fingerprint(self.generation.seed),
                "key_fingerprint": self.key_fingerprint,
                "positions": {str(partition): offset for partition, offset in sorted(self.positions.items())},
                "placed": self.mark.placed,
                "released": self.mark.released,
                "capacity": self.generation.least,
                "error_rate": self.generation.error_rate,
            }
        ).encode()
        digest = hashlib.blake2b(digest_size=_DIGEST_SIZE)

        def put(data: Any) -> None:
            digest.update(data)
            file.write(data)

        put(_PREFIX.pack(MAGIC, FORMAT, len(header), zlib.crc32(header)))
        put(header)
        for table, length in ((placed, self.mark.placed), (released, self.mark.released)):
            for n in range(len(table.dtypes)):
                for chunk in table.chunks(0, length):
                    put(chunk[n].data)
        file.write(digest.digest())

    @classmethod
    def read(cls, file: BinaryIO, *, seed: int, key_fingerprint: str) -> Snapshot:
        """Read what `write` wrote, to the end of the file, and fill a filter of it. Raises SnapshotError."""
        reader = _Reader(file)
        header = _header(reader)
        if header["seed_fingerprint"] != seed_fingerprint(seed):
            raise ForeignSnapshotError("seed")
        if header["key_fingerprint"] != key_fingerprint:
            raise ForeignSnapshotError("key function")
        placed = reader.table(PLACED, header["placed"])
        released = reader.table(RELEASED, header["released"])
        reader.finish()
        generation = Generation(placed, released, capacity=header["capacity"], error_rate=header["error_rate"], seed=seed)
        positions = {int(partition): offset for partition, offset in header["positions"].items()}
        return cls(generation, positions, key_fingerprint, generation.mark())


def seed_fingerprint(seed: int) -> str:
    """A digest that tells two seeds apart and does not tell the seed."""
    return hashlib.blake2b(b"filter seed", key=seed.to_bytes(8, "little"), digest_size=16).hexdigest()


class _Reader:
    """Reads exactly what is asked for, and digests it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.blake2b(digest_size=_DIGEST_SIZE)

    def take(self, size: int) -> bytes:
        data = self._exactly(size)
        self._digest.update(data)
        return data

    def table(self, dtypes: tuple[str, ...], length: int) -> Table:
        """Columns in chunks, so that a header which promises too much meets the file's end before memory's."""
        columns = [[np.frombuffer(self.take(n * np.dtype(d).itemsize), dtype=d) for n in _pieces(length)] for d in dtypes]
        chunks: list[Columns] = list(zip(*columns, strict=True))
        return Table(dtypes, chunks)

    def finish(self) -> None:
        expected = self._digest.digest()
        if self._exactly(_DIGEST_SIZE) != expected:
            raise TornSnapshotError("the snapshot's checksum does not fit its contents")
        if self._file.read(1):
            raise TornSnapshotError("the snapshot goes on after its end")

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise TornSnapshotError(f"the snapshot is cut short: {size} bytes expected, {len(data)} there")
        return data


def _pieces(length: int) -> list[int]:
    whole, rest = divmod(length, CHUNK)
    return [CHUNK] * whole + ([rest] if rest else [])


def _header(reader: _Reader) -> dict[str, Any]:
    magic, version, length, crc = _PREFIX.unpack(reader.take(_PREFIX.size))
    if magic != MAGIC:
        raise NotASnapshotError("the file is not a snapshot of a generation")
    if version != FORMAT:
        raise NotASnapshotError(f"the snapshot has format {version}, and this engine reads format {FORMAT}")
    if length > HEADER_LENGTH_MAX:
        raise TornSnapshotError(f"the snapshot's header claims {length} bytes")
    raw = reader.take(length)
    if zlib.crc32(raw) != crc:
        raise TornSnapshotError("the snapshot's header is damaged")
    header: dict[str, Any] = json.loads(raw)
    return header
