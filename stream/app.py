"""The Faust app of one worker: the screener, the agents, and what they stand on. The only place that acknowledges.

sightings.* --screening--> candidates --resolve--> hits --deliver--> instructions, the court's webhook, receipts
orders      --index writer--> the index, in Redis; endings --withdraw--> withdrawals, instructions taken back
confirmations --confirm--> the stories of hits
incidents   --follow--> the view of incidents, in Redis
orders      --follower--> this worker's filter
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import faust
import msgspec
import structlog

from connectors.kafka.places import Place
from connectors.kafka.topics import CANDIDATES, CONFIRMATIONS, ENDINGS, HITS, INCIDENTS
from matchers.wire import UnreadableError
from stream.acknowledging import InOrder, Ours
from stream.core import incident_record
from stream.core.ending import Ending
from stream.core.hit import Hit
from stream.engine import Engine
from stream.gathering import gathered
from stream.handover import Handover
from stream.services.patience import ledger_answer
from stream.services.resolving import CandidateRecord
from stream.under_way import UnderWay
from stream.wiring import Wiring

RESOLVE_BATCH: Final = 1000
RESOLVING_MAX: Final = 32
"""Batches under way at once in one worker."""
LATE_MAX: Final = 4096
"""Batches that wait for the index in one worker; they hold up no other."""
DELIVERING_MAX: Final = 2000
"""Hits under way at once in one worker; more wait in their topic."""
WITHDRAWING_MAX: Final = 200
"""Orders that have ended or changed, looked through at once in one worker."""
CONFIRMING_MAX: Final = 200
"""Answers of courts taken over at once in one worker."""
FOLLOWING_MAX: Final = 200
"""Steps of incidents taken over at once in one worker."""
_log = structlog.get_logger("worker")


def build_app(wiring: Wiring, folder: Path) -> faust.App:
    """A Faust app for one worker. Nothing is read from the environment here: all settings came in ``wiring``.

    ``folder`` is where Faust may make a folder of its own, which it does although its tables are in memory and there are none.
    """
    kafka = wiring.settings.kafka
    app = faust.App(
        kafka.group("worker"),
        broker=f"aiokafka://{kafka.bootstrap}",
        value_serializer="raw",
        key_serializer="raw",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=0.5,
        # A worker that died is missed after ten seconds: until then its candidates and hits wait.
        broker_session_timeout=10.0,
        broker_heartbeat_interval=2.0,
        broker_rebalance_timeout=15.0,
        broker_max_poll_records=RESOLVE_BATCH,
        stream_wait_empty=False,
        store="memory://",
        datadir=folder / "faust",
        autodiscover=False,
    )
    app.service(type("WiredEngine", (Engine,), {"wiring": wiring}))
    _resolve_agent(app, kafka.topic(CANDIDATES), wiring)
    _deliver_agent(app, kafka.topic(HITS), wiring)
    _agent(app, kafka.topic(ENDINGS), "withdraw", WITHDRAWING_MAX, partial(_withdraw, wiring), wiring.under_way)
    _agent(app, kafka.topic(CONFIRMATIONS), "confirm", CONFIRMING_MAX, partial(_confirm, wiring), wiring.under_way)
    _agent(app, kafka.topic(INCIDENTS), "follow", FOLLOWING_MAX, partial(_follow, wiring), wiring.under_way)
    return app


def _resolve_agent(app: faust.App, topic: str, wiring: Wiring) -> None:
    @app.agent(app.topic(topic, value_type=bytes, key_type=bytes, value_serializer="raw"), name="resolve")
    async def resolve(stream: Any) -> None:
        free, late = asyncio.Semaphore(RESOLVING_MAX), asyncio.Semaphore(LATE_MAX)
        in_order = InOrder(stream.ack)
        # Not take(): it waits for more, and acknowledges a batch whose processing raised, too.
        async with asyncio.TaskGroup() as under_way:
            async for events in gathered(stream.noack().events(), RESOLVE_BATCH):
                await free.acquire()
                for event in events:
                    in_order.came(event)
                under_way.create_task(_resolve(wiring, in_order, events, free, late))


def _deliver_agent(app: faust.App, topic: str, wiring: Wiring) -> None:
    ours = Ours()

    async def hand(hit: Hit, place: Place, first: bool) -> None:
        await wiring.delivering.deliver(hit, place, first=first)

    wiring.handover = handover = Handover(topic, ours, wiring.under_way, hand)

    @app.on_partitions_assigned.connect
    async def assigned(_app: Any, /, *args: Any, signal: Any, **_: Any) -> None:
        del signal  # Faust names it
        ours.assigned((place.topic, place.partition) for place in args[0])
        handover.assigned()
        wiring.ledger_behind.set()

    async def deliver(event: Any) -> None:
        message = event.message
        if not await handover.came((message.partition, message.offset)):
            await _deliver(wiring, event, first=ours.is_first(topic, message.partition, message.timestamp))

    _agent(app, topic, "deliver", DELIVERING_MAX, deliver, wiring.under_way)


def _agent(
    app: faust.App, topic: str, name: str, most: int, work: Callable[[Any], Awaitable[None]], under_way: UnderWay
) -> None:
    """An agent that works on the events of a topic side by side, at most so many at once."""

    @app.agent(app.topic(topic, value_type=bytes, key_type=bytes, value_serializer="raw"), name=name)
    async def agent(stream: Any) -> None:
        await _side_by_side(stream, most, work, under_way)


async def _side_by_side(stream: Any, most: int, work: Callable[[Any], Awaitable[None]], under_way: UnderWay) -> None:
    """Work on events side by side, and acknowledge each when it and all before it are done."""
    free = asyncio.Semaphore(most)
    in_order = InOrder(stream.ack)

    async def one(event: Any) -> None:
        try:
            await work(event)
        finally:
            free.release()
        await in_order.done(event)

    async for event in stream.noack().events():
        await free.acquire()
        in_order.came(event)
        under_way.begin(one(event))


async def _resolve(
    wiring: Wiring, in_order: InOrder, events: list[Any], free: asyncio.Semaphore, late: asyncio.Semaphore
) -> None:
    """One batch of candidates, acknowledged when every hit of it is durable."""
    records = [CandidateRecord(e.message.topic, e.message.partition, e.message.offset, e.value) for e in events]
    held = free
    try:
        if (left := await wiring.resolving.batch(records)) is not None:
            await late.acquire()
            free.release()
            held = late
            await wiring.resolving.again(left)
    except Exception as error:
        _log.exception("a batch of candidates could not be resolved; one by one", error=type(error).__name__)
        for record in records:
            await _resolve_alone(wiring, record)
    held.release()
    for event in events:
        await in_order.done(event)


async def _resolve_alone(wiring: Wiring, record: CandidateRecord) -> None:
    try:
        if (left := await wiring.resolving.batch([record])) is not None:
            await wiring.resolving.again(left)
    except Exception as error:
        # A bug must not hold up every candidate behind this one: it is buried with its reason, and can be sent again.
        _log.exception("a candidate could not be resolved", offset=record.offset, error=type(error).__name__)
        await wiring.bury(*record, "internal_error", type(error).__name__)


async def _deliver(wiring: Wiring, event: Any, *, first: bool) -> None:
    """One hit's story; its record is acknowledged at the end of it, or when the rest of it stands in the ledger."""
    try:
        hit = Hit.model_validate(msgspec.json.decode(event.value))
    except (ValueError, RecursionError):
        _log.error("a hit cannot be read", partition=event.message.partition, offset=event.message.offset)
        await _bury(wiring, event, "invalid_hit", "the record is no hit")
        return
    try:
        await wiring.delivering.deliver(hit, (event.message.partition, event.message.offset), first=first)
    except Exception as error:
        # A bug must not hold up every hit behind this one: it is buried with its reason, and stays in `hits` for ever.
        _log.exception("a hit could not be delivered", hit=hit.id, error=type(error).__name__)
        await _bury(wiring, event, "internal_error", type(error).__name__)


