"""The search of one pass: retained sightings in batches, by live screening's own machine code, for a few keys."""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from collections.abc import Iterable
from typing import Final

import numpy as np

from connectors.kafka.batches import BatchReader, FetchedBatch
from connectors.kafka.clients import consumer_options, next_offset
from connectors.kafka.records import Outcome, Record, Records
from connectors.kafka.through import BULK
from matchers.batch import SightingReader
from matchers.keys import KeyHasher
from matchers.sighting import read_sighting
from matchers.wire import UnreadableError
from stream import metrics
from stream.core.lookback import Pass
from stream.core.screen import screen
from stream.services.follower import filter_seed
from stream.services.screening import candidate_record
from stream.settings import WorkerSettings
from watchlists.bloom import KeyFilter, as_keys

POLL_S: Final = 0.1
QUIET_S: Final = 2.0
"""Without a record for so long, it is asked where the next ones lie: some partitions may hold no more of the pass."""
ERROR_RATE: Final = 1e-5
KEYS_MIN: Final = 100_000
"""The filter's least size: see ``KeyFilter``."""


class Search:
    """Searches the stretches of a pass for keys. For one thread at a time.

    Unreadable sightings are passed over: live screening has buried them.
    """

    def __init__(
        self, settings: WorkerSettings, hasher: KeyHasher, records: Records, keys: Iterable[int], under_way: Pass
    ) -> None:
        self._kafka, self._hasher, self._records, self._pass = settings.kafka, hasher, records, under_way
        self._keys = frozenset(keys)
        self._filter = KeyFilter(max(len(self._keys), KEYS_MIN), ERROR_RATE, seed=filter_seed(settings.secret()))
        self._filter.add_keys(as_keys(np.fromiter(self._keys, np.uint64, len(self._keys))))
        self._sightings = SightingReader(hasher)
        self._left = {(topic, partition): stretch.stop for topic, partition, stretch in under_way.stretches()}
        starts = [(topic, partition, stretch.next) for topic, partition, stretch in under_way.stretches()]
        self._reader = BatchReader(consumer_options(self._kafka, "lookback") | BULK, starts, settings.batch_max)
        self._reached: dict[tuple[str, int], int] = {}
        self._under_way: deque[Outcome] = deque()
        self._heard_at = time.monotonic()

    @property
    def is_done(self) -> bool:
        return not self._left

    def step(self) -> int:
        """Search one batch; returns how many sightings it held."""
        batch = self._reader.fetch(POLL_S)
        if not batch:
            self._look_for_gaps()
            return 0
        self._heard_at = time.monotonic()
        out = [record for row in screen(batch.texts, self._sightings, self._filter) for record in self._look_closer(batch, row)]
        if out:
            metrics.lookback_maybes.inc(len(out))
            self._under_way.append(self._records.send_later(out))
        for run in batch.runs:
            self._reach(run.topic, run.partition, run.last + 1)
        metrics.lookback_sightings.inc(len(batch))
        return len(batch)

    def settle(self) -> None:
        """Bring the pass up to what was searched, once all its candidates are durable.

        Raises:
            NotDurableError: some are not; the pass goes on from where it was settled before.
        """
        while self._under_way:
            self._under_way[0].wait()
            self._under_way.popleft()
        for (topic, partition), offset in self._reached.items():
            stretch = self._pass.sightings[topic][partition]
            stretch.next = min(max(stretch.next, offset), stretch.stop)

    def close(self) -> None:
        self._reader.close()

    def _reach(self, topic: str, partition: int, offset: int) -> None:
        place = (topic, partition)
        self._reached[place] = max(offset, self._reached.get(place, 0))
        if place in self._left and offset >= self._left[place]:
            del self._left[place]
            self._reader.leave([place])

    def _look_closer(self, batch: FetchedBatch, row: int) -> list[Record]:
        place = batch.place(row)
        if place[2] >= self._left.get(place[:2], 0):
            return []
        try:
            sighting = read_sighting(batch.texts.record(row))
        except UnreadableError:
            return []
        found = [key for key in map(self._hasher.hash_key, sighting.keys()) if key in self._keys]
        if not found:
            return []
        now = dt.datetime.now(dt.UTC)
        return [candidate_record(sighting, place, now, found, self._pass.positions(), lookback=True)]

    def _look_for_gaps(self) -> None:
        """The end of a stretch may hold no record: retention has taken them, or they are the broker's own."""
        if time.monotonic() - self._heard_at < QUIET_S:
            return
        self._heard_at = time.monotonic()
        for topic, partition in list(self._left):
            reached = self._reached.get((topic, partition), self._pass.sightings[topic][partition].next)
            found = next_offset(self._kafka, topic, partition, reached)
            if found is not None and found >= self._left[topic, partition]:
                self._reach(topic, partition, found)
