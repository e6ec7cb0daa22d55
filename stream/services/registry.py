"""The registry's side of the fast query: questions from the log, answers onto it, at least once.

Questions are worked on side by side; each partition is committed up to the first question that is not answered yet. What is
looked up is on the audit record before it is.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka.clients import PATIENT, Fetched, consumer, fetch
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import QUERIES, QUERY_ANSWERS
from connectors.police.answering import Answering
from matchers.wire import UnreadableError
from stream import metrics
from stream.core.audit.record import Audit, AuditUnavailableError, Entry, What, Who
from stream.core.question import Answer, Question, read_question
from stream.services.resolving import send_for_sure

POLL_S: Final = 0.2
RETRY_S: Final = 0.5
LEAVE_S: Final = 5.0
GROUP: Final = "registry"
_log = structlog.get_logger("registry")


class Done:
    """Which questions of each partition are done, and how far in order that is."""

    def __init__(self) -> None:
        self._open: dict[int, dict[int, bool]] = {}
        """Offsets in the order in which they came, a partition."""

    def came(self, partition: int, offset: int) -> None:
        self._open.setdefault(partition, {})[offset] = False

    def done(self, partition: int, offset: int) -> int | None:
        """Note one; returns the offset to commit where that moved, which is after all that are done from the first on."""
        of_partition = self._open.get(partition, {})
        if offset not in of_partition:  # the partition was given away meanwhile
            return None
        of_partition[offset] = True
        moved = None
        while of_partition and of_partition[first := next(iter(of_partition))]:
            del of_partition[first]
            moved = first + 1
        return moved

    def forget(self, partition: int) -> None:
        self._open.pop(partition, None)


class RegistryService:
    """Answers the questions of the partitions that this process has."""

    def __init__(self, kafka: KafkaSettings, answering: Answering, records: Records, audit: Audit, in_flight_max: int) -> None:
        self._kafka, self._answering, self._records, self._audit = kafka, answering, records, audit
        self._free = asyncio.Semaphore(in_flight_max)
        self._pool = ThreadPoolExecutor(1, "registry")
        self._done = Done()
        self._under_way: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def run(self, ready: Callable[[], object] = lambda: None) -> None:
        """Answer until stopped; ``ready`` is called once this process has partitions."""
        loop = asyncio.get_running_loop()

        def assigned(_client: Consumer, _places: list[TopicPartition]) -> None:
            loop.call_soon_threadsafe(ready)

        client = consumer(self._kafka, GROUP, **PATIENT)
        client.subscribe(
            [self._kafka.topic(QUERIES)],
            on_assign=assigned,
            on_revoke=self._on_revoke,
        )
        try:
            while not self._stopping:
                for message in await loop.run_in_executor(self._pool, fetch, client, 1, POLL_S):
                    await self._free.acquire()
                    self._done.came(message.partition(), message.offset())
                    self._begin(client, message)
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=LEAVE_S)
        finally:
            for task in self._under_way:
                task.cancel()
            await loop.run_in_executor(self._pool, client.close)
            self._pool.shutdown(wait=False)

    def stop(self) -> None:
        self._stopping = True

    def _begin(self, client: Consumer, message: Fetched) -> None:
        task = asyncio.create_task(self._one(client, message))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _one(self, client: Consumer, message: Fetched) -> None:
        try:
            await self._answered(message.value() or b"", message.offset())
        finally:
            self._free.release()
        place = (message.partition(), message.offset())
        if (moved := self._done.done(*place)) is not None:
            try:
                topic = self._kafka.topic(QUERIES)
                client.commit(offsets=[TopicPartition(topic, message.partition(), moved)], asynchronous=True)
            except KafkaException as error:
                _log.warning("what was answered is not committed, and will be again", reason=str(error.args[0]))

    async def _answered(self, raw: bytes, offset: int) -> None:
        try:
            question = read_question(raw)
        except UnreadableError as error:
            _log.error("a question cannot be read; its court buries it", reason=error.reason, offset=offset)
            return
        await self._on_record(question)
        answer = await self._answering.answer(question)
        metrics.registry_questions.labels(question.category.value, answer.outcome).inc()
        await send_for_sure(self._records, [_record(answer)])
        _log.info("answered", query=question.id, category=question.category.value, outcome=answer.outcome)

    async def _on_record(self, question: Question) -> None:
        """Nothing is looked up before it is on the record; while that is away, the question waits."""
        entry = _entry(question)
        while True:
            try:
                await self._audit.write(entry)
            except AuditUnavailableError:
                _log.error("the audit record cannot be written; a question waits", query=question.id)
                await asyncio.sleep(RETRY_S)
            else:
                return

    def _on_revoke(self, _client: Consumer, places: list[TopicPartition]) -> None:
        for place in places:
            self._done.forget(place.partition)


def _record(answer: Answer) -> Record:
    return Record(QUERY_ANSWERS, answer.court.encode(), answer.model_dump_json(exclude_none=True).encode())


def _entry(question: Question) -> Entry:
    return Entry(
        who=Who(
            kind="court",
            id=question.court,
            credential=question.asker.credential or None,
            on_behalf_of=question.asker.name,
        ),
        operation="answer_query",
        object=What(kind="query", id=question.id),
        purpose=question.purpose,
        outcome="begun",
        detail=f"{question.asks}: {question.category} of a {question.role} by {question.article}",
        request_id=question.id,
    )


def now() -> dt.datetime:
    """This process's clock."""
    return dt.datetime.now(dt.UTC)
