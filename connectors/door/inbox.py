"""A court's inbox: its own notifications on the topic ``inbox``, in the order in which they were stored.

Every partition is read past other courts' records, so a cursor is right whichever client stored them and after partitions
were added. Who waits is woken by one follower of the topic's end; nobody holds a consumer while waiting.

    RuntimeError
    └── CursorGoneError    what lies behind a cursor is not kept any more; says where to go on
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.door.cursors import Positions
from connectors.kafka.clients import Fetched, consumer, end_offsets, fetch, partitions_of
from connectors.kafka.errors import KafkaUnreachableError
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.through import kept_offsets
from connectors.kafka.topics import INBOX

PAGE_BYTES_MAX: Final = 4 << 20
PAGE_S_MAX: Final = 5.0
_RECORDS: Final = 1000
_WITHIN_S: Final = 0.02
_FOLLOW_S: Final = 0.1
_STOP_S: Final = 5.0
_log: Final = structlog.get_logger("inbox")


class CursorGoneError(RuntimeError):
    """Records after the cursor are not kept any more, or its topic is another one; ``resume`` is where to go on."""

    def __init__(self, resume: Positions) -> None:
        super().__init__("the cursor points at records that are not kept")
        self.resume = resume


class Page(NamedTuple):
    """Some notifications, how far the inbox was read for them, and whether there was more to read."""

    events: list[msgspec.Raw]
    positions: Positions
    more: bool


class Inbox:
    """Reads pages, several at once, and waits for what comes. ``start`` it within the event loop that uses it."""

    def __init__(self, settings: KafkaSettings, readers: int) -> None:
        self._settings: Final = settings
        self._threads: Final = ThreadPoolExecutor(readers, "inbox")
        self._own: Final = threading.local()
        self._readers: Final[list[Reader]] = []
        self._follower: Final = Follower(settings)

    async def start(self) -> None:
        """Raises KafkaUnreachableError or TopicError."""
        await asyncio.to_thread(self._follower.start, asyncio.get_running_loop())

    async def page(self, court: str, after: Positions | None, limit: int, wait_s: float) -> Page:
        """The court's notifications after a cursor, ``limit`` at most; when there are none, what comes within ``wait_s``.

        Raises:
            CursorGoneError: from that cursor it cannot go on without a gap.
            KafkaUnreachableError, TopicError: Kafka cannot be read.
        """
        ends_at = time.monotonic() + wait_s
        with self._follower.news_of(court) as news:
            while True:
                news.clear()
                page = await self._read(court, after, limit)
                left_s = ends_at - time.monotonic()
                if page.events or left_s <= 0:
                    return page
                after = page.positions
                if not page.more:
                    await _within(news, left_s)

    async def _read(self, court: str, after: Positions | None, limit: int) -> Page:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._page, court, after, limit)

    def _page(self, court: str, after: Positions | None, limit: int) -> Page:
        reader: Reader | None = getattr(self._own, "reader", None)
        if reader is None:
            reader = self._own.reader = Reader(self._settings)
            self._readers.append(reader)
        return reader.page(court, after, limit)

    async def stop(self) -> None:
        """Close the consumers; a page that is being read is finished first."""
        await asyncio.to_thread(self._follower.stop)
        await asyncio.to_thread(self._threads.shutdown)
        for reader in self._readers:
            reader.close()


class Reader:
    """One consumer that is put where a cursor points; one thread at a time uses it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings: Final = settings
        self._topic: Final = settings.topic(INBOX)
        # A record that vanishes while it is read must not be skipped in silence: the next page says that it is gone.
        self._client: Final = consumer(settings, INBOX, **{"auto.offset.reset": "error"})

    def page(self, court: str, after: Positions | None, limit: int) -> Page:
        kept = self._kept()
        positions = _begin(kept, after)
        ends = {partition: end for partition, (_, end) in kept.items() if positions[partition] < end}
        self._client.assign([TopicPartition(self._topic, partition, positions[partition]) for partition in ends])
        try:
            events = self._read(court.encode(), positions, ends, limit)
        finally:
            self._client.unassign()
        return Page(events, positions, more=any(positions[partition] < end for partition, end in ends.items()))

    def _read(self, court: bytes, positions: Positions, ends: Positions, limit: int) -> list[msgspec.Raw]:
        """The court's events up to ``ends``, or as far as the limits allow; ``positions`` move along."""
        events: list[msgspec.Raw] = []
        size, stop_at = 0, time.monotonic() + PAGE_S_MAX
        while time.monotonic() < stop_at and any(positions[partition] < end for partition, end in ends.items()):
            for record in fetch(self._client, _RECORDS, _WITHIN_S):
                if len(events) >= limit or size >= PAGE_BYTES_MAX:
                    return events
                positions[record.partition()] = record.offset() + 1
                raw = record.value()
                if record.key() == court and raw is not None and _is_an_event(record, raw):
                    events.append(msgspec.Raw(raw))
                    size += len(raw)
        return events

    def _kept(self) -> dict[int, tuple[int, int]]:
        """The first offset that is kept, and the one after the last, a partition."""
        partitions = partitions_of(self._client, self._settings, INBOX)
        return kept_offsets(self._client, self._settings, self._topic, partitions)

    def close(self) -> None:
        self._client.close()


class Follower:
    """Follows the end of the inbox in a thread of its own, and wakes those who wait for a court's news."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings: Final = settings
        self._client: Consumer | None = None
        self._waiting: Final[dict[bytes, set[asyncio.Event]]] = {}
        self._stopping: Final = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """From here on everything that is stored wakes whoever waits for it."""
        client = self._client = consumer(self._settings, INBOX)
        topic = self._settings.topic(INBOX)
        try:
            ends = end_offsets(client, topic, partitions_of(client, self._settings, INBOX))
        except KafkaException:
            raise KafkaUnreachableError(self._settings.bootstrap) from None
        client.assign([TopicPartition(topic, partition, end) for partition, end in ends.items()])
        self._thread = threading.Thread(target=self._follow, args=(client, loop), name="inbox-follower", daemon=True)
        self._thread.start()

    @contextmanager
    def news_of(self, court: str) -> Iterator[asyncio.Event]:
        """An event that is set when something was stored for the court."""
        event, waiting = asyncio.Event(), self._waiting.setdefault(court.encode(), set())
        waiting.add(event)
        try:
            yield event
        finally:
            waiting.discard(event)
            if not waiting:
                self._waiting.pop(court.encode(), None)

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)
        if self._client is not None:
            self._client.close()

    def _follow(self, client: Consumer, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopping.is_set():
            # Asks for one record, so that it is woken by the first, and takes what has come with it.
            records = fetch(client, 1, _FOLLOW_S)
            if records:
                records += fetch(client, _RECORDS, 0)
                loop.call_soon_threadsafe(self._wake, {record.key() for record in records})

    def _wake(self, courts: set[bytes | None]) -> None:
        for court in courts:
            for event in self._waiting.get(court or b"", ()):
                event.set()


def _is_an_event(record: Fetched, raw: bytes) -> bool:
    """Whether a record can be handed out. One that cannot, which this engine does not write, must not bar what follows it."""
    try:
        msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        _log.error("inbox record is no event", partition=record.partition(), offset=record.offset())
        return False
    return True


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
