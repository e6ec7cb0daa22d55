"""Writing the index: one worker a partition of ``orders`` applies its records, buries what is refused, tells of endings, times
effect.

The index's own positions say where to go on, not the group's commits: a Redis that was wiped, or replaced by an old dump, is
rebuilt from there by itself. The commits only say which refusals have been buried already.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, NamedTuple

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka.clients import Fetched, at, consumer, fetch
from connectors.kafka.deadletters import dead_letter
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import ENDINGS, ORDERS
from connectors.redis.errors import IndexUnavailableError, ViewUnavailableError
from matchers.wire import UnreadableError
from stream import metrics
from stream.core.ending import Ending
from stream.settings import WorkerSettings
from watchlists.glance import glance
from watchlists.index import IndexMovedError, Logged, WatchlistIndex
from watchlists.lifecycle import SAYS, decide
from watchlists.order import Release

BATCH: Final = 200
"""Records at once: hits wait for no more than these, on the event loop and in Redis."""
POLL_S: Final = 0.02
RETRY_S: Final = 0.5
CHECK_S: Final = 1.0
_log = structlog.get_logger("index")


class Applied(NamedTuple):
    """A record that has taken effect in the index, at ``indexed_at``; ``arrived_at`` is Kafka's time of it."""

    partition: int
    offset: int
    order_id: str
    version: int
    action: str
    arrived_at: dt.datetime
    indexed_at: dt.datetime


