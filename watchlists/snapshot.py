"""What a snapshot says: how far the log had been applied, and which rows a generation had then.

A worker that has one need not read years of `orders` again. Rows lie in files that are only appended to, so a snapshot
names them, their lengths and their checksums (`Seal`); what was appended since is not part of it, and comes again from
the log. The filter is not stored: filling it from the rows is quick.

The bytes: magic and format (12 bytes), the length of what follows and its CRC-32 (8 bytes), and a JSON object.

What must fit is checked before it is used, and each misfit has its own error, all of which mean: read the log instead.

    SnapshotError               a snapshot that cannot be used
      ├─ NotASnapshotError      another kind of file, or another format version
      ├─ TornSnapshotError      cut short, or its bytes, or its rows' bytes, are not the ones that were written
      └─ ForeignSnapshotError   made with another seed or another key function, so its numbers mean something else here
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import NamedTuple, Self

import msgspec

from watchlists.generation import Wear

MAGIC = b"CHAKONGW"
FORMAT = 2

_PREFIX = struct.Struct("<8sIII")  # magic, format, length, CRC-32


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


class Seal(NamedTuple):
    """How many rows a table had at some moment, and the CRC-32 of their bytes."""

    rows: int = 0
    crc: int = 0


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A generation as it was when the log had been applied up to `positions`.

    `positions`: next offset to read of each partition of `orders`. `name`: of the files that hold the rows.
    `key_fingerprint`: tells the function (and its secret) that made keys and hashes; two deployments with different ones
    do not understand each other's rows.
    """

    positions: dict[int, int]
    key_fingerprint: str
    seed_fingerprint: str
    name: str
    placed: Seal
    released: Seal
    wear: Wear

    def encode(self) -> bytes:
        body = msgspec.json.encode(self)
        return _PREFIX.pack(MAGIC, FORMAT, len(body), zlib.crc32(body)) + body

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """What `encode` made. Raises SnapshotError."""
        if len(data) < _PREFIX.size:
            raise TornSnapshotError("the snapshot is cut short")
        magic, version, length, crc = _PREFIX.unpack_from(data)
        if magic != MAGIC:
            raise NotASnapshotError("the file is not a snapshot of a generation")
        if version != FORMAT:
            raise NotASnapshotError(f"the snapshot has format {version}, and this engine reads format {FORMAT}")
        body = memoryview(data)[_PREFIX.size :]
        if len(body) != length or zlib.crc32(body) != crc:
            raise TornSnapshotError("the snapshot is cut short or damaged")
        try:
            return msgspec.json.decode(body, type=cls)
        except ValueError as error:  # its checksum is right, so something else wrote it
            raise NotASnapshotError(f"the snapshot says something else: {error}") from None

    def check(self, *, seed: int, key_fingerprint: str) -> None:
        """Raises ForeignSnapshotError where the rows' numbers mean something else to whoever has this seed and key function."""
        if self.seed_fingerprint != seed_fingerprint(seed):
            raise ForeignSnapshotError("seed")
        if self.key_fingerprint != key_fingerprint:
            raise ForeignSnapshotError("key function")


def seed_fingerprint(seed: int) -> str:
    """A digest that tells two seeds apart and does not tell the seed."""
    return hashlib.blake2b(b"filter seed", key=seed.to_bytes(8, "little"), digest_size=16).hexdigest()
