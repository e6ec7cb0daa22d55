"""Screening: a batch of raw sightings -> the few that may hit. HOT: every sighting of the nation passes here."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from matchers.batch import SightingReader, Texts
from matchers.keys import KeyHashes


class Filter(Protocol):
    """What is asked whether a key may be wanted: a ``Generation`` or a ``KeyFilter``."""

    def contains(self, keys: KeyHashes) -> NDArray[np.bool_]: ...


def screen(records: Texts, reader: SightingReader, wanted: Filter) -> list[int]:
    """Positions of the records that need a closer look, ascending.

    They hold a key that the filter takes for a maybe, or the fast reader could not read them and the careful one must say
    whether anybody can.
    """
    batch = reader.read(records)
    maybe = batch.rows[wanted.contains(batch.keys)].tolist()
    return sorted({*maybe, *batch.unsure})
