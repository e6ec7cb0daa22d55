"""Checks as the door answers them: read, looked up, judged and made hits of as sightings are; but never by an index in doubt.

Resolving waits for an index that is behind. A desk waits for a second at most, so what cannot be relied on is said.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

import msgspec
import structlog

from connectors.door.checks import Found
from connectors.kafka.ends import Ends
from connectors.kafka.errors import KafkaError
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ORDERS
from connectors.redis.errors import IndexUnavailableError
from matchers.keys import Key
from matchers.sighting import TOPIC_OF_KIND, Sighting
from stream import metrics
from stream.core.check import CannotSayError, Check, Unsaid, answer, read_check
from stream.core.currency import Currency
from stream.core.ports import ProvincialRules
from stream.core.resolve import resolve
from stream.services.reached import Reached
from stream.together import Together
from watchlists.index import Lookup, WatchlistIndex
from watchlists.order import Order
from watchlists.policy import Policy
from watchlists.rules import judged_at

ASK_ENDS_EVERY_S: Final = 0.2
STOP_S: Final = 2.0
_log: Final = structlog.get_logger("checking")
_answered: Final = cache(metrics.door_checks.labels)


class Checking:
    """Answers checks; the door's ``Checks``. To be used on one event loop, while ``LogEnds`` follows."""

    def __init__(
        self,
        index: WatchlistIndex,
        rules: ProvincialRules,
        records: Records,
        currency: Currency,
        clock: Callable[[], dt.datetime],
        wait_s_max: float,
        durable_s_max: float,
    ) -> None:
        self._rules, self._records, self._currency, self._clock = rules, records, currency, clock
        self._wait_s_max, self._durable_s_max = wait_s_max, durable_s_max
        self._index: Final = index
        self._reached = Reached(currency.first)
        self._lookup = Together(self._ask)

    async def find(self, check: Check) -> Found:
        sighting = read_check(check, self._clock())
        try:
            orders, policy, now = await self._known(sighting)
        except CannotSayError as error:
            _answered("cannot_say", error.reason).inc()
            raise
        found = answer(sighting, resolve(sighting, orders, policy, now), policy, now)
        _answered(found.answer, "none" if found.instruction is None else found.instruction.instruction).inc()
        return Found(found, sighting)

    async def keep(self, found: Found) -> None:
        sighting = found.sighting
        record = Record(TOPIC_OF_KIND[sighting.kind], sighting.station.code.encode(), msgspec.json.encode(sighting.fields))
        async with asyncio.timeout(self._durable_s_max):
            await self._records.send_soon([record])

    async def _known(self, sighting: Sighting) -> tuple[Sequence[Order], Policy, dt.datetime]:
        """The orders that share a key with a sighting, and the rules that judge it; complete until the moment that is given.

        Raises:
            CannotSayError: the index or the rules are not known well enough, or not in time.
        """
        waits_for: Unsaid = "index_away"
        try:
            async with asyncio.timeout(self._wait_s_max):
                found = await self._relied_on(sighting.keys())
                waits_for, now = "rules_unknown", self._clock()
                rules = await self._rules.up_to(now)
        except TimeoutError:
            raise CannotSayError(waits_for) from None
        return found.orders, rules.at(judged_at(sighting.occurred_at, now)), now

    async def _relied_on(self, keys: Sequence[Key]) -> Lookup:
        """What the index holds of the keys.

        Raises:
            CannotSayError: it does not answer, or it may lack an order, or the release of one.
        """
        try:
            asked_at_s, found = await self._lookup(keys)
        except IndexUnavailableError:
            raise CannotSayError("index_away") from None
        if (doubt := self._currency.doubt(found.positions, asked_at_s)) is not None:
            raise CannotSayError(doubt)
        if not await self._reached.is_whole(found.positions):
            raise CannotSayError("rebuilding")
        return found

    async def _ask(self, keys: Sequence[Key]) -> tuple[float, Lookup]:
        """Checks that came while a look-up was under way are one look-up: each judges the orders of all, and hits its own."""
        return time.monotonic(), await self._index.lookup(list(dict.fromkeys(keys)))


class LogEnds:
    """Asks again and again how far ``orders`` goes, and tells ``Currency``; where Kafka does not say, doubt grows by itself.

    The index is asked first: one that is further than the log is of another.
    """

    def __init__(self, settings: KafkaSettings, index: WatchlistIndex, currency: Currency) -> None:
        self._index, self._currency = index, currency
        self._ends: Final = Ends(settings)
        self._stopping: Final = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Know the ends once, and follow them from then on.

        Raises:
            KafkaUnreachableError, TopicError: Kafka does not say.
        """
        await self._look()
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stop; a question that Kafka does not answer is not waited for, and its client is left to the end of the process."""
        self._stopping.set()
        if self._following is None or (await asyncio.wait([self._following], timeout=STOP_S))[0]:
            await asyncio.to_thread(self._ends.close)

    async def _follow(self) -> None:
        while not await self._stopped_within(ASK_ENDS_EVERY_S):
            try:
                await self._look()
            except KafkaError as error:
                _log.warning("the ends of orders are not known; checks are not answered", error=type(error).__name__)

    async def _stopped_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    async def _look(self) -> None:
        try:
            indexed = await self._index.positions()
        except IndexUnavailableError:
            indexed = None
        asked_at_s = time.monotonic()
        ends = await asyncio.to_thread(self._ends.now, ORDERS)
        self._currency.know(ends, asked_at_s, indexed)
