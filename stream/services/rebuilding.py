"""Rebuilding views: the ledger from ``receipts``, what is known of endpoints from ``reachability``, incidents from theirs.

Done when a worker finds them empty or behind, and by ``chakong rebuild``.

The index needs no such thing: its writer goes on from the index's own positions, which are gone when it was wiped.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

import msgspec
import structlog
from pydantic import ValidationError

from connectors.kafka.clients import at, consumer, end_offsets, fetch, partitions_of, start_offsets
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import INCIDENTS, REACHABILITY, RECEIPTS
from connectors.redis.incidents import IncidentsView
from connectors.redis.reachability import ANSWERED_WITHIN, ReachabilityView
from matchers.wire import UnreadableError
from stream.core import incident_record
from stream.core.delivery import Receipt
from stream.core.incident_record import IncidentRecord
from stream.core.ports import Ledger, ViewMovedError
from stream.core.reachability import ReachRecord, read_record

BATCH: Final = 200
"""Receipts at once: what else goes on in the worker waits for no more than these."""
POLL_S: Final = 0.2
R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)
_log = structlog.get_logger("rebuilding")


async def rebuild_reachability(kafka: KafkaSettings, view: ReachabilityView) -> int:
    """Take over every record of tests that the view does not hold yet, of the last 30 days; returns how many were read."""
    return await _rebuild(kafka, REACHABILITY, view, _test, dt.datetime.now(dt.UTC) - ANSWERED_WITHIN)


async def rebuild_incidents(kafka: KafkaSettings, view: IncidentsView) -> int:
    """Take over every step of incidents that the view does not hold yet; returns how many were read."""
    return await _rebuild(kafka, INCIDENTS, view, _step, None)


class _View(Protocol[R_contra]):
    """A view that takes records in any order, and any of them twice: so several workers may rebuild it at once."""

    async def record(self, records: Sequence[R_contra]) -> None: ...

    async def positions(self) -> dict[int, int]: ...

    async def moved(self, partition: int, offset: int) -> None: ...


async def _rebuild(
    kafka: KafkaSettings, name: str, view: _View[R], read_one: Callable[[bytes], R | None], since: dt.datetime | None
) -> int:
    """From where the view stands, or from a moment on where that is later, to where the topic ended when this began."""
    client = consumer(kafka, name)
    topic, read = kafka.topic(name), 0
    try:
        partitions = await asyncio.to_thread(partitions_of, client, kafka, name)
        ends = await asyncio.to_thread(end_offsets, client, topic, partitions)
        starts = dict.fromkeys(partitions, 0)
        if since is not None:
            starts = await asyncio.to_thread(start_offsets, client, topic, partitions, since)
        stands = starts | {p: offset for p, offset in (await view.positions()).items() if starts[p] < offset <= ends[p]}
        client.assign([at(topic, partition, offset) for partition, offset in stands.items()])
        while any(stands[partition] < ends[partition] for partition in partitions):
            messages = await asyncio.to_thread(fetch, client, BATCH, POLL_S)
            await view.record([record for message in messages if (record := read_one(message.value() or b"")) is not None])
            for message in messages:
                stands[message.partition()] = message.offset() + 1
            read += len(messages)
        for partition, offset in stands.items():
            await view.moved(partition, offset)
    finally:
        await asyncio.to_thread(client.close)
    return read


async def rebuild_ledger(kafka: KafkaSettings, ledger: Ledger) -> int:
    """Take over every receipt that the view does not hold yet, and say that it is whole; returns how many were read."""
    read = [await _partition(kafka, ledger, partition) for partition in await asyncio.to_thread(_partitions, kafka)]
    if None not in read:
        await ledger.mark_whole()
    return sum(count or 0 for count in read)


def _partitions(kafka: KafkaSettings) -> list[int]:
    client = consumer(kafka, "ledger")
    try:
        return partitions_of(client, kafka, RECEIPTS)
    finally:
        client.close()


async def _partition(kafka: KafkaSettings, ledger: Ledger, partition: int) -> int | None:
    """One partition, from where the view stands to where the topic ended when this began; None: another worker is at it."""
    topic = kafka.topic(RECEIPTS)
    client = consumer(kafka, "ledger")
    read = 0
    try:
        end = (await asyncio.to_thread(end_offsets, client, topic, [partition]))[partition]
        stands = (await ledger.positions()).get(partition, 0)
        client.assign([at(topic, partition, stands)])
        while stands < end:
            messages = await asyncio.to_thread(fetch, client, BATCH, POLL_S)
            if not messages:
                continue
            following = messages[-1].offset() + 1
            receipts = [receipt for message in messages if (receipt := _read(message.value() or b"")) is not None]
            await ledger.record_from(partition, stands, following, receipts)
            stands, read = following, read + len(messages)
    except ViewMovedError:
        _log.info("another worker rebuilds the ledger", partition=partition)
        return None
    finally:
        await asyncio.to_thread(client.close)
    return read


def _step(raw: bytes) -> IncidentRecord | None:
    try:
        return incident_record.read_record(raw)
    except UnreadableError as error:
        _log.error("a step of an incident cannot be read; the view is built without it", reason=error.reason)
        return None


def _test(raw: bytes) -> ReachRecord | None:
    try:
        return read_record(raw)
    except UnreadableError as error:
        _log.error("a record of a test cannot be read; the view is built without it", reason=error.reason)
        return None


def _read(raw: bytes) -> Receipt | None:
    try:
        return Receipt.model_validate(msgspec.json.decode(raw))
    except (ValidationError, msgspec.DecodeError, UnicodeDecodeError):
        _log.error("a receipt cannot be read; the view is built without it")
        return None
