"""The fast query as courts see it (S2.2): a question that the matrix grants goes on the log, and its answer is read from there.

Whether it may be asked is decided by the case as it stands now, and again whenever its answer is fetched: a case that was
closed meanwhile grants nothing.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, Protocol

from connectors.door.feeds import Held
from connectors.door.problems import ProblemError
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import QUERIES
from connectors.redis.queries import KnownQuery, Place
from stream.core.authority import Owner
from stream.core.fast_query import RULES, Article, Category, Granted, decide
from stream.core.feeds import CaseRecord
from stream.core.question import About, Answer, Asker, Question, query_id

POLL_S: Final = 0.01
POLL_S_MAX: Final = 0.25
PHOTO_ATTEMPTS: Final = 100
"""How often a photo that the registry could not give is asked for again, within the day that a question lives."""


class Log(Protocol):
    """Questions and answers on the log. Raises ViewUnavailableError, KafkaError; TopicError where one is kept no more."""

    async def known(self, query_id: str) -> KnownQuery:
        """What the view holds of an id, as far as it is."""

    async def current(self) -> None:
        """Return once the view holds all that was on the log when this was called."""

    async def question(self, place: Place) -> Question: ...

    async def answer(self, place: Place) -> Answer: ...

    def content_of(self, question: Question) -> str:
        """A keyed digest of what is asked."""


class Stands(NamedTuple):
    """A question, by which article it may be told of, and its answer once there is one."""

    question: Question
    article: Article
    answer: Answer | None


class Registry:
    """Asks and fetches."""

    def __init__(self, held: Held, log: Log, records: Records, clock: Callable[[], dt.datetime], durable_s_max: float) -> None:
        self._held, self._log, self._records = held, log, records
        self._clock, self._durable_s_max = clock, durable_s_max

    async def case(self, case_id: str) -> CaseRecord | None:
        """The case as it stands now."""
        return await self._held.case(case_id)

    def question(self, case: CaseRecord, key: str, about: About, category: Category, purpose: str, asker: Asker) -> Question:
        """The question that a case may ask.

        Raises ProblemError: ``query_refused``: no article grants it; the problem names the rule.
        """
        granted = _granted(case, about, category, purpose)
        return Question(
            id=query_id(case.court.code, asker.id, key),
            asked_at=self._clock(),
            court=case.court.code,
            province=case.court.province,
            handler=None if case.handler is None else case.handler.name,
            case_id=case.id,
            case_number=case.number,
            role=granted.role,
            category=category,
            article=granted.article.id,
            about=about,
            purpose=purpose,
            asker=asker,
        )

    async def ask(self, question: Question, on_record: Callable[[], Awaitable[None]]) -> None:
        """Put a question on the log, once it is on the audit record with its purpose. One that is there already is left so.

        Raises ProblemError: ``key_reused``: its id is another question's.
        """
        asked = (await self._log.known(question.id)).asked
        if asked is not None:
            if asked.content != self._log.content_of(question):
                raise ProblemError("key_reused")
            return
        await on_record()
        await self._send(question)

    async def owner_of(self, query_id: str) -> Owner | None:
        """Whose a question is: its case's court and handler, as they are now."""
        await self._log.current()
        asked = (await self._log.known(query_id)).asked
        case = None if asked is None else await self._held.case(asked.case_id)
        return None if case is None else case.owner

    async def stands(self, query_id: str, wait_s: float) -> Stands:
        """A question about records, and its answer, filtered, if there is one within ``wait_s``.

        Raises ProblemError: ``query_refused``: its case grants it no more; ``not_found``: there is no such question.
        """
        asked = (await self._log.known(query_id)).asked
        if asked is None or asked.asks != "records":
            raise ProblemError("not_found")
        question = await self._log.question(asked.place)
        article = await self._still_granted(question)
        answer = await self._answer(query_id, wait_s)
        if answer is not None and wait_s:  # the case may have been closed while this waited
            article = await self._still_granted(question)
        return Stands(question, article, None if answer is None else answer.told_under(article))

    async def photo(self, question: Question, article: Article, asker: Asker, wait_s: float) -> Answer | None:
        """What comes of asking for the photo of whom a question is about, within ``wait_s``.

        Raises ProblemError: ``not_found``: the article lists no photo.
        """
        if not article.photo:
            raise ProblemError("not_found")
        for_photo = await self._open_attempt(question, asker)
        if (await self._log.known(for_photo.id)).asked is None:
            await self._send(for_photo)
        answer = await self._answer(for_photo.id, wait_s)
        await self._still_granted(question)
        return answer

    async def _open_attempt(self, question: Question, asker: Asker) -> Question:
        """The question for the photo that did not fail yet: what failed is asked again."""
        for attempt in range(PHOTO_ATTEMPTS):
            for_photo = question.for_photo(attempt, self._clock(), asker)
            answer = await self._answer(for_photo.id, 0.0)
            if answer is None or answer.outcome != "failed":
                break
        return for_photo

    async def _send(self, question: Question) -> None:
        value = question.model_dump_json(exclude_none=True).encode()
        async with asyncio.timeout(self._durable_s_max):
            await self._records.send_soon([Record(QUERIES, question.court.encode(), value)])

    async def answer_to(self, question: Question, wait_s: float) -> Answer | None:
        """The answer to a question that was just asked, if it comes within ``wait_s``; as much as its article lists."""
        answer = await self._answer(question.id, wait_s)
        article = await self._still_granted(question)
        return None if answer is None else answer.told_under(article)

    async def _still_granted(self, question: Question) -> Article:
        case = await self._held.case(question.case_id)
        if case is None:
            raise ProblemError("not_found")
        return _granted(case, question.about, question.category, question.purpose).article

    async def _answer(self, query_id: str, wait_s: float) -> Answer | None:
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + wait_s, POLL_S
        while True:
            place = (await self._log.known(query_id)).answer
            if place is not None:
                return await self._log.answer(place)
            left_s = until - loop.time()
            if left_s <= 0:
                return None
            await asyncio.sleep(min(pause, left_s))
            pause = min(pause * 1.5, POLL_S_MAX)


def _granted(case: CaseRecord, about: About, category: Category, purpose: str) -> Granted:
    decision = decide(case, about.type, about.number, category, purpose)
    if isinstance(decision, Granted):
        return decision
    says: dict[str, Any] = RULES[decision.rule].model_dump()
    raise ProblemError("query_refused", rule=decision.rule.value, articles=list(decision.articles), says=says)
