"""Noticing: a court's endpoint fails, is gone or has recovered, and both sides are told.

The engine's side is told by the topic ``notices``, of every change that a worker sees. The court is told once, whichever
workers see it: they note it in one record (``core/outage.py``), and whoever claims what is owed tells it. What nobody took is
still owed by the record, as is what a worker that left was to tell: each worker looks for it every few seconds. No delivery
waits for any of this.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Final

import msgspec
import structlog

from connectors.courts.channels import Channels
from connectors.courts.endpoint import ANY_COURT, Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import NOTICES
from connectors.redis.endpoints import GoneEndpoints, Outages, RestingEndpoints
from connectors.redis.errors import ViewUnavailableError
from stream import metrics
from stream.core import outage as outages
from stream.core.health import Change, Health
from stream.core.notice import Kind, Notice, Place, kind_of, notice
from stream.core.notification import endpoint_notification
from stream.core.outage import Decision, Outage, Why
from stream.services.courier import LAST, Courier, always
from stream.services.resolving import send_for_sure
from stream.under_way import UnderWay

LOOK_EVERY_S: Final = 5.0
TELL_S: Final = 90.0
"""How long telling may take, queues included: less than a claim lasts."""
LOOKED_AT_MAX: Final = 2000
"""Hits of the ledger that are looked at to count those that wait for a court."""
UNNOTED_MAX: Final = 1000
"""Changes that wait while Redis is away; of more, the oldest are told by the topic alone."""
_log = structlog.get_logger("noticing")


class Noticing:
    """What one worker does about changes of the endpoints' health."""

    def __init__(
        self,
        worker: str,
        endpoints: Endpoints,
        channels: Channels,
        courier: Courier,
        records: Records,
        stores: tuple[GoneEndpoints, RestingEndpoints, Outages],
        waiting: Callable[[int], Awaitable[Counter[str]]],
        clock: Callable[[], dt.datetime],
    ) -> None:
        """``waiting`` counts the hits that wait, by court, among so many."""
        self._worker, self._endpoints, self._channels = worker, endpoints, channels
        self._courier, self._records, self._waiting, self._clock = courier, records, waiting, clock
        self._gone, self._resting, self._outages = stores
        self._in_order = asyncio.Lock()
        self._unnoted: Final[deque[tuple[Endpoint, Kind, Change]]] = deque(maxlen=UNNOTED_MAX)
        self._said_resting = False
        self._stopping = False
        self.under_way = UnderWay()

    def changed(self, endpoint: Endpoint, change: Change) -> None:
        """An endpoint's health changed. Returns at once: an attempt waits for it."""
        metrics.endpoint_changes.labels(change.after.value).inc()
        _log.warning("an endpoint's health changed", court=endpoint.court, endpoint=endpoint.redacted, state=change.after.value)
        kind = kind_of(change.before, change.after)
        if kind is not None:
            told = notice(_place(endpoint), kind, change, self._worker)
            self.under_way.begin(send_for_sure(self._records, [_record(told)]))
            self.under_way.begin(self._note(endpoint, kind, change))

    async def run(self) -> None:
        """Look what is owed, until stopped."""
        while not self._stopping:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    def stop(self) -> None:
        self._stopping = True

    async def leave(self, within_s: float) -> int:
        """Finish what is under way, and say nothing of resting endpoints any more. Returns how much was left to others."""
        left = await self.under_way.end(within_s)
        try:
            await self._resting.say(self._worker, {})
        except ViewUnavailableError as error:  # what it said ends by itself
            _log.warning("what rests here was not taken back", detail=str(error))
        return left

    async def look(self) -> None:
        """Say what rests here, note what was not noted, and tell what is owed; that is begun with, and not waited for."""
        try:
            await self._say_resting()
            while self._unnoted:
                self.under_way.begin(self._note(*self._unnoted.popleft()))
            standing = await self._outages.all()
            seen = _digests((await self._resting.said()).values()) if standing else frozenset()
            gone = await self._gone.disabled() if standing else frozenset()
            for digest, outage in standing.items():
                await self._look_at(digest, outage, seen, gone)
        except ViewUnavailableError as error:
            _log.warning("the endpoints' outages cannot be looked at; what is owed waits", detail=str(error))

    async def _look_at(self, digest: str, outage: Outage, seen: frozenset[str], gone: frozenset[str]) -> None:
        now, endpoint = self._clock(), self._endpoints.named(digest)
        lifted = outage.kind is Kind.GONE and digest not in gone and now - outage.noted_at >= outages.UNSEEN_AFTER
        if lifted or outages.is_forgotten(outage, now):
            await self._outages.update(digest, lambda stands: None if stands == outage else stands)
        elif endpoint is not None and outages.decide(outage, now, is_seen=digest in seen).kind is not None:
            self.under_way.begin(self._tell(endpoint, is_seen=digest in seen))

    async def _say_resting(self) -> None:
        resting = self._channels.resting()
        if resting or self._said_resting:
            await self._resting.say(self._worker, resting)
            self._said_resting = bool(resting)

    async def _note(self, endpoint: Endpoint, kind: Kind, change: Change) -> None:
        """Note a change, in the order of the changes, and tell the court what it is owed by that."""
        try:
            async with self._in_order:
                await self._say_resting()
                await self._outages.update(endpoint.digest, lambda stands: outages.noted(stands, kind, change))
        except ViewUnavailableError as error:
            self._unnoted.append((endpoint, kind, change))
            _log.warning("a change of an endpoint's health waits to be noted", detail=str(error))
            return
        await self._tell(endpoint, is_seen=True)

    async def _tell(self, endpoint: Endpoint, *, is_seen: bool) -> None:
        """Tell the court what it is owed, if no other worker does."""
        digest = endpoint.digest
        try:
            outage, decision = await self._claim(digest, is_seen=is_seen)
            if outage is None or decision.kind is None:
                return
            try:
                took = await self._sent(endpoint, outage, decision.kind, alone=decision.why is Why.UNSEEN)
            except asyncio.CancelledError:  # this worker leaves: another need not wait for the claim to end
                await self._outages.update(digest, lambda stands: None if stands is None else outages.let_go(stands))
                raise
            await self._outages.update(digest, partial(self._after, decision, took))
            metrics.endpoint_news.labels(decision.kind.value, "told" if took else "not_told").inc()
        except ViewUnavailableError as error:  # the claim ends by itself, and the news is owed again
            _log.warning("the news of an endpoint's health waits", court=endpoint.court, detail=str(error))

    async def _claim(self, digest: str, *, is_seen: bool) -> tuple[Outage | None, Decision]:
        decision = Decision(None, Why.TOLD)

        def claim(stands: Outage | None) -> Outage | None:
            nonlocal decision
            now = self._clock()
            decision = Decision(None, Why.TOLD) if stands is None else outages.decide(stands, now, is_seen=is_seen)
            return stands if stands is None or decision.kind is None else outages.claimed(stands, now)

        outage = await self._outages.update(digest, claim)
        return outage, decision

    def _after(self, decision: Decision, took: bool, stands: Outage | None) -> Outage | None:
        if stands is None or decision.kind is None:
            return stands
        if not took:
            return outages.not_told(stands, self._clock())
        return outages.told(stands, decision.kind, self._clock(), proved=decision.why is Why.UNSEEN)

    async def _sent(self, endpoint: Endpoint, outage: Outage, kind: Kind, *, alone: bool) -> bool:
        """Whether the court's other endpoints or its inbox took the news; of a recovery, first the endpoint itself."""
        others = self._endpoints.beside(endpoint)
        inbox = [other for other in others if other.channel == "inbox"][:1]
        way = [other for other in others if other.channel != "inbox"]
        waiting = await self._waits_for(endpoint)
        news = endpoint_notification(_place(endpoint), outage, kind, waiting=waiting, at=self._clock())
        if kind is Kind.RECOVERED:
            way = [endpoint] if alone else [endpoint, *way]
        try:
            async with asyncio.timeout(TELL_S):
                told = await self._courier.round(news, way, always, LAST)
                if alone and not told.delivered:
                    return False
                stored = await self._courier.round(news, inbox, always, LAST)
        except TimeoutError:
            return False
        return told.delivered or stored.delivered

    async def _waits_for(self, endpoint: Endpoint) -> int | None:
        """Hits that wait for the court; None for endpoints that are of no single court, or not told of hits at first."""
        if endpoint.level != "handler" or endpoint.court == ANY_COURT:
            return None
        return (await self._waiting(LOOKED_AT_MAX))[endpoint.court]


def _place(endpoint: Endpoint) -> Place:
    return Place(endpoint.court, endpoint.level, endpoint.channel, endpoint.redacted)


def _record(told: Notice) -> Record:
    return Record(NOTICES, told.court.encode(), msgspec.json.encode(told.model_dump(mode="json")))


def _digests(of_workers: Iterable[Mapping[str, Health]]) -> frozenset[str]:
    return frozenset(digest for resting in of_workers for digest in resting)
