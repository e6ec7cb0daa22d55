"""Taking orders in: what courts send to ``intake`` goes on to ``orders`` only with the documents that its court sealed.

At least once: what was judged is durable, in ``orders`` or ``deadletters``, before it is acknowledged, and comes again after a
crash. A repeat changes nothing in ``orders``. Trouble of our own (no storage, no trust store, no index) is no verdict: it is
waited out, and nothing is skipped.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.documents.trust import TrustError
from connectors.kafka.clients import PATIENT, Fetched, consumer, fetch
from connectors.kafka.deadletters import dead_letter
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import INTAKE, ORDERS
from connectors.redis.errors import IndexUnavailableError
from matchers.wire import UnreadableError
from stream import metrics
from stream.core.sealed_order import Documents, all_good, documents_of, refusal
from stream.core.seals import DocumentError, SealVerifier
from stream.services.resolving import send_for_sure
from watchlists.index import WatchlistIndex
from watchlists.lifecycle import SAYS, UNKNOWN, Held, decide
from watchlists.order import Order, Release, read_order

GROUP: Final = "intake"
BATCH: Final = 50
"""Few enough that even costly documents let the group know in time that this member lives."""
POLL_S: Final = 0.2
RETRY_S: Final = 2.0
DOCUMENTS_REFUSED: Final = "documents_refused"
_TROUBLE: Final = (OSError, DocumentError, TrustError, IndexUnavailableError)
_log = structlog.get_logger("intake")


class Refused(NamedTuple):
    """Why a record is buried: a short code, and in words, without anything of the subject."""

    reason: str
    detail: str


class Intake:
    """One member of the group that reads ``intake``."""

    def __init__(
        self,
        kafka: KafkaSettings,
        records: Records,
        index: WatchlistIndex,
        documents: Documents,
        verifier: SealVerifier,
        clock: Callable[[], dt.datetime],
        threads: int,
    ) -> None:
        """``threads``: records whose documents are looked at at once."""
        self._kafka, self._records, self._index = kafka, records, index
        self._documents, self._verifier, self._clock = documents, verifier, clock
        self._pool = ThreadPoolExecutor(threads, "intake")
        self._reader = ThreadPoolExecutor(1, "intake-reader")
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Take records in until stopped."""
        loop = asyncio.get_running_loop()
        client = consumer(self._kafka, GROUP, **PATIENT)
        client.subscribe([self._kafka.topic(INTAKE)])
        try:
            while not self._stopping.is_set():
                messages = await loop.run_in_executor(self._reader, fetch, client, BATCH, POLL_S)
                if messages and not await self._take(messages):
                    break  # told to stop while trouble lasts: what was not judged comes again
                if messages:
                    await loop.run_in_executor(self._reader, self._acknowledge, client, messages)
        finally:
            await loop.run_in_executor(self._reader, client.close)
            self._reader.shutdown(wait=False)
            self._pool.shutdown(wait=False, cancel_futures=True)

    def stop(self) -> None:
        self._stopping.set()

    async def _take(self, messages: Sequence[Fetched]) -> bool:
        """Judge records and send each where it belongs, in their sequence; False: stopped before that was done."""
        judged = await asyncio.gather(*(self._judged(message.value() or b"") for message in messages))
        told = [(message, one) for message, one in zip(messages, judged, strict=True) if one is not None]
        if len(told) < len(messages):
            return False
        await send_for_sure(self._records, [self._sent(*pair) for pair in told])
        return True

    async def _judged(self, raw: bytes) -> Order | Release | Refused | None:
        """What a record is, once it can be told; None: stopped before."""
        while not self._stopping.is_set():
            try:
                return await self._judge(raw)
            except _TROUBLE as error:
                _log.warning("cannot judge; trying again", error=type(error).__name__, detail=str(error))
                await asyncio.sleep(RETRY_S)
        return None

    async def _judge(self, raw: bytes) -> Order | Release | Refused:
        try:
            record = read_order(raw)
        except UnreadableError as error:
            return Refused(error.reason, error.detail)
        decision = decide(await self._held(record.id), record).decision
        if decision.refused:
            return Refused(decision.value, SAYS[decision])
        if isinstance(record, Release):
            return record
        loop = asyncio.get_running_loop()
        checked = await loop.run_in_executor(self._pool, documents_of, record, self._documents, self._verifier)
        return record if all_good(checked) else Refused(DOCUMENTS_REFUSED, refusal(checked))

    async def _held(self, order_id: str) -> Held:
        """What is held of an id, as far as the index is. ``orders`` itself is judged once more by whoever applies it."""
        standing = (await self._index.standings([order_id])).of.get(order_id)
        return UNKNOWN if standing is None else standing.held

    def _sent(self, message: Fetched, judged: Order | Release | Refused) -> Record:
        raw = message.value() or b""
        if isinstance(judged, Refused):
            metrics.intake_records.labels(judged.reason).inc()
            place = (message.topic(), message.partition(), message.offset())
            return dead_letter(*place, self._clock(), judged.reason, judged.detail, raw)
        metrics.intake_records.labels("sent").inc()
        return Record(ORDERS, judged.id.encode(), raw)  # under its own id, whatever key it came with

    def _acknowledge(self, client: Consumer, messages: Sequence[Fetched]) -> None:
        ends: dict[int, int] = {}
        for message in messages:
            ends[message.partition()] = message.offset() + 1
        places = [TopicPartition(self._kafka.topic(INTAKE), partition, end) for partition, end in ends.items()]
        try:
            client.commit(offsets=places, asynchronous=False)
        except KafkaException as error:  # the partitions are another's by now, who judges the records once more
            _log.warning("not acknowledged", detail=str(error))
