"""``matchers.keys``' hash in machine code, and the layout in which machine code takes byte strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from matchers.keys import FMIX_1, FMIX_2, FMIX_SHIFT, FOLD, LANE_BYTES, LANES_MAX, KeyHashes
from matchers.native import WORD_BYTES, inlined, word_at

_ONE: Final = np.uint64(1)


def side_by_side(values: Sequence[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Byte strings as one text, a byte of nought behind each and a word of them behind the last; and their starts.

    The starts have shape ``(n + 1,)``: a value ends one byte before the next begins.
    """
    text = np.frombuffer(bytearray(1).join((*values, bytes(WORD_BYTES))), np.uint8)
    starts = np.zeros(len(values) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, values), np.int64, len(values)) + 1, out=starts[1:])
    return text, starts


@inlined
def hash_span(text: NDArray[np.uint8], start: int, end: int, kind: int, constants: KeyHashes) -> Any:
    """The hash of the canonical identifier in these bytes, 64 at most. ``kind`` is an index of ``KEY_KINDS``.

    ``constants`` are a ``KeyHasher``'s.
    """
    length = end - start
    mixed = np.uint64(length) * constants[LANES_MAX] + constants[LANES_MAX + 1 + kind]
    lane = 0
    while length > 0:
        word = word_at(text, start)
        if length < LANE_BYTES:
            word &= (_ONE << np.uint64(8 * length)) - _ONE
        product = word * constants[lane]
        mixed += (product ^ (product >> FOLD)) * constants[LANES_MAX - 1 - lane]
        start += LANE_BYTES
        length -= LANE_BYTES
        lane += 1
    mixed = (mixed ^ (mixed >> FMIX_SHIFT)) * FMIX_1
    mixed = (mixed ^ (mixed >> FMIX_SHIFT)) * FMIX_2
    return mixed ^ (mixed >> FMIX_SHIFT)