class IndexWriter:
    """The writer of the partitions of ``orders`` that this worker owns."""

    def __init__(
        self,
        settings: WorkerSettings,
        index: WatchlistIndex,
        records: Records,
        on_applied: Callable[[Sequence[Applied]], None],
        hits_of: Callable[[Sequence[str]], Awaitable[Mapping[str, Sequence[str]]]],
    ) -> None:
        """``hits_of``: the hits of orders that anything was done for, as the ledger has them."""
        self._kafka, self._hits_of = settings.kafka, hits_of
        self._index, self._records, self._on_applied = index, records, on_applied
        self._pool = ThreadPoolExecutor(1, "index-writer")
        self._positions: dict[int, int] = {}
        self._buried: dict[int, int] = {}
        self._moved = threading.Event()
        self._assigned: deque[list[TopicPartition]] = deque()
        self._checked_at = 0.0
        self._stopping = False

    async def run(self) -> None:
        """Apply until stopped. Trouble with Redis or Kafka is waited out: nothing is skipped and nothing acknowledged."""
        loop = asyncio.get_running_loop()
        client = consumer(self._kafka, "index")
        client.subscribe([self._kafka.topic(ORDERS)], on_assign=self._on_assign, on_revoke=self._on_revoke)
        try:
            while not self._stopping:
                messages = await loop.run_in_executor(self._pool, fetch, client, BATCH, POLL_S)
                try:
                    if self._moved.is_set() or time.monotonic() - self._checked_at > CHECK_S:
                        await self._stand_where_the_index_is(client)
                    await self._apply(client, messages)
                except (IndexUnavailableError, IndexMovedError, KafkaException) as error:
                    _log.warning("the index cannot be written; trying again", reason=type(error).__name__, detail=str(error))
                    self._positions.clear()  # what was consumed and not applied is read again
                    self._moved.set()
                    await asyncio.sleep(RETRY_S)
        finally:
            await loop.run_in_executor(self._pool, client.close)
            self._pool.shutdown(wait=False)

    def stop(self) -> None:
        self._stopping = True

    async def _stand_where_the_index_is(self, client: Consumer) -> None:
        """Go to where the index is, in every partition that is ours: after an assignment, a wipe, or another's write."""
        positions = await self._index.positions()
        topic = self._kafka.topic(ORDERS)
        loop = asyncio.get_running_loop()
        while self._assigned:
            partitions = self._assigned.popleft()
            committed = await loop.run_in_executor(self._pool, partial(client.committed, partitions, timeout=10))
            self._buried |= {place.partition: max(place.offset, 0) for place in committed}
        for place in await loop.run_in_executor(self._pool, client.assignment):
            wanted = positions.get(place.partition, 0)
            if self._positions.get(place.partition) != wanted:
                if place.partition in self._positions:
                    _log.warning("index moved", partition=place.partition, was=self._positions[place.partition], now=wanted)
                begin = min(wanted, self._buried.get(place.partition, wanted))
                await loop.run_in_executor(self._pool, client.seek, at(topic, place.partition, begin))
                self._positions[place.partition] = wanted
        self._moved.clear()
        self._checked_at = time.monotonic()

    async def _apply(self, client: Consumer, messages: Sequence[Fetched]) -> None:
        """Apply what was fetched: the partitions side by side, since each waits for Redis."""
        by_partition: dict[int, list[Fetched]] = {}
        for message in messages:
            by_partition.setdefault(message.partition(), []).append(message)
        parts = (self._apply_of(client, partition, of_partition) for partition, of_partition in by_partition.items())
        ended = await asyncio.gather(*parts, return_exceptions=True)  # none is under way when trouble is looked after
        for error in ended:
            if error is not None:
                raise error

    async def _apply_of(self, client: Consumer, partition: int, messages: Sequence[Fetched]) -> None:
        start = self._positions.get(partition)
        if start is None:  # assigned a moment ago: it is read again from where the index is
            self._moved.set()
            return
        await self._bury_again(client, partition, [message for message in messages if message.offset() < start])
        if fresh := [message for message in messages if message.offset() >= start]:
            await self._apply_partition(client, partition, start, fresh)

    async def _bury_again(self, client: Consumer, partition: int, messages: Sequence[Fetched]) -> None:
        """Refusals and endings of records that a writer applied which may have died before it told of them."""
        if not messages:
            return
        floor = self._buried.get(partition, 0)
        readable, buried = _read([message for message in messages if message.offset() >= floor])
        standings = (await self._index.standings([logged.record.id for _, logged in readable])).of
        for message, logged in readable:
            decision = decide(standings[logged.record.id].held, logged.record).decision
            if decision.refused:
                buried.append(_letter(message, decision.value, SAYS[decision]))
            elif logged.record.action != "place":
                buried.append(_ending(message, logged))
        await self._records.send_soon([letter for _, letter in buried])
        self._commit(client, partition, messages[-1].offset() + 1)

    async def _apply_partition(self, client: Consumer, partition: int, start: int, messages: Sequence[Fetched]) -> None:
        end = messages[-1].offset() + 1
        readable, buried = _read(messages)
        decisions = await self._index.apply(partition, start, end, [logged for _, logged in readable])
        indexed = dt.datetime.now(dt.UTC)
        self._positions[partition] = end
        applied: list[Applied] = []
        ended: list[tuple[Fetched, Logged]] = []
        for (message, logged), decision in zip(readable, decisions, strict=True):
            metrics.orders_indexed.labels(decision.value).inc()
            if decision.refused:
                buried.append(_letter(message, decision.value, SAYS[decision]))
            elif decision.changes:
                record = logged.record
                if record.action != "place":
                    ended.append((message, logged))
                arrived = dt.datetime.fromtimestamp(message.timestamp()[1] / 1000, dt.UTC)
                what = (record.id, record.version, record.action)
                applied.append(Applied(partition, message.offset() + 1, *what, arrived, indexed))
        floor = self._buried.get(partition, 0)
        buried += await self._endings(ended)
        await self._records.send_soon([letter for offset, letter in buried if offset >= floor])
        self._commit(client, partition, end)
        self._on_applied(applied)

    async def _endings(self, ended: Sequence[tuple[Fetched, Logged]]) -> list[tuple[int, Record]]:
        """Of orders that ended or changed, those that anybody was told of: few. Asked once the index has their end, since
        whoever delivers looks back at the index once the ledger has what was told."""
        if not ended:
            return []
        try:
            told = await self._hits_of([logged.record.id for _, logged in ended])
        except ViewUnavailableError as error:
            _log.warning("the ledger does not answer; every ending is looked into later", detail=str(error))
            return [_ending(message, logged) for message, logged in ended]
        return [_ending(message, logged) for message, logged in ended if told[logged.record.id]]

    def _commit(self, client: Consumer, partition: int, end: int) -> None:
        if end > self._buried.get(partition, 0):
            client.commit(offsets=[TopicPartition(self._kafka.topic(ORDERS), partition, end)], asynchronous=True)
            self._buried[partition] = end

    def _on_assign(self, _client: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._positions.pop(place.partition, None)
        self._assigned.append([TopicPartition(place.topic, place.partition) for place in partitions])
        self._moved.set()

    def _on_revoke(self, _client: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._positions.pop(place.partition, None)


def _read(messages: Sequence[Fetched]) -> tuple[list[tuple[Fetched, Logged]], list[tuple[int, Record]]]:
    readable, buried = [], []
    for message in messages:
        raw = message.value() or b""
        try:
            readable.append((message, Logged(glance(raw), raw)))
        except UnreadableError as error:
            buried.append(_letter(message, error.reason, error.detail))
    return readable, buried


def _ending(message: Fetched, logged: Logged) -> tuple[int, Record]:
    record = logged.record
    ending = Ending(
        order_id=record.id,
        version=record.version,
        court=record.court.code,
        action="release" if record.action == "release" else "amend",
        reason=record.reason if isinstance(record, Release) else None,
        at=dt.datetime.now(dt.UTC),
    )
    return message.offset(), Record(ENDINGS, record.id.encode(), msgspec.json.encode(ending.model_dump(mode="json")))


def _letter(message: Fetched, reason: str, detail: str) -> tuple[int, Record]:
    metrics.dead_letters.labels(reason).inc()
    now = dt.datetime.now(dt.UTC)
    place = (message.topic(), message.partition(), message.offset())
    return message.offset(), dead_letter(*place, now, reason, detail, message.value() or b"")
