"""The police's side of the fast query: the matrix asked again, sources asked side by side, answers cut to their article."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from connectors.police.adapter import RegistryAdapter, SourceUnavailableError, StoredPhoto, Subject
from matchers.documents import canonical_document
from matchers.text import clean
from stream.core.fast_query import ORGANISATION_CODE, Article, Category, filtered
from stream.core.question import Answer, Photo, Question, SourceSays, outcome_of

PHOTO_BYTES_MAX: Final = 512 * 1024
RECORDS_MAX: Final = 1000
NOT_GRANTED: Final = "role_not_granted"
NATURAL_PERSON: Final = "natural_person_only"
NO_PURPOSE: Final = "purpose_missing"

Records = list[dict[str, Any]]


class Told(NamedTuple):
    """One source that was asked, for metrics."""

    source: str
    outcome: str
    took_s: float


class Answering:
    """Answers questions. What a source has besides the article's fields never leaves here."""

    def __init__(
        self,
        adapter: RegistryAdapter,
        within_s: Mapping[str, float],
        clock: Callable[[], dt.datetime],
        tell: Callable[[Told], object] = lambda _: None,
    ) -> None:
        """``within_s``: each source's own time limit."""
        self._adapter, self._within_s, self._clock, self._tell = adapter, within_s, clock, tell

    async def answer(self, question: Question) -> Answer:
        """The answer to a question; it never raises for what a source does."""
        article, refusal = question.grant(), refusal_of(question)
        if article is None or refusal is not None:
            return self._said(question, "refused", refusal=refusal or NOT_GRANTED)
        if question.asks == "photo":
            return await self._photo(question, article)
        asked = [self._ask(source, question, fields) for source, fields in article.fields.items()]
        found = await asyncio.gather(*asked)
        says = [one for one, _ in found]
        records = {one.source: of for one, of in found if one.outcome == "answered"}
        return self._said(question, outcome_of(says), records=records, sources=says)

    async def _ask(self, source: str, question: Question, fields: frozenset[str]) -> tuple[SourceSays, Records]:
        """One source, within its time, cut to the article's fields."""
        says, found = await self._within(source, lambda: self._adapter.find(source, subject_of(question)))
        if found is None:
            return says, []
        records = [filtered(record, fields) for record in found[:RECORDS_MAX]]
        detail = f"only the first {RECORDS_MAX} of {len(found)} records" if len(found) > RECORDS_MAX else None
        return says.model_copy(update={"records": len(records), "detail": detail}), records

    async def _photo(self, question: Question, article: Article) -> Answer:
        """The photo of whoever the question is about, from the first source that lists one."""
        source = next((source for source, fields in article.fields.items() if "photo" in fields), None)
        if source is None:
            return self._said(question, "refused", refusal=NOT_GRANTED)
        says, photo = await self._within(source, lambda: self._found_photo(source, question))
        return self._said(question, outcome_of([says]), photo=photo, sources=[says])

    async def _found_photo(self, source: str, question: Question) -> Photo | None:
        for record in await self._adapter.find(source, subject_of(question)):
            if reference := record.get("photo"):
                stored = await self._adapter.photo(source, str(reference))
                return None if stored is None else _photo_of(stored)
        return None

    async def _within(self, source: str, ask: Callable[[], Any]) -> tuple[SourceSays, Any]:
        began, found = time.monotonic(), None
        limit_s = self._within_s[source]
        try:
            async with asyncio.timeout(limit_s):
                found = await ask()
            says = SourceSays(source=source, outcome="answered")
        except TimeoutError:
            says = SourceSays(source=source, outcome="timed_out", detail=f"no answer within {limit_s:g} s")
        except SourceUnavailableError as error:
            says = SourceSays(source=source, outcome="unavailable", detail=error.reason)
        self._tell(Told(source, says.outcome, time.monotonic() - began))
        return says, found

    def _said(self, question: Question, outcome: str, **more: Any) -> Answer:
        said = {"query_id": question.id, "answered_at": self._clock(), "court": question.court, "outcome": outcome}
        return Answer.model_validate(said | more)


def refusal_of(question: Question) -> str | None:
    """Why the police's side does not look a question up, whatever the other side let through; None: it does."""
    if question.grant() is None:
        return NOT_GRANTED
    if question.about.type == ORGANISATION_CODE and question.category is not Category.VEHICLES:
        return NATURAL_PERSON
    return None if question.purpose.strip() else NO_PURPOSE


def subject_of(question: Question) -> Subject:
    """What the registries are asked by."""
    type_, number = question.about.type, question.about.number
    if type_ == ORGANISATION_CODE:
        return Subject(type_, clean(number))
    document = canonical_document(type_, number)
    return Subject(document.type, document.number)


def _photo_of(stored: StoredPhoto) -> Photo:
    if len(stored.data) > PHOTO_BYTES_MAX:
        raise SourceUnavailableError(f"the photo has more than {PHOTO_BYTES_MAX} bytes")
    try:
        return Photo(media_type=stored.media_type, data=base64.b64encode(stored.data))
    except ValidationError:
        raise SourceUnavailableError("the photo is of no image type") from None
