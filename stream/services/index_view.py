"""The index as a view of ``orders``: what is refused is owed to the dead letters, what ended to those who were told of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import structlog

from connectors.kafka.clients import Fetched
from connectors.kafka.records import Record
from connectors.kafka.topics import ENDINGS, ORDERS
from connectors.redis.errors import ViewUnavailableError
from matchers.wire import UnreadableError
from stream import metrics
from stream.core.ending import Ending
from stream.services.views import Owed, refusal
from watchlists.glance import glance
from watchlists.index import Logged, WatchlistIndex
from watchlists.lifecycle import SAYS, decide
from watchlists.order import Release

INDEX: Final = "index"
"""The consumer group of its writers."""
_log = structlog.get_logger("index")


class Applied(NamedTuple):
    """A record that has taken effect in the index, at ``indexed_at``; ``arrived_at`` is Kafka's time of it."""

    partition: int
    offset: int
    order_id: str
    version: int
    action: str
    arrived_at: dt.datetime
    indexed_at: dt.datetime


class _Read(NamedTuple):
    message: Fetched
    logged: Logged


class TakesOrders:
    """Orders into the index."""

    topics: tuple[str, ...] = (ORDERS,)

    def __init__(
        self,
        index: WatchlistIndex,
        on_applied: Callable[[Sequence[Applied]], None],
        hits_of: Callable[[Sequence[str]], Awaitable[Mapping[str, Sequence[str]]]],
    ) -> None:
        """``hits_of``: the hits of orders that anything was done for, as the ledger has them."""
        self._index, self._on_applied, self._hits_of = index, on_applied, hits_of

    async def positions(self, topic: str) -> Mapping[int, int]:  # noqa: ARG002
        return await self._index.positions()

    async def take(self, topic: str, partition: int, start: int, messages: Sequence[Fetched]) -> list[Owed]:  # noqa: ARG002
        readable, owed = _read(messages)
        end = messages[-1].offset() + 1
        decisions = await self._index.apply(partition, start, end, [one.logged for one in readable])
        indexed_at = dt.datetime.now(dt.UTC)
        applied, ended = list[Applied](), list[_Read]()
        for one, decision in zip(readable, decisions, strict=True):
            metrics.orders_indexed.labels(decision.value).inc()
            record = one.logged.record
            if decision.refused:
                owed.append(refusal(one.message, decision.value, SAYS[decision]))
            elif decision.changes:
                if record.action != "place":
                    ended.append(one)
                arrived_at = dt.datetime.fromtimestamp(one.message.timestamp()[1] / 1000, dt.UTC)
                what = (record.id, record.version, record.action)
                applied.append(Applied(partition, one.message.offset() + 1, *what, arrived_at, indexed_at))
        self._on_applied(applied)
        return owed + await self._endings(ended)

    async def owed(self, topic: str, messages: Sequence[Fetched]) -> list[Owed]:  # noqa: ARG002
        readable, owed = _read(messages)
        standings = (await self._index.standings([one.logged.record.id for one in readable])).of
        for one in readable:
            decision = decide(standings[one.logged.record.id].held, one.logged.record).decision
            if decision.refused:
                owed.append(refusal(one.message, decision.value, SAYS[decision]))
            elif one.logged.record.action != "place":
                owed.append(_ending(one))
        return owed

    async def _endings(self, ended: Sequence[_Read]) -> list[Owed]:
        """Of orders that ended or changed, those that anybody was told of: few. Asked once the index has their end, since
        whoever delivers looks back at the index once the ledger has what was told."""
        if not ended:
            return []
        try:
            told = await self._hits_of([one.logged.record.id for one in ended])
        except ViewUnavailableError as error:
            _log.warning("the ledger does not answer; every ending is looked into later", detail=str(error))
            return [_ending(one) for one in ended]
        return [_ending(one) for one in ended if told[one.logged.record.id]]


def _read(messages: Sequence[Fetched]) -> tuple[list[_Read], list[Owed]]:
    readable, refused = list[_Read](), list[Owed]()
    for message in messages:
        raw = message.value() or b""
        try:
            readable.append(_Read(message, Logged(glance(raw), raw)))
        except UnreadableError as error:
            refused.append(refusal(message, error.reason, error.detail))
    return readable, refused


def _ending(one: _Read) -> Owed:
    record = one.logged.record
    ending = Ending(
        order_id=record.id,
        version=record.version,
        court=record.court.code,
        action="release" if record.action == "release" else "amend",
        reason=record.reason if isinstance(record, Release) else None,
        at=dt.datetime.now(dt.UTC),
    )
    return Owed(one.message.offset(), Record(ENDINGS, record.id.encode(), msgspec.json.encode(ending.model_dump(mode="json"))))
