"""Handing over: a hit whose partition is this worker's own is delivered without being read back from Kafka.

It stands in the topic first. Its record comes to this worker all the same, and is acknowledged when the delivery has ended; a
worker that dies before leaves it to the next one, as ever. That saves a hit one of its three stays in Kafka.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from connectors.kafka.places import Place
from stream.acknowledging import Ours
from stream.core.hit import Hit
from stream.under_way import UnderWay

HANDED_MAX: Final = 1000
"""Hits handed over whose records have not come yet; more are delivered when they come."""
_log = structlog.get_logger("worker")


class Handover:
    """Between those who make hits durable and those who deliver them, within one worker.

    ``deliver`` is given a hit, its place in ``hits``, and whether nobody can have begun with it before.
    """

    def __init__(
        self, topic: str, ours: Ours, under_way: UnderWay, deliver: Callable[[Hit, Place, bool], Awaitable[None]]
    ) -> None:
        self._topic, self._ours, self._under_way, self._deliver = topic, ours, under_way, deliver
        self._came: dict[int, int] = {}
        self._handed: dict[Place, asyncio.Future[bool]] = {}

    def assigned(self) -> None:
        """Partitions have moved: what was handed over goes on, and whatever comes from now on is looked at as it comes."""
        self._came.clear()
        self._handed.clear()

    def offer(self, hit: Hit, place: Place, at_s: float) -> None:
        """A hit is durable at this place since just now. Deliver it, unless it has come already or is another worker's."""
        partition, offset = place
        is_ours = self._ours.has(self._topic, partition)
        if not is_ours or offset <= self._came.get(partition, -1) or len(self._handed) >= HANDED_MAX:
            return
        self._handed[place] = done = asyncio.get_running_loop().create_future()
        first = self._ours.is_first(self._topic, partition, at_s)
        self._under_way.begin(self._hand(hit, place, first, done))

    async def came(self, place: Place) -> bool:
        """The record at this place has come. Whether its hit was handed over; if so, its delivery has ended by now."""
        partition, offset = place
        self._came[partition] = offset
        handed = self._handed.pop(place, None)
        return handed is not None and await handed

    async def _hand(self, hit: Hit, place: Place, first: bool, done: asyncio.Future[bool]) -> None:
        try:
            await self._deliver(hit, place, first)
        except Exception as error:
            # Its record comes yet, and is worked on and, if need be, buried there.
            _log.exception("a hit that was handed over could not be delivered", hit=hit.id, error=type(error).__name__)
            done.set_result(False)
        else:
            done.set_result(True)
        finally:
            if not done.done():
                done.cancel()
