"""The view writer: one worker a partition applies the records of cases, debtors, judgments, questions and answers."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka.clients import Fetched, at, consumer, fetch
from connectors.kafka.records import Records
from connectors.kafka.settings import KafkaSettings
from connectors.redis.errors import ViewUnavailableError
from stream.core.ports import ViewMovedError
from stream.services.resolving import send_for_sure
from stream.services.views import BATCH, Refusal, View

POLL_S: Final = 0.02
RETRY_S: Final = 0.5
CHECK_S: Final = 1.0
GROUP: Final = "views"
_Place = tuple[str, int]
_log = structlog.get_logger("views")


class ViewWriter:
    """The writer of the partitions that this worker owns, of all topics of all its views."""

    def __init__(self, kafka: KafkaSettings, views: Sequence[View], records: Records) -> None:
        self._kafka, self._records = kafka, records
        self._views = {kafka.topic(topic): (topic, view) for view in views for topic in view.topics}
        self._pool = ThreadPoolExecutor(1, "view-writer")
        self._positions: dict[_Place, int] = {}
        self._buried: dict[_Place, int] = {}
        self._moved = threading.Event()
        self._assigned: deque[list[TopicPartition]] = deque()
        self._checked_at = 0.0
        self._stopping = False

    async def run(self) -> None:
        """Apply until stopped. Trouble with Redis or Kafka is waited out: nothing is skipped and nothing acknowledged."""
        loop = asyncio.get_running_loop()
        client = consumer(self._kafka, GROUP)
        client.subscribe(list(self._views), on_assign=self._on_assign, on_revoke=self._on_revoke)
        try:
            while not self._stopping:
                messages = await loop.run_in_executor(self._pool, fetch, client, BATCH, POLL_S)
                try:
                    if self._moved.is_set() or time.monotonic() - self._checked_at > CHECK_S:
                        await self._stand_where_the_views_are(client)
                    await self._apply(client, messages)
                except (ViewUnavailableError, ViewMovedError, KafkaException) as error:
                    _log.warning("a view cannot be written; trying again", reason=type(error).__name__, detail=str(error))
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
            self._buried |= {(place.topic, place.partition): max(place.offset, 0) for place in committed}
        stand = {name: await view.positions(topic) for name, (topic, view) in self._views.items()}
        for place in await loop.run_in_executor(self._pool, client.assignment):
            wanted = stand[place.topic].get(place.partition, 0)
            if self._positions.get((place.topic, place.partition)) != wanted:
                begin = min(wanted, self._buried.get((place.topic, place.partition), wanted))
                await loop.run_in_executor(self._pool, client.seek, at(place.topic, place.partition, begin))
                self._positions[place.topic, place.partition] = wanted
        self._moved.clear()
        self._checked_at = time.monotonic()

    async def _apply(self, client: Consumer, messages: Sequence[Fetched]) -> None:
        by_place: dict[_Place, list[Fetched]] = {}
        for message in messages:
            by_place.setdefault((message.topic(), message.partition()), []).append(message)
        for place, of_place in by_place.items():
            start = self._positions.get(place)
            if start is None:  # assigned a moment ago: it is read again from where the view is
                self._moved.set()
                continue
            await self._bury_again(client, place, [message for message in of_place if message.offset() < start])
            if fresh := [message for message in of_place if message.offset() >= start]:
                await self._take(client, place, start, fresh)

    async def _bury_again(self, client: Consumer, place: _Place, messages: Sequence[Fetched]) -> None:
        """Refusals of records that a writer took which may have died before it told of them."""
        if messages:
            topic, view = self._views[place[0]]
            await self._bury(client, place, messages[-1].offset() + 1, await view.refused(topic, messages))

    async def _take(self, client: Consumer, place: _Place, start: int, messages: Sequence[Fetched]) -> None:
        topic, view = self._views[place[0]]
        end = messages[-1].offset() + 1
        refused = await view.take(topic, place[1], start, messages)
        self._positions[place] = end
        await self._bury(client, place, end, refused)

    async def _bury(self, client: Consumer, place: _Place, end: int, refused: Sequence[Refusal]) -> None:
        floor = self._buried.get(place, 0)
        await send_for_sure(self._records, [one.letter() for one in refused if one.message.offset() >= floor])
        if end > floor:
            client.commit(offsets=[TopicPartition(*place, end)], asynchronous=True)
            self._buried[place] = end

    def _on_assign(self, _client: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._positions.pop((place.topic, place.partition), None)
        self._assigned.append([TopicPartition(place.topic, place.partition) for place in partitions])
        self._moved.set()

    def _on_revoke(self, _client: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._positions.pop((place.topic, place.partition), None)
