"""Screening as the worker runs it: batches from the sighting topics, maybes to ``candidates``, then the offsets.

It has a consumer group and a thread of its own, beside Faust's event loop: a sighting must not pass per-event machinery
before the filter has said maybe. Offsets are committed only after every maybe and every dead letter of theirs is durable.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np
import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka.clients import Fetched, consumer, fetch
from connectors.kafka.deadletters import dead_letter
from connectors.kafka.errors import NotDurableError
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import CANDIDATES
from matchers.batch import SightingReader, Texts
from matchers.keys import KeyHasher
from matchers.sighting import SIGHTING_TOPICS, read_sighting
from matchers.wire import UnreadableError
from stream import metrics
from stream.core.candidate import Candidate, candidate_key
from stream.core.screen import screen
from stream.services.follower import OrderFollower
from stream.settings import WorkerSettings

POLL_S: Final = 0.005
COMMIT_EVERY_S: Final = 0.5
CLOSED_S: Final = 0.02
_log = structlog.get_logger("screening")
_encoder: Final = msgspec.json.Encoder()


class Screening:
    """The screening thread of one worker. ``may_screen`` is asked before every batch: the gate that fences a worker."""

    def __init__(
        self,
        settings: WorkerSettings,
        hasher: KeyHasher,
        follower: OrderFollower,
        records: Records,
        may_screen: Callable[[float], bool],
    ) -> None:
        self._settings, self._hasher, self._follower = settings, hasher, follower
        self._records, self._may_screen = records, may_screen
        self._reader = SightingReader(hasher)
        self._assigned_at = time.monotonic()
        self._uncommitted: dict[tuple[str, int], int] = {}
        self._committed_at = time.monotonic()
        self._paused = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="screening", daemon=True)
        self._unreadable: Counter[str] = Counter()
        self._counting = threading.Lock()
        self.failure: BaseException | None = None
        self.progressed_at = time.monotonic()
        self.screened = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(35)

    def take_unreadable(self) -> dict[str, int]:
        """How many sightings could not be read, by reason, since this was last asked."""
        with self._counting:
            taken, self._unreadable = dict(self._unreadable), Counter()
        return taken

    def _run(self) -> None:
        try:
            self._screen_for_ever()
        except BaseException as error:
            self.failure = error
            _log.error("screening stopped", error=type(error).__name__, detail=str(error))

    def _screen_for_ever(self) -> None:
        kafka = self._settings.kafka
        client = consumer(
            kafka,
            "screen",
            **{
                "partition.assignment.strategy": "cooperative-sticky",
                # A broker's work is by the request: a few milliseconds of patience save it most of its work in a flood.
                "fetch.min.bytes": 32_768,
                "fetch.wait.max.ms": 10,
                "queued.min.messages": 100_000,
                "queued.max.messages.kbytes": 32_768,
                "fetch.queue.backoff.ms": 5,
                "fetch.message.max.bytes": 1 << 19,
            },
        )
        client.subscribe(
            [kafka.topic(topic) for topic in SIGHTING_TOPICS], on_assign=self._on_assign, on_revoke=self._on_revoke
        )
        try:
            while not self._stopping.is_set():
                if not self._open_gate(client):
                    time.sleep(CLOSED_S)
                    continue
                if messages := fetch(client, self._settings.batch_max, POLL_S):
                    self._batch(messages)
                self.progressed_at = time.monotonic()
                self._commit(client, now=False)
            self._commit(client, now=True)
        finally:
            client.close()

    def _open_gate(self, client: Consumer) -> bool:
        """Whether this worker may screen now. While it may not, its partitions are paused and its membership kept."""
        open_ = self._may_screen(self._assigned_at)
        metrics.screening.set(open_)
        if open_ and self._paused:
            client.resume(client.assignment())
            self._paused = False
        elif not open_:
            client.pause(client.assignment())
            self._paused = True
            # Serves rebalances. What had been fetched before the pause may still come, and is to be read again.
            for late in fetch(client, 1, 0):
                client.seek(TopicPartition(late.topic(), late.partition(), late.offset()))
        return open_

    def _batch(self, messages: Sequence[Fetched]) -> None:
        started = time.perf_counter()
        # Read before probing: the filter holds at least what it says, whatever is placed while we probe.
        positions = self._follower.positions
        records = [message.value() or b"" for message in messages]
        out: list[Record] = []
        for position in screen(Texts.of(records), self._reader, self._follower):
            out += self._look_closer(messages[position], records[position], positions)
        if out:
            self._send(out)
        topics = [message.topic() for message in messages]
        places = zip(topics, [message.partition() for message in messages], strict=True)
        self._uncommitted.update(zip(places, [message.offset() + 1 for message in messages], strict=True))
        for topic, count in Counter(topics).items():
            metrics.sightings_screened.labels(topic.removeprefix(self._settings.kafka.topic_prefix)).inc(count)
        self.screened += len(messages)
        metrics.screen_seconds.observe(time.perf_counter() - started)

    def _look_closer(self, message: Fetched, raw: bytes, positions: dict[int, int]) -> list[Record]:
        """The candidate that a record is, or its dead letter, or nothing."""
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        now = dt.datetime.now(dt.UTC)
        try:
            sighting = read_sighting(raw)
        except UnreadableError as error:
            with self._counting:
                self._unreadable[error.reason] += 1
            return [dead_letter(topic, partition, offset, now, error.reason, error.detail, raw)]
        hashes = np.array([self._hasher.hash_key(key) for key in sighting.keys()], np.uint64)
        matching = hashes[self._follower.contains(hashes)].tolist()
        if not matching:
            return []
        metrics.maybes.inc()
        candidate = Candidate(
            topic,
            partition,
            offset,
            now,
            tuple(f"{key:016x}" for key in matching),
            {str(partition): offset for partition, offset in positions.items()},
            # Not the bytes as they came: a text that is cut within a character would make the whole record unreadable.
            msgspec.Raw(_encoder.encode(sighting.fields)),
        )
        return [Record(CANDIDATES, candidate_key(sighting), _encoder.encode(candidate))]

    def _send(self, records: list[Record]) -> None:
        """Produce until it is durable: a batch is never acknowledged before, and never dropped."""
        while not self._stopping.is_set():
            try:
                self._records.send(records)
            except NotDurableError as error:
                _log.warning("candidates were not stored; trying again", detail=str(error))
            else:
                return
        raise NotDurableError("stopped before the candidates were stored")

    def _commit(self, client: Consumer, *, now: bool) -> None:
        if not self._uncommitted or not (now or time.monotonic() - self._committed_at > COMMIT_EVERY_S):
            return
        offsets = [TopicPartition(topic, partition, offset) for (topic, partition), offset in self._uncommitted.items()]
        lag = 0
        for place in client.position(offsets):
            high = client.get_watermark_offsets(place, cached=True)[1]
            lag += max(high - place.offset, 0) if high >= 0 else 0
        metrics.sighting_lag.set(lag)
        try:
            client.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            # A rebalance took the partition, or the coordinator is away: whoever owns it reads again from the last commit.
            _log.warning("offsets were not committed", detail=str(error.args[0]))
        self._uncommitted.clear()
        self._committed_at = time.monotonic()

    def _on_assign(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        self._assigned_at = time.monotonic()
        self._paused = False
        client.incremental_assign(partitions)

    def _on_revoke(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        self._commit(client, now=True)
        client.incremental_unassign(partitions)