async def _withdraw(wiring: Wiring, event: Any) -> None:
    """All that was told of an order which has ended or changed."""
    try:
        ending = Ending.model_validate(msgspec.json.decode(event.value))
        await wiring.withdrawing.ended(ending, wiring.delivering.again)
    except Exception as error:
        _log.exception("an ending could not be worked on", offset=event.message.offset, error=type(error).__name__)
        await _bury(wiring, event, "internal_error", type(error).__name__)


async def _confirm(wiring: Wiring, event: Any) -> None:
    """What a court answers to one hit."""
    try:
        await wiring.confirming.take(event.value)
    except UnreadableError as error:
        await _bury(wiring, event, error.reason, error.detail)
    except Exception as error:
        _log.exception("a confirmation could not be taken over", offset=event.message.offset, error=type(error).__name__)
        await _bury(wiring, event, "internal_error", type(error).__name__)


async def _follow(wiring: Wiring, event: Any) -> None:
    """One step of an incident, taken over into the view."""
    try:
        record = incident_record.read_record(event.value)
        await ledger_answer(lambda: wiring.incidents.record([record]))
    except UnreadableError as error:
        await _bury(wiring, event, error.reason, error.detail)
    except Exception as error:
        _log.exception("a step of an incident could not be taken over", offset=event.message.offset, error=type(error).__name__)
        await _bury(wiring, event, "internal_error", type(error).__name__)


async def _bury(wiring: Wiring, event: Any, reason: str, detail: str) -> None:
    await wiring.bury(event.message.topic, event.message.partition, event.message.offset, event.value, reason, detail)
