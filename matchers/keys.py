"""Keys and their 64-bit hashes: the only key function, one by one and in batches.

A key is a kind (a document type, ``plate`` or ``vin``) and a canonical identifier. Its hash is multilinear over the 8-byte
little-endian lanes of the identifier's UTF-8 bytes, each product folded so that its high bits count as much as its low ones,
and finished by MurmurHash3's ``fmix64``. The multipliers come from a secret of the deployment: a published hash
would let anyone flood the filter with false maybes, and hashes name entries of the index, which must not be readable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matchers.documents import DocumentType
from matchers.native import WORD_BYTES, compiled, inlined, word_at

KeyKind = DocumentType | Literal["plate", "vin"]
KeyHashes = NDArray[np.uint64]

KEY_KINDS: Final[tuple[KeyKind, ...]] = (
    "resident_id",
    "passport",
    "hk_macau_permit",
    "taiwan_permit",
    "exit_entry_permit",
    "foreign_permanent_residence",
    "other",
    "plate",
    "vin",
)
_LANE_BYTES: Final = WORD_BYTES
_LANES_MAX: Final = 8
_ONE: Final = np.uint64(1)
_FOLD: Final = np.uint64(32)
_FMIX_SHIFT: Final = np.uint64(33)
_FMIX_1: Final = np.uint64(0xFF51AFD7ED558CCD)
_FMIX_2: Final = np.uint64(0xC4CEB9FE1A85EC53)


class Key(NamedTuple):
    """A canonical identifier and what kind it is of: equal keys name the same document or vehicle."""

    kind: KeyKind
    value: str


class KeyHasher:
    """Hashes keys under one deployment's secret.

    ``secret`` may be any bytes; the same secret gives the same hashes for ever. ``fingerprint`` tells two secrets apart
    without giving either away. ``constants``, uint64 ``(18,)``, are what ``hash_span`` takes: secret, too.
    """

    __slots__ = ("constants", "fingerprint")

    def __init__(self, secret: bytes) -> None:
        needed = (_LANES_MAX + 1 + len(KEY_KINDS)) * _LANE_BYTES
        stream = hashlib.shake_256(b"chakong key hash v1\0" + secret)
        self.constants = np.frombuffer(stream.digest(needed), "<u8").astype(np.uint64)
        self.constants[: _LANES_MAX + 1] |= np.uint64(1)
        self.fingerprint = hashlib.blake2b(b"fingerprint\0" + secret, digest_size=8).hexdigest()

    def hash_key(self, key: Key) -> int:
        """The 64-bit hash of one key."""
        return int(self.hash_values(key.kind, [key.value])[0])

    def hash_values(self, kind: KeyKind, values: Iterable[str]) -> KeyHashes:
        """Hashes of canonical identifiers of one kind, in order, shape ``(n,)``."""
        encoded = [_bounded(value.encode("utf-8", "surrogatepass")) for value in values]
        text, starts = side_by_side(encoded)
        hashes = np.empty(len(encoded), np.uint64)
        _hash_spans(text, starts, KEY_KINDS.index(kind), self.constants, hashes)
        return hashes


def side_by_side(values: Sequence[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Byte strings as one text, a byte of nought behind each and a word of them behind the last; and their starts.

    The starts have shape ``(n + 1,)``: a value ends one byte before the next begins.
    """
    text = np.frombuffer(b"\0".join((*values, bytes(_LANE_BYTES))), np.uint8)
    starts = np.zeros(len(values) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, values), np.int64, len(values)) + 1, out=starts[1:])
    return text, starts


@inlined
def hash_span(text: NDArray[np.uint8], start: int, end: int, kind: int, constants: KeyHashes) -> Any:
    """The hash of the canonical identifier in these bytes, 64 at most. ``kind`` is an index of ``KEY_KINDS``."""
    length = end - start
    mixed = np.uint64(length) * constants[_LANES_MAX] + constants[_LANES_MAX + 1 + kind]
    lane = 0
    while length > 0:
        word = word_at(text, start)
        if length < _LANE_BYTES:
            word &= (_ONE << np.uint64(8 * length)) - _ONE
        product = word * constants[lane]
        product = (product ^ (product >> _FOLD)) * constants[_LANES_MAX - 1 - lane]
        mixed += product
        start += _LANE_BYTES
        length -= _LANE_BYTES
        lane += 1
    mixed = (mixed ^ (mixed >> _FMIX_SHIFT)) * _FMIX_1
    mixed = (mixed ^ (mixed >> _FMIX_SHIFT)) * _FMIX_2
    return mixed ^ (mixed >> _FMIX_SHIFT)


@compiled
def _hash_spans(text: NDArray[np.uint8], starts: NDArray[np.int64], kind: int, constants: KeyHashes, hashes: KeyHashes) -> None:
    for place in range(len(hashes)):
        hashes[place] = hash_span(text, starts[place], starts[place + 1] - 1, kind, constants)


def _bounded(value: bytes) -> bytes:
    """Identifiers longer than eight lanes, which no standard knows, are folded to a digest that fits."""
    longest = _LANES_MAX * _LANE_BYTES
    return value if len(value) <= longest else hashlib.blake2b(value, digest_size=longest).digest()
