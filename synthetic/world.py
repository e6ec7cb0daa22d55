"""The synthetic world: one object, one seed, and everything in it follows.

world = World(7, orders=10_000)
for record in world.orders(): ...                            # key and wire JSON of every order
for sighting in world.sightings(1_000_000, hit_ratio=1e-4): ...  # with the truth about each
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final

from synthetic.casts import Director
from synthetic.clock import default_at
from synthetic.crowd import Crowd, SyntheticSighting
from synthetic.dice import Dice
from synthetic.orders import ORDERS_MAX, Order, OrderBook
from synthetic.places import KINDS, SOURCES
from synthetic.scenes import Casting
from synthetic.streams import DEFAULT_MIX, STREAMS_MAX, Ratios, stream_sightings, wheel
from synthetic.writs import RELEASE_REASONS, Record, order_record, release_record, sealed_document

DEFAULT_RATE: Final = 2_000.0  # sightings a second of the world's time
_ORDER_NUMBER: Final = 3  # its place in ZX-<court>-<year>-<number>-<turn>
_TRIES: Final = 64


class World:
    """People, vehicles, courts and their orders. The same arguments make the same bytes, in any process, in any order."""

    def __init__(self, seed: int, *, orders: int = 10_000, at: dt.datetime | None = None, order_dirtiness: float = 0.0) -> None:
        """`at`: when sightings begin, with an offset; control periods lie around it. `order_dirtiness`: share of orders
        whose identifiers are written badly.

        Raises:
            ValueError: more orders than the world has people for, or `at` without an offset.
        """
        if not 1 <= orders <= ORDERS_MAX:
            raise ValueError(f"a world has 1 to {ORDERS_MAX} orders, not {orders}")
        if not 0 <= order_dirtiness <= 1:
            raise ValueError(f"order_dirtiness must be 0 to 1, not {order_dirtiness}")
        self.at = at or default_at(seed)
        if self.at.tzinfo is None:
            raise ValueError("at needs an offset")
        self.seed = seed
        self._at = int(self.at.timestamp())
        self._book = OrderBook(seed, orders, self._at, order_dirtiness)
        self._casting = Casting(seed, self._book)
        self._crowd: Crowd | None = None

    def __len__(self) -> int:
        """How many orders there are."""
        return self._book.count

    def order(self, number: int) -> Order:
        """Order `number`, from 0."""
        return self._book[number]

    def number_of(self, order_id: str) -> int:
        """The number of the order with this id."""
        return int(order_id.split("-")[_ORDER_NUMBER]) - 1

    def orders(self, start: int = 0, stop: int | None = None) -> Iterator[Record]:
        """The placing of orders `start` to `stop` (default: all)."""
        book = self._book
        return (order_record(book, book[n]) for n in range(start, len(self) if stop is None else stop))

    def amendment(
        self, number: int, *, version: int = 2, at: dt.datetime | None = None, until: dt.datetime | None = None
    ) -> Record:
        """Order `number` again under a higher version, with another end of its control period if `until` is given."""
        order = self._book[number]
        ends = order.until if until is None else int(until.timestamp())
        order = order._replace(version=version, issued=self._moment(at), until=ends)
        return order_record(self._book, order, action="amend")

    def release(self, number: int, *, version: int = 2, at: dt.datetime | None = None, reason: str | None = None) -> Record:
        """The release of order `number`, for a reason drawn by chance if none is given."""
        reason = reason or Dice(self.seed, b"release", number).of(RELEASE_REASONS)
        return release_record(self._book[number], version, self._moment(at), reason)

    def document(self, order_id: str, kind: str) -> bytes:
        """The sealed document whose SHA-256 the order lists."""
        return sealed_document(order_id, kind)

    def sightings(
        self,
        count: int,
        *,
        hit_ratio: float = 1e-4,
        dirtiness: float = 0.0,
        near_miss_ratio: float | None = None,
        at: dt.datetime | None = None,
        rate: float = DEFAULT_RATE,
        mix: Mapping[str, float] = DEFAULT_MIX,
        stream: int = 0,
    ) -> Iterator[SyntheticSighting]:
        """`count` sightings and the truth about them, in order of time.

        `hit_ratio`: share with at least one expected pair. `near_miss_ratio`: share that looks like it (default: as many).
        `dirtiness`: share of the crowd, and of the hits, that is badly written; one in eight of that crowd is unreadable.
        `rate`: sightings a second of the world's time (`occurred_at`); see `synthetic.clock.paced` for real time.
        `stream`: producers with different numbers make different sightings.

        Raises:
            ValueError: a share, rate, mix or stream number out of its range. While iterating: no order is in force.
        """
        if not 0 <= stream < STREAMS_MAX:
            raise ValueError(f"a stream's number is 0 to {STREAMS_MAX - 1}, not {stream}")
        if rate <= 0 or count < 0:
            raise ValueError(f"count must be 0 or more and rate above 0, not {count} and {rate}")
        near = hit_ratio if near_miss_ratio is None else near_miss_ratio
        ratios = Ratios(hit_ratio, near, dirtiness).checked()
        director = Director(self.seed, self._book, self._casting, stream, dirtiness)
        self._crowd = self._crowd or Crowd(self.seed)
        return stream_sightings(
            self.seed, self._crowd, director, count, ratios, self._moment(at), rate, wheel(mix)
        )  # fmt: skip

    def sighting_of(
        self, number: int, *, turn: int = 0, at: dt.datetime | None = None, dirtiness: float = 0.0
    ) -> SyntheticSighting | None:
        """A sighting that order `number` must hit, another one for each `turn`; None if the order is not in force at `at`."""
        order = self._book[number]
        director = Director(self.seed, self._book, self._casting, STREAMS_MAX, dirtiness)
        for attempt in range(_TRIES):
            name = (number * (1 << 16) + turn) * _TRIES + attempt
            for source in SOURCES if attempt % 2 else reversed(SOURCES):
                sighting = director.of_order(source, order, name, self._moment(at))
                if sighting is not None:
                    return sighting
        return None

    def _moment(self, at: dt.datetime | None) -> int:
        return self._at if at is None else int(at.timestamp())


__all__ = ["DEFAULT_RATE", "KINDS", "World"]
