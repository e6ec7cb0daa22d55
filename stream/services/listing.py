"""Listing: once a day each court is told which of its orders lack what news of a hit will need.

One worker at a time reads the index through, half the time at most. A worker that stops is followed by another, which begins
anew; a list that is made again has the same id.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Final

import structlog

from connectors.courts.endpoint import Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.redis.errors import RedisError
from connectors.redis.reachability import ReachabilityView
from stream import metrics
from stream.core.lacking import Lack, is_current, listing_id
from stream.core.notification import Addressee, OrderLacking, OrdersLacking, orders_lacking
from stream.services.courier import LAST, Courier, always
from stream.services.lacks import Lacks
from watchlists.order import Court, Order

LOOK_EVERY_S: Final = 15.0
ORDERS_MAX: Final = 1000
"""Orders that one list names; it says how many there are."""
PIECE: Final = 50
"""Orders that are looked at before others have a turn."""
_log = structlog.get_logger("listing")


class _Listed:
    """What is to be told to one court."""

    def __init__(self, court: Court) -> None:
        self.court, self.total = court, 0
        self.orders: dict[str, tuple[Lack, ...]] = {}

    def add(self, order_id: str, reasons: tuple[Lack, ...]) -> None:
        self.total += 1
        if len(self.orders) < ORDERS_MAX:
            self.orders[order_id] = reasons


class Listing:
    """The lists of one worker."""

    def __init__(
        self,
        worker: str,
        in_place: Callable[[], AsyncIterator[Order]],
        endpoints: Endpoints,
        courier: Courier,
        view: ReachabilityView,
        clock: Callable[[], dt.datetime],
    ) -> None:
        """``in_place``: every order in place, once through."""
        self._worker, self._in_place, self._view, self._clock = worker, in_place, view, clock
        self._endpoints, self._courier = endpoints, courier
        self._stopping = False

    async def run(self) -> None:
        """Make the lists of each day, until stopped."""
        while not self._stopping:
            try:
                await self.look()
            except RedisError as error:
                _log.warning("Redis does not answer; lists of orders wait", detail=str(error))
            except Exception as error:
                _log.exception("lists of orders could not be made", error=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_S)

    def stop(self) -> None:
        self._stopping = True

    async def look(self) -> int | None:
        """Make the day's lists, unless they were made or another worker makes them; returns how many courts were told.

        A day is one of UTC: in China it begins at eight in the morning.
        """
        day = self._clock().astimezone(dt.UTC).date().isoformat()
        if await self._view.listed() == day or not await self._view.take_listing(self._worker):
            return None
        try:
            lacks = Lacks(self._endpoints, await self._view.seen(), self._clock())
            listed = await self._read_through(lacks)
            if listed is None:
                return None
            told = 0
            for one in listed.values():
                if self._stopping or not await self._view.take_listing(self._worker):
                    return None
                told += await self._tell(one, day)
            await self._view.set_listed(day)
            return told
        finally:
            await self._view.drop_listing(self._worker)

    async def _read_through(self, lacks: Lacks) -> dict[str, _Listed] | None:
        """What each court is to be told; None: another worker does it now, or this one stops."""
        listed: dict[str, _Listed] = {}
        reasons: Counter[Lack] = Counter()
        read, began = 0, time.monotonic()
        async for order in self._in_place():
            read += 1
            if is_current(order, lacks.at) and (found := lacks.of(order)):
                listed.setdefault(order.court.code, _Listed(order.court)).add(order.id, found)
                reasons.update(found)
            if read % PIECE == 0:
                if self._stopping or not await self._view.take_listing(self._worker):
                    return None
                await asyncio.sleep(time.monotonic() - began)
                began = time.monotonic()
        for reason in Lack:
            metrics.orders_lacking.labels(reason.value).set(reasons[reason])
        return listed

    async def _tell(self, listed: _Listed, day: str) -> bool:
        court = listed.court
        where = self._everywhere(court)
        if where:
            listing = OrdersLacking(
                court=Addressee(code=court.code),
                orders=tuple(OrderLacking(order_id=id_, reasons=found) for id_, found in sorted(listed.orders.items())),
                total=listed.total,
                looked_at=self._clock(),
            )
            result = await self._courier.round(orders_lacking(listing, listing_id(court.code, day)), where, always, LAST)
            if result.delivered:
                return True
        _log.warning("a court could not be told what its orders lack", court=court.code, orders=listed.total)
        return False

    def _everywhere(self, court: Court) -> list[Endpoint]:
        levels = ("handler", *self._endpoints.chain(court))
        return [endpoint for level in levels for endpoint in self._endpoints.of(court, level)]
