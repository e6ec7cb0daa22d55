"""What the door sees of feeds and questions: views that have caught up with the log, and the log itself where they point."""

from __future__ import annotations

import asyncio

from connectors.kafka.places import Places
from connectors.kafka.topics import CASES, DEBTORS, JUDGMENTS, QUERIES
from connectors.redis.feeds import FeedsView
from connectors.redis.queries import KnownQuery, Place, QueriesView
from matchers.keys import Key, KeyHasher
from stream.core.feeds import CaseRecord, Debtor, DebtorRecord, JudgmentRecord
from stream.core.question import Answer, Question, content_of, read_answer, read_question
from stream.services.current import Current


class CurrentFeeds:
    """``Held`` of the door: each answer holds all that was on the log when it was asked for."""

    def __init__(self, view: FeedsView, current: Current) -> None:
        self._view, self._current = view, current

    async def case(self, case_id: str) -> CaseRecord | None:
        await self._current.with_log(CASES, self._view.positions)
        return await self._view.case(case_id)

    async def debtor(self, debtor_id: str) -> Debtor | None:
        await self._current.with_log(DEBTORS, self._view.positions)
        return await self._view.debtor(debtor_id)

    async def debtors_of(self, key: Key) -> list[DebtorRecord]:
        await self._current.with_log(DEBTORS, self._view.positions)
        return await self._view.debtors_of(key)

    async def judgment(self, sha256: str) -> JudgmentRecord | None:
        await self._current.with_log(JUDGMENTS, self._view.positions)
        return await self._view.judgment(sha256)


class QueryLog:
    """``Log`` of the door."""

    def __init__(self, view: QueriesView, current: Current, questions: Places, answers: Places, hasher: KeyHasher) -> None:
        self._view, self._current, self._hasher = view, current, hasher
        self._questions, self._answers = questions, answers

    async def known(self, query_id: str) -> KnownQuery:
        return await self._view.known(query_id)

    async def current(self) -> None:
        await self._current.with_log(QUERIES, self._view.positions)

    async def question(self, place: Place) -> Question:
        return read_question(await asyncio.to_thread(self._questions.read, *place))

    async def answer(self, place: Place) -> Answer:
        return read_answer(await asyncio.to_thread(self._answers.read, *place))

    def content_of(self, question: Question) -> str:
        return content_of(question, self._hasher)
