"""A batch of raw sightings as columns: all that the hot path ever sees of them.

A sighting must cost next to nothing until the filter has said maybe, so it never becomes an object of its own: the fast reader
goes over the bytes of the batch once and leaves the hashes of its keys. What it cannot read is not refused but listed as
*unsure*, and ``read_sighting`` decides on it alone. What it does read, it reads as that does; this is a property in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from matchers.columns import hash_others
from matchers.hashing import side_by_side
from matchers.keys import KEY_KINDS, KeyHasher, KeyHashes, KeyKind
from matchers.reader import KEYS_MAX, RECORD_TEXTS, TEXTS_MAX, read_batch
from matchers.wire import RECORD_BYTES_MAX

_decode: Final = msgspec.json.Decoder(str).decode


class Texts(NamedTuple):
    """Records side by side in memory, as ``matchers.tokens`` wants them: record i is ``text[starts[i]:ends[i]]``."""

    text: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, records: Sequence[bytes]) -> Texts:
        """Records of one JSON object each."""
        text, starts = side_by_side(records)
        return cls(text, starts[:-1], starts[1:] - 1)

    def __len__(self) -> int:
        return len(self.starts)

    def record(self, row: int) -> bytes:
        """One record, as it came."""
        return self.text[self.starts[row] : self.ends[row]].tobytes()


class SightingBatch(NamedTuple):
    """The keys of a batch of records.

    Attributes:
        rows: int64 ``(k,)``, the record that each key stands in; a record has as many keys as it carries.
        keys: uint64 ``(k,)``, the keys' hashes.
        unsure: records that the fast reader could not read, ascending; they may be unreadable or merely unusual.
    """

    rows: NDArray[np.int64]
    keys: KeyHashes
    unsure: list[int]


class SightingReader:
    """Reads batches of sightings; for one thread, whose memory it uses again and again."""

    __slots__ = ("_hasher", "_keys", "_others", "_rows", "_unsure")

    def __init__(self, hasher: KeyHasher) -> None:
        self._hasher = hasher
        self._make_room(0)

    def read(self, records: Texts) -> SightingBatch:
        """The hashes of the keys that the records carry."""
        count = len(records)
        if count > len(self._unsure):
            self._make_room(count)
        np.greater(records.ends - records.starts, RECORD_BYTES_MAX, out=self._unsure[:count])
        hashed, left = read_batch(*records, self._hasher.constants, self._keys, self._rows, self._others, self._unsure)
        unsure = np.flatnonzero(self._unsure[:count]).tolist()
        rows, keys = self._rows[:hashed].copy(), self._keys[:hashed].copy()
        if not left:
            return SightingBatch(rows, keys, unsure)
        others, undecodable = _decoded(records.text, self._others[:left].tolist())
        one_by_one = hash_others(others, self._hasher)
        return SightingBatch(
            np.concatenate([rows, one_by_one.positions]),
            np.concatenate([keys, one_by_one.hashes]),
            sorted({*unsure, *undecodable, *one_by_one.blank}),
        )

    def _make_room(self, count: int) -> None:
        self._keys, self._rows = np.empty(count * KEYS_MAX, np.uint64), np.empty(count * KEYS_MAX, np.int64)
        self._others, self._unsure = np.empty((count * TEXTS_MAX, 4), np.int64), np.empty(count, np.bool_)


def _decoded(text: NDArray[np.uint8], spans: list[list[int]]) -> tuple[list[tuple[int, KeyKind, str]], list[int]]:
    """Identifiers by their spans between quotes, and the records with a text that matters and cannot be decoded."""
    identifiers: list[tuple[int, KeyKind, str]] = []
    undecodable = []
    memory = text.data  # whose slices cost less than an array's
    for row, kind, start, end in spans:
        try:
            value = _decode(memory[start - 1 : end + 1])
        except ValueError:
            undecodable.append(row)
            continue
        if kind != RECORD_TEXTS:
            identifiers.append((row, KEY_KINDS[kind], value))
    return identifiers, undecodable
