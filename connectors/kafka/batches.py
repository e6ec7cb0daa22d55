"""Records in, by the batch: a consumer whose records lie side by side in memory and are no Python objects.

What ``confluent_kafka.Consumer`` makes of a record, a message with a value, a key and a topic of its own, costs more than all
that is done with it here. Group, fetching and offsets are librdkafka's in both.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from connectors.kafka import librdkafka
from connectors.kafka.gather import let_go, room_for, take_over
from connectors.kafka.librdkafka import assignment, check, check_error, library, places
from matchers.batch import Texts

_SEEK_MS_MAX: Final = 10_000


class Run(NamedTuple):
    """Records of one partition that follow each other in a batch, and the offsets of the first and the last."""

    topic: str
    partition: int
    start: int
    stop: int
    first: int
    last: int


class FetchedBatch:
    """Records that were fetched together; ``texts`` holds until the next fetch. ``runs`` says where they come from."""

    __slots__ = ("_offsets", "runs", "texts")

    def __init__(self, texts: Texts, offsets: NDArray[np.int64], runs: Sequence[Run]) -> None:
        self.texts, self._offsets, self.runs = texts, offsets, runs

    def __len__(self) -> int:
        return len(self.texts)

    def place(self, row: int) -> tuple[str, int, int]:
        """Topic, partition and offset of a record."""
        run = next(run for run in self.runs if run.start <= row < run.stop)
        return run.topic, run.partition, int(self._offsets[row])


class _Batches:
    """A consumer without partitions yet; for one thread."""

    def __init__(self, options: Mapping[str, str], records_max: int) -> None:
        self._failure: BaseException | None = None
        self._callback = librdkafka.RebalanceCallback(self._rebalance)  # kept: librdkafka holds only its address
        self._handle = librdkafka.new_consumer(options, self._callback)
        library.rd_kafka_poll_set_consumer(self._handle)
        self._queue = library.rd_kafka_queue_get_consumer(self._handle)
        self._messages = np.empty(records_max, np.uint64)
        self._topics = np.empty(records_max, np.uint64)
        self._starts, self._ends, self._partitions, self._offsets = np.empty((4, records_max), np.int64)
        self._text = np.empty(0, np.uint8)

    def fetch(self, within_s: float) -> FetchedBatch:
        """Records that have come, at most as many as fit, within so many seconds.

        Raises:
            Whatever ``on_assign`` and ``on_revoke`` of a group's member raised.
        """
        room = self._messages.ctypes.data
        count = library.rd_kafka_consume_batch_queue(self._queue, int(within_s * 1000), room, len(self._messages))
        messages = self._messages[: max(count, 0)]
        try:
            batch = self._taken_over(messages)
        finally:
            let_go(messages, np.uint64(librdkafka.MESSAGE_DESTROY))
        self._raise_failure()
        return batch

    def close(self) -> None:
        """Let go of the broker, and of the group."""
        library.rd_kafka_consumer_close(self._handle)
        library.rd_kafka_queue_destroy(self._queue)
        library.rd_kafka_destroy(self._handle)
        self._raise_failure()

    def _taken_over(self, messages: NDArray[np.uint64]) -> FetchedBatch:
        needed = room_for(messages)
        if needed > len(self._text):
            self._text = np.empty(needed * 5 // 4, np.uint8)
        kept = take_over(messages, self._text, self._starts, self._ends, self._topics, self._partitions, self._offsets)
        return FetchedBatch(Texts(self._text, self._starts[:kept], self._ends[:kept]), self._offsets, self._runs(kept))

    def _runs(self, count: int) -> list[Run]:
        if not count:
            return []
        topics, partitions, offsets = self._topics[:count], self._partitions[:count], self._offsets
        changes = np.flatnonzero((topics[1:] != topics[:-1]) | (partitions[1:] != partitions[:-1])) + 1
        bounds = [0, *changes.tolist(), count]
        return [
            Run(
                library.rd_kafka_topic_name(int(topics[start])).decode(),
                int(partitions[start]),
                start,
                stop,
                int(offsets[start]),
                int(offsets[stop - 1]),
            )
            for start, stop in itertools.pairwise(bounds)
        ]

    def _rebalance(self, handle: int, code: int, partitions: Any, _opaque: object) -> None:
        """Called by librdkafka for a member of a group."""

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure


class BatchConsumer(_Batches):
    """A member of a consumer group; for one thread. Incremental (cooperative) assignment only.

    ``on_assign`` and ``on_revoke`` are called within ``fetch`` and ``close``, before partitions come and go.
    """

    def __init__(
        self,
        options: Mapping[str, str],
        topics: Iterable[str],
        records_max: int,
        on_assign: Callable[[], object],
        on_revoke: Callable[[], object],
    ) -> None:
        self._on_assign, self._on_revoke = on_assign, on_revoke
        super().__init__(options, records_max)
        with places((topic, -1, 0) for topic in topics) as wanted:
            check(library.rd_kafka_subscribe(self._handle, wanted), "subscribing")

    def pause(self) -> None:
        """Fetch no more of the partitions that this member has, and stay a member."""
        with assignment(self._handle) as mine:
            check(library.rd_kafka_pause_partitions(self._handle, mine), "pausing")

    def resume(self) -> None:
        """Fetch again."""
        with assignment(self._handle) as mine:
            check(library.rd_kafka_resume_partitions(self._handle, mine), "resuming")

    def give_back(self, batch: FetchedBatch) -> None:
        """Let a batch be fetched again."""
        first = {(run.topic, run.partition): run.first for run in reversed(batch.runs)}
        with places((topic, partition, offset) for (topic, partition), offset in first.items()) as wanted:
            check_error(library.rd_kafka_seek_partitions(self._handle, wanted, _SEEK_MS_MAX), "seeking")

    def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Commit the next offset of each partition.

        Raises:
            KafkaError: they were not committed; a rebalance took the partition, or the coordinator is away.
        """
        with places((topic, partition, offset) for (topic, partition), offset in offsets.items()) as done:
            check(library.rd_kafka_commit(self._handle, done, 0), "committing")

    def lag(self, of: Iterable[tuple[str, int]]) -> int:
        """Records of these partitions that were not fetched yet, as far as this member knows."""
        low, high, behind = ctypes.c_int64(), ctypes.c_int64(), 0
        with places((topic, partition, 0) for topic, partition in of) as here:
            library.rd_kafka_position(self._handle, here)
            for place in here.contents.elements[: here.contents.count]:
                unknown = library.rd_kafka_get_watermark_offsets(
                    self._handle, place.topic, place.partition, ctypes.byref(low), ctypes.byref(high)
                )
                if not unknown and place.offset >= 0:
                    behind += max(high.value - place.offset, 0)
        return behind

    def _rebalance(self, handle: int, code: int, partitions: Any, _opaque: object) -> None:
        """Called by librdkafka, which cannot take an exception: it is raised when control is back here."""
        try:
            if code == librdkafka.ASSIGN_PARTITIONS:
                self._on_assign()
                check_error(library.rd_kafka_incremental_assign(handle, partitions), "taking partitions over")
            elif code == librdkafka.REVOKE_PARTITIONS:
                try:
                    self._on_revoke()
                finally:
                    check_error(library.rd_kafka_incremental_unassign(handle, partitions), "giving partitions up")
            else:
                library.rd_kafka_assign(handle, None)
        except BaseException as error:
            self._failure = error


class BatchReader(_Batches):
    """Reads partitions from offsets that it is given, outside any group's assignment; for one thread."""

    def __init__(self, options: Mapping[str, str], starts: Iterable[tuple[str, int, int]], records_max: int) -> None:
        """``starts``: topic, partition and the first offset to read."""
        super().__init__(options, records_max)
        with places(starts) as wanted:
            check_error(library.rd_kafka_incremental_assign(self._handle, wanted), "taking partitions over")

    def leave(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Read no more of these. What had been fetched of them before may still come."""
        with places((topic, partition, 0) for topic, partition in partitions) as done:
            check_error(library.rd_kafka_incremental_unassign(self._handle, done), "giving partitions up")
