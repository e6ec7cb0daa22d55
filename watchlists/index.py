"""The index: which orders share a key with a sighting, exactly, and how far in the log of orders that answer stands.

One protocol, two implementations held to the same contract tests: ``MemoryIndex`` here, and the one in Redis. Both are views
of the topic ``orders``: they hold the position of the next record to apply, a partition, stored atomically with the entries.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from matchers.keys import Key
from matchers.text import clean
from watchlists.glance import Glance
from watchlists.lifecycle import UNKNOWN, Change, Decision, Held, decide
from watchlists.order import Order, Release, read_order

Positions = Mapping[int, int]
"""Partition of ``orders`` to the offset of the next record that has not been applied."""


class IndexMovedError(RuntimeError):
    """The index does not stand where the writer thinks: another writer wrote, or it was wiped. Read its positions again."""


class Logged(NamedTuple):
    """A record of ``orders`` that could be read, with its bytes."""

    record: Glance | Order | Release
    raw: bytes


class Lookup(NamedTuple):
    """Orders in place that hold any of the keys asked for, and the positions at which that was so."""

    orders: list[Order]
    positions: dict[int, int]


class Standing(NamedTuple):
    """What is held of an order's id; ``order`` is None unless it is in place."""

    held: Held
    order: Order | None


class Standings(NamedTuple):
    """What is held of each id asked for, and the positions at which that was so."""

    of: dict[str, Standing]
    positions: dict[int, int]


class Filed(NamedTuple):
    """A page of a court's orders in place. ``next`` is where the next one begins; None: there are no more."""

    orders: list[Order]
    next: str | None


class WatchlistIndex(Protocol):
    """What screening's maybes are resolved against, and what the fence asks before every attempt."""

    async def apply(self, partition: int, start: int, end: int, records: Sequence[Logged]) -> list[Decision]:
        """Apply the readable records between two offsets, and move the partition's position from ``start`` to ``end``.

        All of it happens at once for every reader.

        Raises:
            IndexMovedError: the position is not ``start``; nothing was applied.
        """

    async def lookup(self, keys: Sequence[Key]) -> Lookup:
        """Every order in place that holds one of the keys, each once. One round trip, whatever the number of keys."""

    async def standings(self, order_ids: Sequence[str]) -> Standings:
        """What is held of each id, released and unknown ones included. One round trip."""

    async def filed(self, court: str, case_number: str | None, after: str | None, most: int) -> Filed:
        """A court's orders in place, those of one of its cases where one is named, after what an earlier page said.

        They come in a sequence of the index's own that stays the same while orders come and go. A case's number is compared
        after cleaning, so full-width parentheses or a space make no other case of it.

        Raises:
            ValueError: no page of this index ended there.
        """

    def in_place(self) -> AsyncIterator[Order]:
        """Every order in place, once through. One that comes or moves meanwhile may be missed, or come twice."""

    async def positions(self) -> dict[int, int]:
        """How far the index is, a partition; empty when it holds nothing at all."""


def is_filed(order: Order, court: str, case_number: str | None) -> bool:
    """Whether an order is the court's, and of that case if one is named."""
    return order.court.code == court and (case_number is None or clean(order.case_number) == clean(case_number))


class Watchlist:
    """Orders in memory, by id and by key; what ``scan`` and ``MemoryIndex`` stand on.

    Orders are kept as the bytes that they came in (about 0.7 kB) and read again when they are candidates.
    """

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}
        self._raw: dict[str, bytes] = {}
        self._ids: dict[Key, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._raw)

    def keys(self) -> Sequence[Key]:
        """Every key of every order in place."""
        return list(self._ids)

    def apply(self, logged: Logged) -> Decision:
        """Apply one record."""
        record, raw = logged
        change: Change = decide(self._held.get(record.id, UNKNOWN), record)
        if change.decision.changes:
            self._forget_keys(record.id)
            self._held[record.id] = change.held
            if not isinstance(record, Release):
                self._raw[record.id] = raw
                for key in record.keys():
                    others = self._ids.get(key)
                    self._ids[key] = (*others, record.id) if others else (record.id,)
        return change.decision

    def candidates(self, keys: Sequence[Key]) -> list[Order]:
        """Orders in place that hold one of the keys, each once, in the order of the keys and of arrival."""
        ids = dict.fromkeys(order_id for key in keys for order_id in self._ids.get(key, ()))
        return [order for order_id in ids if (order := self.order(order_id)) is not None]

    def held(self, order_id: str) -> Held:
        return self._held.get(order_id, UNKNOWN)

    def order(self, order_id: str) -> Order | None:
        """The order in place under this id."""
        raw = self._raw.get(order_id)
        if raw is None:
            return None
        record = read_order(raw)
        return record if isinstance(record, Order) else None

    def orders(self) -> list[Order]:
        """Every order in place."""
        return [order for order_id in self._raw if (order := self.order(order_id)) is not None]

    def _forget_keys(self, order_id: str) -> None:
        previous = self.order(order_id)
        if previous is None:
            return
        del self._raw[order_id]
        for key in previous.keys():
            left = tuple(other for other in self._ids[key] if other != order_id)
            if left:
                self._ids[key] = left
            else:
                del self._ids[key]


class MemoryIndex:
    """The index in this process's memory."""

    def __init__(self) -> None:
        self._watchlist = Watchlist()
        self._positions: dict[int, int] = {}

    async def apply(self, partition: int, start: int, end: int, records: Sequence[Logged]) -> list[Decision]:
        if self._positions.get(partition, 0) != start:
            raise IndexMovedError(f"partition {partition} stands at {self._positions.get(partition, 0)}, not {start}")
        decisions = [self._watchlist.apply(logged) for logged in records]
        self._positions[partition] = end
        return decisions

    async def lookup(self, keys: Sequence[Key]) -> Lookup:
        return Lookup(self._watchlist.candidates(keys), dict(self._positions))

    async def standings(self, order_ids: Sequence[str]) -> Standings:
        of = {id_: Standing(self._watchlist.held(id_), self._watchlist.order(id_)) for id_ in order_ids}
        return Standings(of, dict(self._positions))

    async def filed(self, court: str, case_number: str | None, after: str | None, most: int) -> Filed:
        rows = sorted((one for one in self._watchlist.orders() if is_filed(one, court, case_number)), key=lambda one: one.id)
        rest = [one for one in rows if after is None or one.id > after]
        return Filed(rest[:most], rest[most - 1].id if len(rest) > most else None)

    async def in_place(self) -> AsyncIterator[Order]:
        for order in self._watchlist.orders():
            yield order

    async def positions(self) -> dict[int, int]:
        return dict(self._positions)
