"""Hits, newest first, from the topic ``hits``: it holds every hit for ever, and no view of it is needed.

Each partition is read backwards in windows, and of the partitions' newest the newest by Kafka's time is next. A page reads
for some seconds at most; whoever has few hits among many comes back with its cursor.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Final, NamedTuple, Protocol

import msgspec

from connectors.door.cursors import Positions
from connectors.kafka.clients import Fetched
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.through import Through
from connectors.kafka.topics import HITS
from stream.core.authority import Owner
from stream.core.hit import Hit
from stream.core.hit_story import HitStory

WINDOW: Final = 1000
PAGE_BYTES_MAX: Final = 4 << 20
PAGE_S_MAX: Final = 5.0


class Told(NamedTuple):
    """A hit as it stands, and what became of it."""

    hit: Hit
    story: HitStory


class Stories(Protocol):
    """What became of hits. The ledger may implement it."""

    async def told(self, hit_id: str) -> Told | None:
        """A hit and its story; None for one that is not known or may not be told. Raises ViewUnavailableError, KafkaError."""

    async def tellable(self, hit_ids: Collection[str]) -> frozenset[str]:
        """Those of the hits that may be told: not one that was released before its court heard of it."""

    async def of_order(self, order_id: str) -> list[str]:
        """The hits of an order, sorted. Raises ViewUnavailableError."""


class HitPage(NamedTuple):
    """Some hits, newest first. ``positions`` is where the next page ends; None where there is nothing before."""

    items: list[msgspec.Raw]
    positions: Positions | None


class _Court(msgspec.Struct):
    code: str
    province: str | None = None


class _Handler(msgspec.Struct):
    name: str


class _Whose(msgspec.Struct):
    id: str
    court: _Court
    handler: _Handler


_whose: Final = msgspec.json.Decoder(_Whose)


def owner_of(hit: Hit) -> Owner:
    """Whose a hit is."""
    return Owner(court=hit.court.code, province=hit.court.province, handler=hit.handler.name)


class HitList:
    """Reads pages, some at once; each with a connection of its own."""

    def __init__(self, settings: KafkaSettings, readers: int, stories: Stories) -> None:
        self._settings: Final = settings
        self._turns: Final = asyncio.Semaphore(readers)
        self._stories: Final = stories

    async def told(self, hit_id: str) -> Told | None:
        """A hit and its story; None for one that is not known or may not be told."""
        return await self._stories.told(hit_id)

    async def page(self, owns: Callable[[Owner], bool], before: Positions | None, limit: int) -> HitPage:
        """Hits of these owners that lie before a cursor, ``limit`` at most; maybe fewer, though there are more before them.

        Raises:
            KafkaUnreachableError, TopicError: Kafka cannot be read.
        """
        async with self._turns:
            found, positions = await asyncio.to_thread(self._page, owns, before, limit)
        tellable = await self._stories.tellable(found.keys())
        return HitPage([raw for hit_id, raw in found.items() if hit_id in tellable], positions)

    async def of_order(self, order_id: str, owns: Callable[[Owner], bool], after: str, limit: int) -> list[Hit]:
        """An order's hits of these owners, by their ids, from the one after ``after`` on."""
        found: list[Hit] = []
        for hit_id in await self._stories.of_order(order_id):
            if hit_id > after and (told := await self._stories.told(hit_id)) is not None and owns(owner_of(told.hit)):
                found.append(told.hit)
            if len(found) == limit:
                break
        return found

    def _page(
        self, owns: Callable[[Owner], bool], before: Positions | None, limit: int
    ) -> tuple[dict[str, msgspec.Raw], Positions | None]:
        log = Through(self._settings, HITS, "hit-list")
        try:
            ends = {} if before is None else before
            tails = [
                _Tail(log, partition, first, max(min(ends.get(partition, end), end), first))
                for partition, (first, end) in log.kept().items()
            ]
            items = _newest(tails, owns, limit)
        finally:
            log.close()
        positions = {tail.partition: tail.place for tail in tails}
        return items, positions if any(tail.place > tail.first for tail in tails) else None


class _Tail:
    """What of a partition was not read yet, from its end backwards: all from ``first`` to before ``place``."""

    def __init__(self, log: Through, partition: int, first: int, place: int) -> None:
        self._log: Final = log
        self.partition, self.first, self.place = partition, first, place
        self._window: list[Fetched] = []

    def newest(self) -> Fetched | None:
        """The last record that was not taken yet."""
        while not self._window and self.place > self.first:
            start = max(self.place - WINDOW, self.first)
            batches = self._log.read({self.partition: start}, {self.partition: self.place})
            self._window = [record for batch in batches for record in batch]
            self.place = self._window[-1].offset() + 1 if self._window else start
        return self._window[-1] if self._window else None

    def take(self) -> Fetched:
        """Take it."""
        record = self._window.pop()
        self.place = record.offset()
        return record


def _newest(tails: list[_Tail], owns: Callable[[Owner], bool], limit: int) -> dict[str, msgspec.Raw]:
    """The next hits by their ids: one that stands there more than once, since its sighting came again, is on a page once."""
    items: dict[str, msgspec.Raw] = {}
    size, stop_at = 0, time.monotonic() + PAGE_S_MAX
    while len(items) < limit and size < PAGE_BYTES_MAX and time.monotonic() < stop_at:
        heads = [(record.timestamp()[1], tail) for tail in tails if (record := tail.newest()) is not None]
        if not heads:
            break
        raw = max(heads, key=lambda head: head[0])[1].take().value() or b""
        whose = _read(raw)
        if whose is None or whose.id in items or not owns(_owner(whose)) or not _can_be_handed_out(raw):
            continue
        items[whose.id] = msgspec.Raw(raw)
        size += len(raw)
    return items


def _owner(whose: _Whose) -> Owner:
    return Owner(court=whose.court.code, province=whose.court.province, handler=whose.handler.name)


def _read(raw: bytes) -> _Whose | None:
    """None for what is no hit, which this engine does not write; it must not bar what lies before it."""
    try:
        return _whose.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _can_be_handed_out(raw: bytes) -> bool:
    """Whether all of it is JSON: the quick reader passes over what it does not look for."""
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
