"""Lookback as a worker's process runs it: orders are gathered until they are in force everywhere, then searched back for.

From the moment at which everybody has the orders of a pass, live screening finds what they seek; so a pass ends where the
sightings ended then, and nothing falls between. What both find is one hit, by its id.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog
from confluent_kafka import KafkaException

from connectors.kafka.errors import KafkaError
from connectors.kafka.records import Records
from connectors.redis.errors import RedisError
from connectors.redis.leases import Leases
from connectors.redis.lookback import LookbackView
from matchers.keys import KeyHasher
from stream import metrics
from stream.core.lookback import Arrived, Fate, Pass, begin, fate, rest_s
from stream.services.lookback_ground import Ground
from stream.services.lookback_orders import UnsearchedOrders
from stream.services.lookback_search import Search
from stream.services.reached import is_as_far
from stream.settings import WorkerSettings
from watchlists.force import in_force_everywhere
from watchlists.index import WatchlistIndex
from watchlists.order import Order

ORDERS_MAX: Final = 200_000
"""Orders of one pass; more wait for the next."""
STANDINGS_MAX: Final = 1000
"""Orders asked of the index in one round trip."""
LOOK_EVERY_S: Final = 0.05
IDLE_S: Final = 0.25
SAVE_EVERY_S: Final = 1.0
REST_S_MAX: Final = 1.0
AGAIN_S: Final = 1.0
_log = structlog.get_logger("lookback")


class Lookback:
    """Makes one pass after the other until ``stop``; what was begun is gone on with by whoever comes next."""

    def __init__(
        self,
        settings: WorkerSettings,
        hasher: KeyHasher,
        records: Records,
        index: WatchlistIndex,
        leases: Leases,
        view: LookbackView,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._settings, self._hasher, self._records = settings, hasher, records
        self._index, self._leases, self._view, self._clock = index, leases, view, clock
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Search until stopped. Trouble with Redis or Kafka is waited out; a pass goes on from where it was saved."""
        while not self._stopping.is_set():
            try:
                await self._make_passes()
            except (RedisError, KafkaError, KafkaException) as error:
                _log.warning("the lookback cannot go on; trying again", reason=type(error).__name__, detail=str(error))
                await self._rest(AGAIN_S)

    async def _make_passes(self) -> None:
        orders, ground = UnsearchedOrders(self._settings.kafka), Ground(self._settings.kafka)
        try:
            await asyncio.to_thread(orders.stand, self._since())
            left = await self._view.load()
            if left is not None and orders.continues(left.orders):
                _log.info("a pass goes on", sought=left.sought, share_done=round(left.share_done, 4))
                arrived = await asyncio.to_thread(orders.again, left.orders)
                await self._search(orders, ground, left, await self._sought(arrived, count=False))
            while not self._stopping.is_set():
                metrics.lookback_waiting.set(await asyncio.to_thread(orders.waiting))
                await self._next(orders, ground)
        finally:
            await asyncio.to_thread(orders.close)
            await asyncio.to_thread(ground.close)

    async def _next(self, orders: UnsearchedOrders, ground: Ground) -> None:
        """Gather orders while there are more, and until they are in force everywhere; then make their pass."""
        arrived = await asyncio.to_thread(orders.take, ORDERS_MAX)
        taken = orders.taken()
        if not any(first < stop for first, stop in taken.values()):
            await self._rest(IDLE_S)
            return
        while not self._stopping.is_set():
            more = await asyncio.to_thread(orders.take, ORDERS_MAX - len(arrived)) if len(arrived) < ORDERS_MAX else []
            arrived, taken = arrived + more, orders.taken()
            if not more and await self._in_force({partition: stop for partition, (_, stop) in taken.items()}):
                await self._begin(orders, ground, arrived, Pass(taken, self._clock(), self._clock()))
                return
            await self._rest(LOOK_EVERY_S)

    async def _in_force(self, positions: dict[int, int]) -> bool:
        live = await self._leases.live()
        everywhere = in_force_everywhere([lease.applied for lease in live.values()], await self._index.positions())
        return is_as_far(everywhere, positions)

    async def _begin(self, orders: UnsearchedOrders, ground: Ground, arrived: Sequence[Arrived], new: Pass) -> None:
        ends = await asyncio.to_thread(ground.ends)
        if not arrived or not await asyncio.to_thread(ground.stretches, self._since(), ends):
            metrics.lookback_orders.labels(Fate.NOTHING_RETAINED).inc(len(arrived))
            await asyncio.to_thread(orders.searched, new.orders)
            return
        sought = await self._sought(arrived, count=True)
        if sought:
            new.sightings = await asyncio.to_thread(ground.stretches, begin(sought, self._since()), ends)
        new.sought = len(sought)
        await self._view.save(new)
        _log.info("a pass begins", sought=new.sought, orders=len(arrived), sightings=new.total)
        await self._search(orders, ground, new, sought)

    async def _sought(self, arrived: Sequence[Arrived], *, count: bool) -> list[Order]:
        """The orders that a pass searches for, as they are in place now."""
        since, now = self._since(), self._clock()
        fates: Counter[Fate] = Counter()
        sought: dict[str, Order] = {}
        for start in range(0, len(arrived), STANDINGS_MAX):
            some = arrived[start : start + STANDINGS_MAX]
            standings = (await self._index.standings([order.id for order in some])).of
            for order in some:
                its = fate(order, standings[order.id], since, now)
                fates[its] += 1
                in_place = standings[order.id].order
                if its is Fate.SOUGHT and in_place is not None:
                    sought[order.id] = in_place
        if count:
            for its, number in fates.items():
                metrics.lookback_orders.labels(its).inc(number)
        return list(sought.values())

    async def _search(self, orders: UnsearchedOrders, ground: Ground, under_way: Pass, sought: Iterable[Order]) -> None:
        """Search a pass to its end, or until stopped: what was searched is saved then."""
        keys = {self._hasher.hash_key(key) for order in sought for key in order.keys()}
        if keys and under_way.left and not await self._searched(orders, ground, under_way, keys):
            return
        await asyncio.to_thread(orders.searched, under_way.orders)
        await self._view.clear()
        metrics.lookback_share.set(1)
        _log.info("a pass is done", sought=under_way.sought, sightings=under_way.total, seconds=round(under_way.spent_s, 3))

    async def _searched(self, orders: UnsearchedOrders, ground: Ground, under_way: Pass, keys: Iterable[int]) -> bool:
        search = await asyncio.to_thread(Search, self._settings, self._hasher, self._records, keys, under_way)
        try:
            while not search.is_done and not self._stopping.is_set():
                under_way.waiting = await asyncio.to_thread(orders.waiting)
                metrics.lookback_waiting.set(under_way.waiting)
                await self._search_a_while(search, under_way)
                await self._stand_back(ground)
        finally:
            await asyncio.to_thread(search.close)
        return search.is_done

    async def _search_a_while(self, search: Search, under_way: Pass) -> None:
        """Some batches, each followed by its rest; then what was searched is made durable and saved."""
        began, spent = time.monotonic(), time.process_time()
        while not search.is_done and not self._stopping.is_set() and time.monotonic() - began < SAVE_EVERY_S:
            await asyncio.to_thread(search.step)
            share = self._settings.lookback_share
            await self._rest(min(rest_s(time.process_time() - spent, time.monotonic() - began, share), REST_S_MAX))
        await asyncio.to_thread(search.settle)
        under_way.spent_s += time.monotonic() - began
        under_way.saved_at = self._clock()
        metrics.lookback_share.set(under_way.share_done)
        await self._view.save(under_way)

    async def _stand_back(self, ground: Ground) -> None:
        """Rest while live screening is behind."""
        while not self._stopping.is_set():
            lag = await asyncio.to_thread(ground.screening_lag_s)
            if lag <= self._settings.lookback_lag_s_max:
                return
            metrics.lookback_yields.inc()
            await self._rest(AGAIN_S)

    async def _rest(self, seconds: float) -> None:
        """Rest, or until stopped."""
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _since(self) -> dt.datetime:
        """The moment from which sightings are searched."""
        return self._clock() - dt.timedelta(hours=self._settings.lookback_hours)
