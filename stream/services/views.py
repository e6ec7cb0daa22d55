"""Views of topics that are applied in batches with their positions: the feeds, and where questions and answers stand.

The views' own positions say where to go on, not the group's commits: a Redis that was wiped is filled again from there. The
commits only say which refusals have been buried already.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol, cast

import structlog

from connectors.kafka.clients import Fetched, at, consumer, end_offsets, partitions_of
from connectors.kafka.deadletters import dead_letter
from connectors.kafka.records import Record
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import QUERIES, QUERY_ANSWERS
from connectors.redis.feeds import FEEDS, FeedsView, Written
from connectors.redis.queries import Place, QueriesView
from matchers.keys import KeyHasher
from matchers.wire import UnreadableError
from stream import metrics
from stream.core.ports import ViewMovedError
from stream.core.question import Answer, Question, content_of, read_answer, read_question

VIEWS: Final = "views"
"""The consumer group of the writers of these."""
BATCH: Final = 200
"""Records at once: hits wait for no more than these, on the event loop and in Redis."""
POLL_S: Final = 0.05
OTHER_COURT: Final = "other_court"
_OTHER_COURT_SAYS: Final = "only the court that put a record may change it"
_log = structlog.get_logger("views")


class Owed(NamedTuple):
    """A record that is to be stored because of another one, at this offset; ``refused``: it says why the view has it not."""

    offset: int
    record: Record
    refused: str | None = None


def refusal(message: Fetched, reason: str, detail: str) -> Owed:
    """The dead letter of a record that a view does not take."""
    place = (message.topic(), message.partition(), message.offset())
    letter = dead_letter(*place, dt.datetime.now(dt.UTC), reason, detail, message.value() or b"")
    return Owed(message.offset(), letter, reason)


class View(Protocol):
    """A view of some topics. ``take`` applies a batch of one partition, and moves its position with it."""

    topics: tuple[str, ...]

    async def positions(self, topic: str) -> Mapping[int, int]: ...

    async def take(self, topic: str, partition: int, start: int, messages: Sequence[Fetched]) -> list[Owed]:
        """What is owed for them. Raises RedisError, and IndexMovedError or ViewMovedError: it is not at ``start``."""

    async def owed(self, topic: str, messages: Sequence[Fetched]) -> list[Owed]:
        """What is owed for these records, all taken before. Raises RedisError."""


class TakesFeeds:
    """Cases, debtors and judgments into their views."""

    topics: tuple[str, ...] = tuple(FEEDS)

    def __init__(self, view: FeedsView) -> None:
        self._view = view

    async def positions(self, topic: str) -> Mapping[int, int]:
        return await self._view.positions(topic)

    async def take(self, topic: str, partition: int, start: int, messages: Sequence[Fetched]) -> list[Owed]:
        read, refused = _written(topic, messages)
        end = messages[-1].offset() + 1
        decisions = await self._view.apply(topic, partition, start, end, [written for _, written in read])
        for (message, _), decision in zip(read, decisions, strict=True):
            metrics.feed_records.labels(topic, decision).inc()
            if decision == OTHER_COURT:
                refused.append(refusal(message, OTHER_COURT, _OTHER_COURT_SAYS))
        return refused

    async def owed(self, topic: str, messages: Sequence[Fetched]) -> list[Owed]:
        read, refused = _written(topic, messages)
        for message, written in read:
            held = await self._view.held(topic, written.record.id)
            if held is not None and held.court.code != written.record.court.code:
                refused.append(refusal(message, OTHER_COURT, _OTHER_COURT_SAYS))
        return refused

    async def wipe(self) -> None:
        await self._view.wipe()


class TakesQueries:
    """Where questions and answers stand, into their view."""

    topics: tuple[str, ...] = (QUERIES, QUERY_ANSWERS)

    def __init__(self, view: QueriesView, hasher: KeyHasher) -> None:
        self._view, self._hasher = view, hasher

    async def positions(self, topic: str) -> Mapping[int, int]:
        return await self._view.positions(topic)

    async def take(self, topic: str, partition: int, start: int, messages: Sequence[Fetched]) -> list[Owed]:  # noqa: ARG002
        questions, answers, refused = self._read(topic, messages)
        await self._view.take(topic, partition, messages[-1].offset() + 1, questions, answers)
        return refused

    async def owed(self, topic: str, messages: Sequence[Fetched]) -> list[Owed]:
        return self._read(topic, messages)[2]

    def _read(
        self, topic: str, messages: Sequence[Fetched]
    ) -> tuple[list[tuple[Question, str, Place]], list[tuple[Answer, Place]], list[Owed]]:
        questions: list[tuple[Question, str, Place]] = []
        answers: list[tuple[Answer, Place]] = []
        refused = []
        for message in messages:
            raw, place = message.value() or b"", (message.partition(), message.offset())
            try:
                if topic == QUERIES:
                    question = read_question(raw)
                    questions.append((question, content_of(question, self._hasher), place))
                else:
                    answers.append((read_answer(raw), place))
            except UnreadableError as error:
                refused.append(refusal(message, error.reason, error.detail))
        return questions, answers, refused

    async def wipe(self) -> None:
        await self._view.wipe()


def _written(topic: str, messages: Sequence[Fetched]) -> tuple[list[tuple[Fetched, Written]], list[Owed]]:
    """The records that can be read, and those that cannot."""
    read, refused = [], []
    for message in messages:
        raw = message.value() or b""
        try:
            read.append((message, Written(FEEDS[topic].read(raw), raw)))
        except UnreadableError as error:
            refused.append(refusal(message, error.reason, error.detail))
    return read, refused


async def rebuild_view(kafka: KafkaSettings, view: View) -> int:
    """Take over what a view does not hold yet, up to where its topics end now; returns how many records were read.

    What is refused was buried when it came.
    """
    read = 0
    for topic in view.topics:
        client = consumer(kafka, "views-rebuild")
        try:
            partitions = await asyncio.to_thread(partitions_of, client, kafka, topic)
            ends = await asyncio.to_thread(end_offsets, client, kafka.topic(topic), partitions)
        finally:
            await asyncio.to_thread(client.close)
        for partition, end in ends.items():
            read += await _rebuild_partition(kafka, view, topic, partition, end)
    return read


async def _rebuild_partition(kafka: KafkaSettings, view: View, topic: str, partition: int, end: int) -> int:
    client = consumer(kafka, "views-rebuild", **{"enable.partition.eof": "true"})
    read = 0
    try:
        stands = (await view.positions(topic)).get(partition, 0)
        client.assign([at(kafka.topic(topic), partition, stands)])
        while stands < end:
            messages = await asyncio.to_thread(client.consume, BATCH, POLL_S * 10)
            good = [cast(Fetched, message) for message in messages if message.error() is None]
            if good:
                await view.take(topic, partition, stands, good)
                stands, read = good[-1].offset() + 1, read + len(good)
            elif messages:  # the end was reached, and retention has taken what lay between
                break
    except ViewMovedError:
        _log.info("a worker is at it", topic=topic, partition=partition)
    finally:
        await asyncio.to_thread(client.close)
    return read
