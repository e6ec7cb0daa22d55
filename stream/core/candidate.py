"""Candidates: a sighting that may hit, on its way from screening to resolving (contract, "The other topics")."""

from __future__ import annotations

import datetime as dt

import msgspec

from matchers.sighting import Sighting


class Candidate(msgspec.Struct, frozen=True):
    """One record of the topic ``candidates``.

    ``keys`` are the 64-bit hashes that the filter took for a maybe, in hex; ``positions`` say how far in ``orders`` the
    filter was, so that resolving can wait for the index to be as far; ``sighting`` is the record as it was sent;
    ``lookback``: it was found by searching back for an order that came after it.
    """

    topic: str
    partition: int
    offset: int
    seen_at: dt.datetime
    keys: tuple[str, ...]
    positions: dict[int, int]
    sighting: msgspec.Raw
    lookback: bool = False


def candidate_key(sighting: Sighting) -> bytes:
    """The Kafka key: station code and sighting id, which are a sighting's identity."""
    return msgspec.json.encode([sighting.station.code, sighting.id])
