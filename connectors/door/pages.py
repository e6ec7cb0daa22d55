"""Pages of a topic: somebody's own records, in the order in which they were stored. A court's inbox is such, and what a
station is asked to do.

Every partition is read past others' records, so a cursor is right whichever client stored them and after partitions
were added. Who waits is woken by one follower of the topic's end; nobody holds a consumer while waiting.

    RuntimeError
    └── CursorGoneError    what lies behind a cursor is not kept any more; says where to go on
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.door.cursors import Positions
from connectors.kafka.clients import PATIENT, Fetched, consumer, end_offsets, fetch, partitions_of
from connectors.kafka.errors import KafkaUnreachableError
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.through import kept_offsets

PAGE_BYTES_MAX: Final = 4 << 20
PAGE_S_MAX: Final = 5.0
_RECORDS: Final = 1000
_WITHIN_S: Final = 0.02
_FOLLOW_S: Final = 0.1
_STOP_S: Final = 5.0
_log: Final = structlog.get_logger("pages")


class CursorGoneError(RuntimeError):
    """Records after the cursor are not kept any more, or its topic is another one; ``resume`` is where to go on."""

    def __init__(self, resume: Positions) -> None:
        super().__init__("the cursor points at records that are not kept")
        self.resume = resume


class Chosen(NamedTuple):
    """Whose records somebody is shown: those of a key, or of any where it is None, that ``holds`` says yes to."""

    key: bytes | None
    holds: Callable[[dict[str, Any]], bool] = lambda _: True


class Page(NamedTuple):
    """Some records, how far the topic was read for them, and whether there was more to read."""

    records: list[msgspec.Raw]
    positions: Positions
    more: bool


class Pages:
    """Reads pages of a topic, several at once, and waits for what comes. ``start`` it within the event loop that uses it."""

    def __init__(self, settings: KafkaSettings, topic: str, readers: int) -> None:
        self._settings, self._topic = settings, topic
        self._threads: Final = ThreadPoolExecutor(readers, topic)
        self._own: Final = threading.local()
        self._readers: Final[list[Reader]] = []
        self._follower: Final = Follower(settings, topic)

    async def start(self) -> None:
        """Raises KafkaUnreachableError or TopicError."""
        await asyncio.to_thread(self._follower.start, asyncio.get_running_loop())

    async def page(self, chosen: Chosen, after: Positions | None, limit: int, wait_s: float) -> Page:
        """The chosen records after a cursor, ``limit`` at most; when there are none, what comes within ``wait_s``.

        Raises:
            CursorGoneError: from that cursor it cannot go on without a gap.
            KafkaUnreachableError, TopicError: Kafka cannot be read.
        """
        ends_at = time.monotonic() + wait_s
        with self._follower.news_of(chosen.key) as news:
            while True:
                news.clear()
                page = await self._read(chosen, after, limit)
                left_s = ends_at - time.monotonic()
                if page.records or left_s <= 0:
                    return page
                after = page.positions
                if not page.more:
                    await _within(news, left_s)

    async def _read(self, chosen: Chosen, after: Positions | None, limit: int) -> Page:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._page, chosen, after, limit)

    def _page(self, chosen: Chosen, after: Positions | None, limit: int) -> Page:
        reader: Reader | None = getattr(self._own, "reader", None)
        if reader is None:
            reader = self._own.reader = Reader(self._settings, self._topic)
            self._readers.append(reader)
        return reader.page(chosen, after, limit)

    async def stop(self) -> None:
        """Close the consumers; a page that is being read is finished first."""
        await asyncio.to_thread(self._follower.stop)
        await asyncio.to_thread(self._threads.shutdown)
        for reader in self._readers:
            reader.close()


class Reader:
    """One consumer that is put where a cursor points; one thread at a time uses it."""

    def __init__(self, settings: KafkaSettings, name: str) -> None:
        self._settings, self._name = settings, name
        self._topic: Final = settings.topic(name)
        # A record that vanishes while it is read must not be skipped in silence: the next page says that it is gone.
        self._client: Final = consumer(settings, name, **{"auto.offset.reset": "error"})

    def page(self, chosen: Chosen, after: Positions | None, limit: int) -> Page:
        kept = self._kept()
        positions = _begin(kept, after)
        ends = {partition: end for partition, (_, end) in kept.items() if positions[partition] < end}
        self._client.assign([TopicPartition(self._topic, partition, positions[partition]) for partition in ends])
        try:
            records = self._read(chosen, positions, ends, limit)
        finally:
            self._client.unassign()
        return Page(records, positions, more=any(positions[partition] < end for partition, end in ends.items()))

    def _read(self, chosen: Chosen, positions: Positions, ends: Positions, limit: int) -> list[msgspec.Raw]:
        """The chosen records up to ``ends``, or as far as the limits allow; ``positions`` move along."""
        found: list[msgspec.Raw] = []
        size, stop_at = 0, time.monotonic() + PAGE_S_MAX
        while time.monotonic() < stop_at and any(positions[partition] < end for partition, end in ends.items()):
            for record in fetch(self._client, _RECORDS, _WITHIN_S):
                if len(found) >= limit or size >= PAGE_BYTES_MAX:
                    return found
                positions[record.partition()] = record.offset() + 1
                raw = record.value()
                if raw is not None and chosen.key in (None, record.key()) and _is_shown(record, raw, chosen):
                    found.append(msgspec.Raw(raw))
                    size += len(raw)
        return found

    def _kept(self) -> dict[int, tuple[int, int]]:
        """The first offset that is kept, and the one after the last, a partition."""
        partitions = partitions_of(self._client, self._settings, self._name)
        return kept_offsets(self._client, self._settings, self._topic, partitions)

    def close(self) -> None:
        self._client.close()


class Follower:
    """Follows the end of a topic in a thread of its own, and wakes those who wait for news under a key, or under any."""

    def __init__(self, settings: KafkaSettings, name: str) -> None:
        self._settings, self._name = settings, name
        self._client: Consumer | None = None
        self._waiting: Final[dict[bytes | None, set[asyncio.Event]]] = {}
        self._stopping: Final = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """From here on everything that is stored wakes whoever waits for it."""
        client = self._client = consumer(self._settings, self._name, **PATIENT)
        topic = self._settings.topic(self._name)
        try:
            ends = end_offsets(client, topic, partitions_of(client, self._settings, self._name))
        except KafkaException:
            raise KafkaUnreachableError(self._settings.bootstrap) from None
        client.assign([TopicPartition(topic, partition, end) for partition, end in ends.items()])
        self._thread = threading.Thread(target=self._follow, args=(client, loop), name=f"{self._name}-follower", daemon=True)
        self._thread.start()

    @contextmanager
    def news_of(self, key: bytes | None) -> Iterator[asyncio.Event]:
        """An event that is set when something was stored under the key; None: under any."""
        event, waiting = asyncio.Event(), self._waiting.setdefault(key, set())
        waiting.add(event)
        try:
            yield event
        finally:
            waiting.discard(event)
            if not waiting:
                self._waiting.pop(key, None)

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)
        if self._client is not None:
            self._client.close()

    def _follow(self, client: Consumer, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopping.is_set():
            if records := fetch(client, _RECORDS, _FOLLOW_S):
                loop.call_soon_threadsafe(self._wake, {record.key() for record in records})

    def _wake(self, keys: set[bytes | None]) -> None:
        for key in {*keys, None}:
            for event in self._waiting.get(key, ()):
                event.set()


def _is_shown(record: Fetched, raw: bytes, chosen: Chosen) -> bool:
    """Whether a record is handed out. One that is no object, which this engine does not write, must not bar what follows it."""
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        _log.error("record is no object", topic=record.topic(), partition=record.partition(), offset=record.offset())
        return False
    return chosen.holds(fields)


def _begin(kept: dict[int, tuple[int, int]], after: Positions | None) -> Positions:
    """Where to begin, a partition.

    Raises:
        CursorGoneError: records after the cursor are not kept, or it is beyond the end: the topic is not the one it is of.
    """
    if after is None:
        return {partition: first for partition, (first, _) in kept.items()}
    positions = {partition: after.get(partition, first) for partition, (first, _) in kept.items()}
    within = {partition: first <= positions[partition] <= end for partition, (first, end) in kept.items()}
    if all(within.values()) and after.keys() <= kept.keys():
        return positions
    raise CursorGoneError({partition: positions[partition] if within[partition] else kept[partition][0] for partition in kept})


async def _within(news: asyncio.Event, wait_s: float) -> None:
    try:
        async with asyncio.timeout(wait_s):
            await news.wait()
    except TimeoutError:
        return
