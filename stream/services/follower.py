"""Following the orders: every worker reads all of ``orders`` into its own filter, and knows how far it is.

A superset is enough here, since the index decides exactly: the keys of every readable order go in, whoever sent it, and a
release only takes keys away when the generation is rebuilt. Orders are read by one thread, which alone places.

While the worker screens, a burst of orders is taken in pieces with a rest after each: the interpreter is the screening
thread's too.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from typing import Final

import numpy as np
import structlog

from connectors.kafka.clients import PATIENT, Fetched, at, consumer, end_offsets, fetch, partitions_of
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ORDERS
from matchers.keys import KeyHasher, KeyHashes
from stream import metrics
from stream.services.keeper import Keeper
from stream.settings import WorkerSettings
from watchlists.columns import order_columns

POLL_S: Final = 0.1
BATCH: Final = 5000
PIECE: Final = 2000
"""Orders that are applied before the follower of a worker that screens rests, for as long as they took."""
REST_BEHIND_SHARE: Final = 0.5
"""Share of the bound behind which a worker fences itself; further behind, the follower rests no more."""
MEASURE_EVERY_S: Final = 10.0
_log = structlog.get_logger("follower")


class OrderFollower:
    """Keeps one worker's generation up with ``orders``.

    ``positions`` says what the filter holds: whoever reads it before probing knows what was in the filter.
    """

    def __init__(self, settings: WorkerSettings, hasher: KeyHasher) -> None:
        self._settings, self._hasher = settings, hasher
        self._kafka: KafkaSettings = settings.kafka
        seed = filter_seed(settings.secret())
        self._thread = threading.Thread(target=self._run, name="orders", daemon=True)
        self._stopping = threading.Event()
        self._measured_at = 0.0
        self._caught_up_at = 0.0
        self._ends: dict[int, int] = {}
        folder = settings.snapshots / f"{self._kafka.topic_prefix}generation" if settings.snapshots is not None else None
        self._keeper = Keeper(
            folder,
            settings.expected_keys,
            settings.false_positives,
            seed=seed,
            key_fingerprint=hasher.fingerprint,
        )
        self.positions: dict[int, int]
        self.generation, self.positions = self._keeper.restored()
        self.failure: BaseException | None = None
        self.fill: float | None = None
        """Share of the filter's bits that are on, as it was counted last."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop, and save how far it came."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)
        if not self._thread.is_alive():
            self._keeper.stop(self.generation, self.positions)

    def behind_s(self) -> float:
        """Seconds since this worker was last seen to hold every order there was; infinite until it first was."""
        return time.monotonic() - self._caught_up_at if self._caught_up_at else float("inf")

    def caught_up_since(self, moment: float) -> bool:
        """Whether this worker was seen to hold every order there was, at some time after a monotonic moment."""
        return self._caught_up_at > moment

    def contains(self, keys: KeyHashes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether the filter takes each key for a maybe."""
        return self.generation.contains(keys)

    def _run(self) -> None:
        try:
            self._follow()
        except BaseException as error:
            self.failure = error
            _log.error("order follower stopped", error=type(error).__name__)

    def _follow(self) -> None:
        client = consumer(self._kafka, "filter", **PATIENT)
        topic = self._kafka.topic(ORDERS)
        partitions = partitions_of(client, self._kafka, ORDERS)
        self._ends = end_offsets(client, topic, partitions)
        positions = {partition: self.positions.get(partition, 0) for partition in partitions}
        if any(positions[partition] > self._ends[partition] for partition in partitions):
            # The snapshot is of another log: a wiped Kafka. Begin again rather than wait for offsets that are not there.
            positions = dict.fromkeys(partitions, 0)
            self._keeper.retire(self.generation)
            self.generation = self._keeper.empty()
        self.positions = positions
        client.assign([at(topic, partition, offset) for partition, offset in positions.items()])
        asked_at = time.monotonic()
        try:
            while not self._stopping.is_set():
                size = PIECE if self._caught_up_at else BATCH
                messages = fetch(client, size, POLL_S)
                if messages:
                    began = time.monotonic()
                    self._apply(messages)
                    if len(messages) == size and self.behind_s() < self._settings.behind_s_max * REST_BEHIND_SHARE:
                        self._stopping.wait(time.monotonic() - began)
                now = time.monotonic()
                if now - asked_at > 1.0:
                    ends = end_offsets(client, topic, partitions)
                    asked_at = now
                    self._ends = ends
                if all(self.positions[p] >= self._ends[p] for p in partitions):
                    # The ends were asked at `asked_at`: that is when we are known to have held everything.
                    self._caught_up_at = max(self._caught_up_at, asked_at)
                self.generation = self._keeper.tend(self.generation, self.positions, caught_up=self._caught_up_at > 0)
                self._measure(now)
        finally:
            client.close()

    def _apply(self, messages: Sequence[Fetched]) -> None:
        positions = dict(self.positions)
        for message in messages:
            positions[message.partition()] = message.offset() + 1
        columns = order_columns([message.value() or b"" for message in messages], self._hasher)
        self.generation.place(*columns.placed)
        self.generation.release(*columns.released)
        self.positions = positions
        metrics.orders_followed.set(sum(positions.values()))

    def _measure(self, now: float) -> None:
        """Tell how full the filter is, now and then: counting the bits of a large one takes a while."""
        if now - self._measured_at > MEASURE_EVERY_S:
            self._measured_at = now
            self.fill = self.generation.filter.fill
            metrics.filter_fill.set(self.fill)
            metrics.filter_false_positive_rate.set(self.generation.filter.rate_at(self.fill))


def filter_seed(secret: bytes) -> int:
    """The filter's seed, 64 bits, under a deployment's secret."""
    return int.from_bytes(hashlib.blake2b(secret, digest_size=8, person=b"filter").digest(), "little")
