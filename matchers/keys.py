"""Keys and their 64-bit hashes: the only key function, one by one and in batches.

A key is a kind (a document type, ``plate`` or ``vin``) and a canonical identifier. Its hash is multilinear over the 8-byte
little-endian lanes of the identifier's UTF-8 bytes, each product folded so that its high bits count as much as its low ones,
and finished by MurmurHash3's ``fmix64``. Lanes of zeros add nothing, so a row of a batch may be padded to any width and
still give the hash that the identifier has alone; ``matchers.hashing`` is the same function in machine code. The
multipliers come from a secret of the deployment: a published hash would let anyone flood the filter with false maybes, and
hashes name entries of the index, which must not be readable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matchers.documents import DocumentType

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
LANE_BYTES: Final = 8
LANES_MAX: Final = 8
FOLD: Final = np.uint64(32)
FMIX_SHIFT: Final = np.uint64(33)
FMIX_1: Final = np.uint64(0xFF51AFD7ED558CCD)
FMIX_2: Final = np.uint64(0xC4CEB9FE1A85EC53)
_FOLD, _SHIFT, _MIX_1, _MIX_2 = map(int, (FOLD, FMIX_SHIFT, FMIX_1, FMIX_2))
_BITS: Final = (1 << 64) - 1
_NUMBER_OF_KIND: Final = {kind: number for number, kind in enumerate(KEY_KINDS)}


class Key(NamedTuple):
    """A canonical identifier and what kind it is of: equal keys name the same document or vehicle."""

    kind: KeyKind
    value: str


class KeyHasher:
    """Hashes keys under one deployment's secret.

    ``secret`` may be any bytes; the same secret gives the same hashes for ever. ``fingerprint`` tells two secrets apart
    without giving either away. ``constants``, uint64 ``(18,)``, are the lanes' multipliers, the length's and a number for each
    kind: as secret as the secret.
    """

    __slots__ = ("_kinds", "_length", "_multipliers", "_numbers", "constants", "fingerprint")

    def __init__(self, secret: bytes) -> None:
        needed = (LANES_MAX + 1 + len(KEY_KINDS)) * LANE_BYTES
        stream = hashlib.shake_256(b"chakong key hash v1\0" + secret)
        self.constants = np.frombuffer(stream.digest(needed), "<u8").astype(np.uint64)
        self.constants[: LANES_MAX + 1] |= np.uint64(1)
        self._multipliers, self._length = self.constants[:LANES_MAX], self.constants[LANES_MAX]
        self._kinds = dict(zip(KEY_KINDS, self.constants[LANES_MAX + 1 :], strict=True))
        self._numbers: tuple[int, ...] = tuple(self.constants.tolist())
        self.fingerprint = hashlib.blake2b(b"fingerprint\0" + secret, digest_size=8).hexdigest()

    def hash_key(self, key: Key) -> int:
        """The 64-bit hash of one key: in Python's own numbers, for of a few keys numpy's calls cost ten times that."""
        value, numbers = _bounded(key.value.encode("utf-8", "surrogatepass")), self._numbers
        hashed = len(value) * numbers[LANES_MAX] + numbers[LANES_MAX + 1 + _NUMBER_OF_KIND[key.kind]]
        for lane in range(-(-len(value) // LANE_BYTES)):
            product = int.from_bytes(value[lane * LANE_BYTES : (lane + 1) * LANE_BYTES], "little") * numbers[lane] & _BITS
            hashed += (product ^ product >> _FOLD) * numbers[LANES_MAX - 1 - lane]
        hashed &= _BITS
        hashed = (hashed ^ hashed >> _SHIFT) * _MIX_1 & _BITS
        hashed = (hashed ^ hashed >> _SHIFT) * _MIX_2 & _BITS
        return hashed ^ hashed >> _SHIFT

    def hash_values(self, kind: KeyKind, values: Iterable[str]) -> KeyHashes:
        """Hashes of canonical identifiers of one kind, in order, shape ``(n,)``."""
        encoded = [_bounded(value.encode("utf-8", "surrogatepass")) for value in values]
        lengths = np.fromiter(map(len, encoded), np.uint64, len(encoded))
        lanes = -(-int(lengths.max(initial=1)) // LANE_BYTES)
        padded = b"".join(value.ljust(lanes * LANE_BYTES, b"\0") for value in encoded)
        return self.hash_lanes(kind, np.frombuffer(padded, "<u8").reshape(len(encoded), lanes), lengths)

    def hash_lanes(self, kind: KeyKind, lanes: NDArray[np.uint64], lengths: NDArray[np.uint64] | np.uint64) -> KeyHashes:
        """Hashes of identifiers laid out as zero-padded lanes.

        ``lanes`` has shape ``(n, width)``, at most 8 wide; ``lengths`` are the identifiers' lengths in bytes, ``(n,)`` or
        one for all.
        """
        hashes: KeyHashes = np.atleast_1d(lengths) * self._length + self._kinds[kind]
        for lane in range(lanes.shape[1]):
            product = lanes[:, lane] * self._multipliers[lane]
            product ^= product >> FOLD
            product *= self._multipliers[-1 - lane]
            hashes = hashes + product
        hashes = hashes ^ (hashes >> FMIX_SHIFT)
        hashes *= FMIX_1
        hashes ^= hashes >> FMIX_SHIFT
        hashes *= FMIX_2
        hashes ^= hashes >> FMIX_SHIFT
        return hashes


def _bounded(value: bytes) -> bytes:
    """Identifiers longer than eight lanes, which no standard knows, are folded to a digest that fits."""
    longest = LANES_MAX * LANE_BYTES
    return value if len(value) <= longest else hashlib.blake2b(value, digest_size=longest).digest()
