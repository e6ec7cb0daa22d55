"""The watch on querying: every worker reads all questions, from one window back on, so that any of them sees what is odd.

Several may see the same; an incident that is open is not opened again.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka.clients import PATIENT, Fetched, consumer, fetch, partitions_of, start_offsets
from connectors.kafka.errors import KafkaError
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import QUERIES
from matchers.keys import KeyHasher
from matchers.wire import UnreadableError
from stream import metrics
from stream.core.incident import Incidents, Opening
from stream.core.querying import Asked, Limits, Oddity, Querying
from stream.core.question import Question, read_question, subject_of

BATCH: Final = 500
POLL_S: Final = 0.5
RETRY_S: Final = 5.0
_log = structlog.get_logger("querying")


class QueryWatch:
    """The watch of one worker."""

    def __init__(
        self, kafka: KafkaSettings, hasher: KeyHasher, limits: Limits, incidents: Incidents, clock: Callable[[], dt.datetime]
    ) -> None:
        self._kafka, self._hasher, self._incidents, self._clock = kafka, hasher, incidents, clock
        self._limits = limits
        self._querying = Querying(limits)
        self._stopping = False

    async def run(self) -> None:
        """Watch until stopped. What an incident could not be opened for is seen again from one window back."""
        while not self._stopping:
            client = consumer(self._kafka, "query-watch", **PATIENT)
            try:
                await asyncio.to_thread(self._assign, client)
                while not self._stopping:
                    await self.note(await asyncio.to_thread(fetch, client, BATCH, POLL_S))
            except (KafkaError, KafkaException) as error:
                _log.warning("querying is not watched for the moment", reason=type(error).__name__)
                self._querying = Querying(self._limits)
                await asyncio.sleep(RETRY_S)
            finally:
                await asyncio.to_thread(client.close)

    def stop(self) -> None:
        self._stopping = True

    async def note(self, messages: Sequence[Fetched]) -> None:
        """Take questions in, and open what they make odd. A photo is part of the question that it is of."""
        for message in messages:
            try:
                question = read_question(message.value() or b"")
            except UnreadableError:
                continue  # the view's writer buries it
            if question.asks == "records":
                for oddity, opening in self._querying.noted(self._asked(question)):
                    await self._open(oddity, opening)

    async def _open(self, oddity: Oddity, opening: Opening) -> None:
        metrics.odd_querying.labels(oddity.value).inc()
        _log.warning("odd querying", oddity=oddity.value, about=opening.about, court=opening.court)
        await self._incidents.open(opening)

    def _asked(self, question: Question) -> Asked:
        who = question.asker.credential or question.asker.id
        subject = subject_of(question, self._hasher)
        return Asked(question.id, question.asked_at, who, question.court, question.province, subject)

    def _assign(self, client: Consumer) -> None:
        topic = self._kafka.topic(QUERIES)
        partitions = partitions_of(client, self._kafka, QUERIES)
        starts = start_offsets(client, topic, partitions, self._clock() - self._limits.window)
        client.assign([TopicPartition(topic, partition, offset) for partition, offset in starts.items()])
