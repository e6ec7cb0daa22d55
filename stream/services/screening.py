"""Screening as the worker runs it: batches from the sighting topics, maybes to ``candidates``, then the offsets.

It has a consumer group and a thread of its own, beside Faust's event loop: a sighting must not pass per-event machinery
before the filter has said maybe. Offsets are committed only after every maybe and every dead letter of theirs is durable.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
import structlog

from connectors.kafka.batches import BatchConsumer, FetchedBatch
from connectors.kafka.clients import consumer_options
from connectors.kafka.deadletters import dead_letter
from connectors.kafka.errors import KafkaError, NotDurableError
from connectors.kafka.records import Outcome, Record, Records
from connectors.kafka.topics import CANDIDATES
from matchers.batch import SightingReader
from matchers.keys import KeyHasher
from matchers.sighting import SIGHTING_TOPICS, Sighting, read_sighting
from matchers.wire import UnreadableError
from stream import metrics
from stream.core.candidate import Candidate, candidate_key
from stream.core.screen import screen
from stream.services.follower import OrderFollower
from stream.settings import WorkerSettings

POLL_S: Final = 0.002
COMMIT_EVERY_S: Final = 0.5
CLOSED_S: Final = 0.02
UNDER_WAY_MAX: Final = 16
"""Batches whose candidates are not durable yet: from there on screening waits, and nothing queues without bound."""
_FLOOD: Final = {
    "partition.assignment.strategy": "cooperative-sticky",
    # A broker's work is by the request: a few milliseconds of patience save it most of its work in a flood.
    "fetch.min.bytes": "32768",
    "fetch.wait.max.ms": "4",
    "queued.min.messages": "100000",
    "queued.max.messages.kbytes": "32768",
}
_log = structlog.get_logger("screening")
_encoder: Final = msgspec.json.Encoder()


class _UnderWay(NamedTuple):
    """A batch that was screened: what it said, what becomes of that, and the next offset of each of its partitions."""

    records: Sequence[Record]
    outcome: Outcome
    offsets: dict[tuple[str, int], int]


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
        self._under_way: deque[_UnderWay] = deque()
        self._uncommitted: dict[tuple[str, int], int] = {}
        self._committed_at = time.monotonic()
        self._paused = False
        self._came_anew = False
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
        topics = [kafka.topic(topic) for topic in SIGHTING_TOPICS]
        options = consumer_options(kafka, "screen") | _FLOOD
        client = BatchConsumer(options, topics, self._settings.batch_max, self._on_assign, lambda: self._on_revoke(client))
        try:
            while not self._stopping.is_set():
                if self._open_gate(client):
                    if batch := client.fetch(POLL_S):
                        self._batch(batch)
                    self._settle(UNDER_WAY_MAX)
                    self._commit(client, now=False)
                    self.progressed_at = time.monotonic()
                else:
                    time.sleep(CLOSED_S)
            self._settle(0)
            self._commit(client, now=True)
        finally:
            client.close()

    def _open_gate(self, client: BatchConsumer) -> bool:
        """Whether this worker may screen now. While it may not, its partitions are paused and its membership kept."""
        open_ = self._may_screen(self._assigned_at)
        metrics.screening.set(open_)
        if not open_ or self._came_anew:  # librdkafka keeps a partition paused that was paused when it went, and came back
            client.pause()
            self._paused, self._came_anew = True, False
        if open_ and self._paused:
            client.resume()
            self._paused = False
        # Serves rebalances. What had been fetched before the pause may still come, and is to be read again.
        elif not open_ and (late := client.fetch(0)):
            client.give_back(late)
        return open_

    def _batch(self, batch: FetchedBatch) -> None:
        started = time.perf_counter()
        # Read before probing: the filter holds at least what it says, whatever is placed while we probe.
        positions = self._follower.positions
        out: list[Record] = []
        for row in screen(batch.texts, self._reader, self._follower):
            out += self._look_closer(*batch.place(row), batch.texts.record(row), positions)
        offsets = {(run.topic, run.partition): run.last + 1 for run in batch.runs}
        self._under_way.append(_UnderWay(out, self._records.send_later(out), offsets))
        for run in batch.runs:
            topic = run.topic.removeprefix(self._settings.kafka.topic_prefix)
            metrics.sightings_screened.labels(topic).inc(run.stop - run.start)
        self.screened += len(batch)
        metrics.screen_seconds.observe(time.perf_counter() - started)

    def _look_closer(self, topic: str, partition: int, offset: int, raw: bytes, positions: dict[int, int]) -> list[Record]:
        """The candidate that a record is, or its dead letter, or nothing."""
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
        return [candidate_record(sighting, (topic, partition, offset), now, matching, positions)]

    def _settle(self, under_way_max: int) -> None:
        """Take the batches whose records are durable for done, oldest first; wait where more than so many are not.

        What was not stored is produced again until it is: a batch is never acknowledged before, and never dropped.
        """
        while self._under_way:
            oldest = self._under_way[0]
            if not oldest.outcome.is_known and len(self._under_way) <= under_way_max:
                return
            try:
                oldest.outcome.wait()
            except NotDurableError as error:
                if self._stopping.is_set():
                    raise
                _log.warning("candidates were not stored; trying again", detail=str(error))
                self._under_way[0] = oldest._replace(outcome=self._records.send_later(oldest.records))
            else:
                self._uncommitted.update(oldest.offsets)
                self._under_way.popleft()

    def _commit(self, client: BatchConsumer, *, now: bool) -> None:
        if not self._uncommitted or not (now or time.monotonic() - self._committed_at > COMMIT_EVERY_S):
            return
        metrics.sighting_lag.set(client.lag(self._uncommitted))
        try:
            client.commit(self._uncommitted)
        except KafkaError as error:
            # A rebalance took the partition, or the coordinator is away: whoever owns it reads again from the last commit.
            _log.warning("offsets were not committed", detail=str(error))
        self._uncommitted.clear()
        self._committed_at = time.monotonic()

    def _on_assign(self) -> None:
        self._assigned_at = time.monotonic()
        self._came_anew = True

    def _on_revoke(self, client: BatchConsumer) -> None:
        self._settle(0)
        self._commit(client, now=True)


def candidate_record(
    sighting: Sighting,
    place: tuple[str, int, int],
    now: dt.datetime,
    keys: Iterable[int],
    positions: Mapping[int, int],
    *,
    lookback: bool = False,
) -> Record:
    """A sighting on its way to resolving, with its place (topic, partition, offset) and the keys that may be wanted."""
    candidate = Candidate(
        *place,
        now,
        tuple(f"{key:016x}" for key in keys),
        dict(positions),
        # Not the bytes as they came: a text that is cut within a character would make the whole record unreadable.
        msgspec.Raw(_encoder.encode(sighting.fields)),
        lookback,
    )
    return Record(CANDIDATES, candidate_key(sighting), _encoder.encode(candidate))
