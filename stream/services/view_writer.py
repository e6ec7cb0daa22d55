"""The view writer: one worker a partition applies the records of topics to views in Redis: orders to the index; cases, debtors,
judgments, questions and answers to theirs.

The views' own positions say where to go on, not the group's commits: a Redis that was wiped, or replaced by an old dump, is
filled again from there by itself. The commits only say for which records everything that is owed has been stored already.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka.clients import PATIENT, Fetched, at, consumer, fetch
from connectors.kafka.records import Records
from connectors.kafka.settings import KafkaSettings
from connectors.redis.errors import RedisError
from stream import metrics
from stream.core.ports import ViewMovedError
from stream.services.resolving import send_for_sure
from stream.services.views import BATCH, Owed, View
from watchlists.index import IndexMovedError

POLL_S: Final = 0.2
RETRY_S: Final = 0.5
CHECK_S: Final = 1.0
_Place = tuple[str, int]
_log = structlog.get_logger("views")


class ViewWriter:
    """The writer of the partitions that this worker owns, of all topics of all its views."""

    def __init__(self, kafka: KafkaSettings, group: str, views: Sequence[View], records: Records) -> None:
        self._kafka, self._group, self._records = kafka, group, records
        self._views = {kafka.topic(topic): (topic, view) for view in views for topic in view.topics}
        self._pool = ThreadPoolExecutor(1, f"{group}-writer")
        self._positions: dict[_Place, int] = {}
        self._settled: dict[_Place, int] = {}
        self._moved = threading.Event()
        self._assigned: deque[list[TopicPartition]] = deque()
        self._checked_at = 0.0
        self._stopping = False

    async def run(self) -> None:
        """Apply until stopped. Trouble with Redis or Kafka is waited out: nothing is skipped and nothing acknowledged."""
        loop = asyncio.get_running_loop()
        client = consumer(self._kafka, self._group, **PATIENT)
        client.subscribe(list(self._views), on_assign=self._on_assign, on_revoke=self._on_revoke)
        try:
            while not self._stopping:
                messages = await loop.run_in_executor(self._pool, fetch, client, BATCH, POLL_S)
                try:
                    if self._moved.is_set() or time.monotonic() - self._checked_at > CHECK_S:
                        await self._stand_where_the_views_are(client)
                    await self._apply(client, messages)
                except (RedisError, IndexMovedError, ViewMovedError, KafkaException) as error:
                    trouble = {"reason": type(error).__name__, "detail": str(error)}
                    _log.warning("a view cannot be written; trying again", group=self._group, **trouble)
                    self._positions.clear()  # what was consumed and not applied is read again
                    self._moved.set()
                    await asyncio.sleep(RETRY_S)
        finally:
            await loop.run_in_executor(self._pool, client.close)
            self._pool.shutdown(wait=False)

    def stop(self) -> None:
        self._stopping = True

    async def _stand_where_the_views_are(self, client: Consumer) -> None:
        """Go to where each view is, in every partition that is ours: after an assignment, a wipe, or another's write."""
        loop = asyncio.get_running_loop()
        while self._assigned:
            committed = await loop.run_in_executor(self._pool, partial(client.committed, self._assigned.popleft(), timeout=10))
            self._settled |= {(place.topic, place.partition): max(place.offset, 0) for place in committed}
        stand = {name: await view.positions(topic) for name, (topic, view) in self._views.items()}
        for assigned in await loop.run_in_executor(self._pool, client.assignment):
            place, wanted = (assigned.topic, assigned.partition), _in(stand, assigned)
            if self._positions.get(place) != wanted:
                if place in self._positions:
                    _log.warning("view moved", topic=place[0], partition=place[1], was=self._positions[place], now=wanted)
                begin = min(wanted, self._settled.get(place, wanted))
                await loop.run_in_executor(self._pool, client.seek, at(*place, begin))
                self._positions[place] = wanted
        self._moved.clear()
        self._checked_at = time.monotonic()

    async def _apply(self, client: Consumer, messages: Sequence[Fetched]) -> None:
        """Apply what was fetched: the partitions side by side, since each waits for Redis."""
        by_place: dict[_Place, list[Fetched]] = {}
        for message in messages:
            by_place.setdefault((message.topic(), message.partition()), []).append(message)
        parts = (self._apply_of(client, place, of_place) for place, of_place in by_place.items())
        ended = await asyncio.gather(*parts, return_exceptions=True)  # none is under way when trouble is looked after
        for error in ended:
            if error is not None:
                raise error

    async def _apply_of(self, client: Consumer, place: _Place, messages: Sequence[Fetched]) -> None:
        start = self._positions.get(place)
        if start is None:  # assigned a moment ago: it is read again from where the view is
            self._moved.set()
            return
        topic, view = self._views[place[0]]
        if taken := [message for message in messages if message.offset() < start]:
            # A writer took these which may have died before it stored what they owe.
            unsettled = [message for message in taken if message.offset() >= self._settled.get(place, 0)]
            owed = await view.owed(topic, unsettled) if unsettled else []
            await self._settle(client, place, taken[-1].offset() + 1, owed)
        if fresh := [message for message in messages if message.offset() >= start]:
            owed = await view.take(topic, place[1], start, fresh)
            self._positions[place] = end = fresh[-1].offset() + 1
            await self._settle(client, place, end, owed)

    async def _settle(self, client: Consumer, place: _Place, end: int, owed: Sequence[Owed]) -> None:
        """Store what the records before ``end`` owe, as far as that was not done before; then acknowledge them."""
        settled = self._settled.get(place, 0)
        due = [one for one in owed if one.offset >= settled]
        for one in due:
            if one.refused is not None:
                metrics.dead_letters.labels(one.refused).inc()
        await send_for_sure(self._records, [one.record for one in due])
        if end > settled:
            client.commit(offsets=[TopicPartition(*place, end)], asynchronous=True)
            self._settled[place] = end

    def _on_assign(self, _client: Consumer, partitions: list[TopicPartition]) -> None:
        self._on_revoke(_client, partitions)
        self._assigned.append([TopicPartition(place.topic, place.partition) for place in partitions])
        self._moved.set()

    def _on_revoke(self, _client: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._positions.pop((place.topic, place.partition), None)


def _in(stand: Mapping[str, Mapping[int, int]], place: TopicPartition) -> int:
    return stand[place.topic].get(place.partition, 0)
