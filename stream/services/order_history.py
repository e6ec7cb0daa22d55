"""The orders that ever held one of some keys, from the topic ``orders`` alone: every record of theirs.

One reading from the beginning, in columns: of each record only the hash of its order's id and its offset stay, 16 bytes,
since a release or an amendment that belongs to an order may hold no key. What belongs is then read again by its place.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from connectors.kafka.clients import Fetched
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.through import BULK, Through
from connectors.kafka.topics import ORDERS
from matchers.keys import Key, KeyHasher, KeyHashes
from stream.core.replay import OrderRecord
from watchlists.columns import mentions

NEAR: Final = 2000
"""Offsets so near to each other are read in one go."""
_NEXT: Final = dt.timedelta(microseconds=1500)
"""From a millisecond into the middle of the next, so that no rounding leads back."""


class History(NamedTuple):
    """``records``: all of every order that ever held one of the keys. ``read``: how many records there were to look at.

    ``positions``: how far each partition was at the instant that was asked for. ``whole``: the log has its beginning.
    """

    records: list[OrderRecord]
    positions: dict[int, int]
    read: int
    whole: bool


class _Seen(NamedTuple):
    """Of records that were read: their orders' ids, as hashes, and their offsets."""

    ids: KeyHashes
    offsets: NDArray[np.int64]


class OrderHistory:
    """Reads the history of orders; for one thread."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._hasher = KeyHasher(secrets.token_bytes(16))

    def about(self, keys: Sequence[Key], instant: dt.datetime) -> History:
        """The orders that hold or held one of these keys, and how far the log was at an instant.

        A record counts at the instant of its own time in Kafka.

        Raises:
            KafkaUnreachableError, TopicError: the log cannot be read.
        """
        log = Through(self._kafka, ORDERS, "replay", **BULK)
        try:
            starts, stops = log.window()
            positions = {p: min(offset, stops[p]) for p, offset in log.since(_after(instant)).items()}
            places, read = self._places(log, keys, starts, stops)
            records = [record for stretch in _stretches(places) for record in _records(log, *stretch)]
        finally:
            log.close()
        return History(records, positions, read, whole=not any(starts.values()))

    def _places(
        self, log: Through, keys: Sequence[Key], starts: Mapping[int, int], stops: Mapping[int, int]
    ) -> tuple[dict[int, list[int]], int]:
        """The offsets of what belongs to the orders in question, a partition, and how many records were read."""
        wanted = np.array([self._hasher.hash_key(key) for key in keys], np.uint64)
        seen: dict[int, list[_Seen]] = {partition: [] for partition in starts}
        holders = [np.empty(0, np.uint64)]
        read = 0
        for fetched in log.read(starts, stops):
            read += len(fetched)
            for partition, messages in groupby(fetched, key=lambda message: message.partition()):
                batch = list(messages)
                found = mentions([message.value() or b"" for message in batch], wanted, self._hasher)
                offsets = np.array([message.offset() for message in batch], np.int64)
                seen[partition].append(_Seen(found.ids, offsets[found.rows]))
                if found.holds.any():
                    holders.append(found.ids[found.holds])
        ids = np.unique(np.concatenate(holders))
        return {partition: _offsets(of, ids) for partition, of in seen.items()}, read


def _after(instant: dt.datetime) -> dt.datetime:
    """A moment in the millisecond that follows: Kafka's times are whole ones."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000) + _NEXT


def _offsets(seen: Sequence[_Seen], ids: KeyHashes) -> list[int]:
    return [offset for one in seen for offset in one.offsets[np.isin(one.ids, ids)].tolist()]


def _stretches(places: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, list[int]]]:
    """Offsets of one partition that lie near each other."""
    for partition, offsets in places.items():
        gaps = np.diff(np.array(offsets, np.int64), prepend=offsets[:1]) > NEAR
        numbered = zip(np.cumsum(gaps).tolist(), offsets, strict=True)
        for _, group in groupby(numbered, key=itemgetter(0)):
            yield partition, [offset for _, offset in group]


def _records(log: Through, partition: int, offsets: Sequence[int]) -> Iterator[OrderRecord]:
    wanted = frozenset(offsets)
    for fetched in log.read({partition: offsets[0]}, {partition: offsets[-1] + 1}):
        for message in fetched:
            if message.offset() in wanted:
                yield OrderRecord(partition, message.offset(), kafka_time(message), message.value() or b"")


def kafka_time(message: Fetched) -> dt.datetime:
    """Kafka's time of a record."""
    return dt.datetime.fromtimestamp(message.timestamp()[1] / 1000, dt.UTC)
