"""Where questions and their answers stand in the log: a view of ``queries`` and ``query_answers`` that holds nothing of whom
they are about. Whoever needs more reads it at its place.

<ns>:queries:of:<id>       question: whose it is, and its place; answer: its place; gone once Kafka has let go of both
<ns>:queries:positions     topic and partition -> the next offset; moved in the same step as the entries
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Final, NamedTuple, cast

import msgspec
import redis.asyncio

from connectors.redis.errors import ViewUnavailableError, server_name, translated
from connectors.redis.keyspace import delete_all
from stream.core.authority import Owner
from stream.core.question import ANSWERED_WITHIN, Answer, Question

Place = tuple[int, int]
"""Partition and offset."""


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """A question as the view knows it."""

    place: Place
    court: str
    province: str | None
    handler: str | None
    case_id: str
    asks: str
    content: str
    """A keyed digest of what was asked, by which a repeat is known from another question under the same key."""

    @property
    def owner(self) -> Owner:
        return Owner(self.court, self.province, handler=self.handler)


class KnownQuery(NamedTuple):
    """What is known of a query id."""

    asked: Asked | None
    answer: Place | None


_asked: Final = msgspec.json.Decoder(Asked)
_place: Final = msgspec.json.Decoder(Place)


class QueriesView:
    """One round trip each, but for ``wipe``. Raises ViewUnavailableError."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str) -> None:
        self._client, self._namespace, self._name = client, namespace, f"{namespace}:queries"
        self._server = server_name(client)

    async def known(self, query_id: str) -> KnownQuery:
        with translated(ViewUnavailableError, self._server):
            found = await cast(Awaitable[list[bytes | None]], self._client.hmget(self._of(query_id), ["question", "answer"]))
        question, answer = found
        return KnownQuery(
            None if question is None else _asked.decode(question), None if answer is None else _place.decode(answer)
        )

    async def take(
        self,
        topic: str,
        partition: int,
        end: int,
        questions: Sequence[tuple[Question, str, Place]],
        answers: Sequence[tuple[Answer, Place]],
    ) -> None:
        """Take over what lies before an offset, and move the position to it. The first record of an id counts; in any order,
        and again, it is the same."""
        with translated(ViewUnavailableError, self._server):
            async with self._client.pipeline(transaction=True) as step:
                for question, content, place in questions:
                    asked = Asked(
                        place,
                        question.court,
                        question.province,
                        question.handler,
                        question.case_id,
                        question.asks,
                        content,
                    )
                    step.hsetnx(self._of(question.id), "question", msgspec.json.encode(asked).decode())
                    step.expire(self._of(question.id), ANSWERED_WITHIN)
                for answer, place in answers:
                    step.hsetnx(self._of(answer.query_id), "answer", msgspec.json.encode(place).decode())
                    step.expire(self._of(answer.query_id), ANSWERED_WITHIN)
                step.hset(f"{self._name}:positions", f"{topic}:{partition}", str(end))
                await step.execute()

    async def positions(self, topic: str) -> Mapping[int, int]:
        """How far in a topic the view is, by partition."""
        with translated(ViewUnavailableError, self._server):
            found = await cast(Awaitable[dict[bytes, bytes]], self._client.hgetall(f"{self._name}:positions"))
        places = {place.decode().rpartition(":"): int(offset) for place, offset in found.items()}
        return {int(partition): offset for (of, _, partition), offset in places.items() if of == topic}

    async def wipe(self) -> None:
        """Delete the view, and nothing else."""
        with translated(ViewUnavailableError, self._server):
            await self._client.delete(f"{self._name}:positions")
            await delete_all(self._client, self._namespace, "queries")

    def _of(self, query_id: str) -> str:
        return f"{self._name}:of:{query_id}"
