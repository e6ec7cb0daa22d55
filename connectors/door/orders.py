"""Orders on their way in, and what is held of them: durable on the topic ``orders`` first, and in effect from there.

The door decides nothing of an order but whether it may be sent: whether its documents bear its court's seal, and whether what
is held is what the sender has seen. What the record does then, ``watchlists.lifecycle`` says, as for any other.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from connectors.door.documents import Documents, refused_documents
from connectors.door.held import LacksOf, as_object
from connectors.door.problems import ProblemError
from connectors.door.repeats import Repeats
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import ORDERS
from connectors.redis.leases import InForceMark
from matchers.wire import Message
from stream.core.sealed_order import all_good
from watchlists.index import Filed, Standing, WatchlistIndex
from watchlists.lifecycle import Decision, decide
from watchlists.order import Order, ReleaseReason

CATCH_UP_S_MAX: Final = 3.0
POLL_S: Final = 0.02
ROOM: Final = 1000
"""A release's version is so far above the one held that no amendment which is on its way meanwhile can overtake it."""
SCANNED_MAX: Final = 5000
"""Orders looked at for one page, however few of them the caller may see."""


class Ends(Protocol):
    """How far topics are."""

    def now(self, topic: str) -> dict[int, int]:
        """The offset after the last record, a partition."""

    def has_records(self, topic: str, partition: int, begin: int, end: int) -> bool:
        """Whether a record lies between two offsets."""


class Marks(Protocol):
    """When versions of orders were in force, or released, everywhere."""

    async def of(self, order_ids: list[str]) -> dict[str, dict[int, InForceMark]]: ...


class Views(NamedTuple):
    """What is known of orders: all of it views of the log."""

    watchlist: WatchlistIndex
    marks: Marks
    lacks: Callable[[], Awaitable[LacksOf]]
    ends: Ends


class Posted(Message):
    """Why an order is released."""

    reason: ReleaseReason


class Page(NamedTuple):
    """Orders in place, and where the next page begins."""

    items: list[Order]
    next: str | None


class Orders:
    """Takes orders in and tells of them. Every method raises what Kafka and Redis raise where they are away."""

    def __init__(
        self,
        views: Views,
        documents: Documents,
        records: Records,
        clock: Callable[[], dt.datetime],
        durable_s_max: float,
    ) -> None:
        self._views, self._documents, self._records = views, documents, records
        self._clock, self._durable_s_max = clock, durable_s_max
        self._repeats: Final = Repeats()

    async def standing(self, order_id: str) -> Standing:
        """What is held of an order, as of everything that stood in the log when it was asked.

        Raises:
            ProblemError: ``unavailable``: the index is not as far, since it is being rebuilt or nobody writes it.
        """
        ends = await asyncio.to_thread(self._views.ends.now, ORDERS)
        until = asyncio.get_running_loop().time() + CATCH_UP_S_MAX
        while True:
            found = await self._views.watchlist.standings([order_id])
            behind = {p: end for p, end in ends.items() if found.positions.get(p, 0) < end}
            if not behind:
                return found.of[order_id]
            if asyncio.get_running_loop().time() > until:
                break
            await asyncio.sleep(POLL_S)
        for partition, end in behind.items():
            begin = found.positions.get(partition, 0)
            if await asyncio.to_thread(self._views.ends.has_records, ORDERS, partition, begin, end):
                raise ProblemError("unavailable", headers={"retry-after": "5"})
        return found.of[order_id]

    async def known(self, order_id: str) -> Standing:
        """The same, at once where anything is held: then it is no older than the index is."""
        standing = (await self._views.watchlist.standings([order_id])).of[order_id]
        return standing if standing.held.court is not None else await self.standing(order_id)

    async def told(self, order_id: str, standing: Standing) -> dict[str, Any]:
        """What is told of an order that is held, its own record included while it is in place."""
        marks, lacks = await self._views.marks.of([order_id]), await self._views.lacks()
        order = standing.order
        record = None if order is None else order.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return {**as_object(order_id, standing, marks[order_id], lacks), "order": record}

    async def send(self, order: Order, raw: bytes, standing: Standing) -> None:
        """Send an order that may be sent. One that is held just so is left alone: it was sent before.

        Raises:
            ProblemError: ``documents_refused``, ``invalid``, ``ended``.
        """
        if standing.order == order:
            return
        _refuse_by(decide(standing.held, order).decision)
        checked = await self._documents.checked(order)
        if not all_good(checked):
            raise ProblemError("documents_refused", documents=refused_documents(checked))
        await self._durable(order.id, raw)

    async def release(self, order_id: str, court: str, standing: Standing, key: str, posted: Posted) -> int:
        """Send a release; returns its version. One that is released already stays so, and nothing is sent.

        Raises:
            ProblemError: ``key_reused``.
        """
        self._repeats.refuse_another(f"{court}\0{order_id}\0{key}", posted.reason.encode())
        if standing.held.released:
            return standing.held.version
        version = standing.held.version + ROOM
        record = {
            **(posted.model_extra or {}),
            "id": order_id,
            "version": version,
            "action": "release",
            "issued_at": self._clock(),
            "court": {"code": court},
            "reason": posted.reason,
        }
        await self._durable(order_id, msgspec.json.encode(record))
        return version

    async def page(
        self, court: str, case_number: str | None, after: str | None, limit: int, sees: Callable[[Order], bool]
    ) -> Page:
        """A court's orders in place that somebody may see. There may be fewer than ``limit``, and more after ``next``.

        Raises:
            ValueError: no page ended there.
        """
        items: list[Order] = []
        left = SCANNED_MAX
        while True:
            filed: Filed = await self._views.watchlist.filed(court, case_number, after, min(limit - len(items), left))
            items += [order for order in filed.orders if sees(order)]
            after, left = filed.next, left - len(filed.orders)
            if after is None or len(items) >= limit or left <= 0:
                return Page(items, after)

    async def _durable(self, order_id: str, raw: bytes) -> None:
        async with asyncio.timeout(self._durable_s_max):
            await self._records.send_soon([Record(ORDERS, order_id.encode(), raw)])


def _refuse_by(decision: Decision) -> None:
    if decision is Decision.STALE:
        raise ProblemError("invalid", detail="body.version: an amendment has a higher version than the one held")
    if decision is Decision.REFUSED_AFTER_RELEASE:
        raise ProblemError("ended")
    if not decision.changes:
        raise ProblemError("not_found")
