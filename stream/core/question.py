"""Questions to the registries of the police, and their answers: the topics ``queries`` and ``query_answers`` (S2.2).

Both are personal data and kept for a day. A question names whom it is about by one document; its answer holds exactly what
the article lists. A photo is asked for by a question of its own, and comes as bytes.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Any, Final, Literal

from pydantic import Base64Bytes, Field, ValidationError

from matchers.keys import Key, KeyHasher
from matchers.wire import Message, NonEmpty, Timestamp, UnreadableError, read_object, reason
from stream.core.fast_query import GRANTS, ORGANISATION_CODE, PURPOSE_CHARACTERS_MAX, Article, Category, filtered
from stream.core.feeds import Role, document_key, organisation_key

QUERY_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:chakong:query")
ANSWERED_WITHIN: Final = dt.timedelta(hours=24)
"""How long a question may be answered and its answer fetched: as long as Kafka keeps both."""

SourceOutcome = Literal["answered", "timed_out", "unavailable"]


class About(Message):
    """Whom a question is about: a document, or an organisation by ``organisation_code``."""

    type: Annotated[NonEmpty, Field(max_length=40)]
    number: Annotated[NonEmpty, Field(max_length=100)]


class Asker(Message):
    """Who asks: as the permission matrix knows them, and the person whom a court's system names."""

    id: NonEmpty
    credential: str
    name: str | None = None


class Question(Message):
    """One question, on the topic ``queries``, keyed by the court's code. A repeat of an id is the same question."""

    id: str
    asks: Literal["records", "photo"] = "records"
    of: str | None = Field(default=None, description="a photo's question: the id of the question about its record")
    asked_at: Timestamp
    court: NonEmpty
    province: str | None = None
    handler: str | None = Field(default=None, description="the handler of the case, whose it is")
    case_id: NonEmpty
    case_number: NonEmpty
    role: Role
    category: Category
    article: NonEmpty
    about: About
    purpose: Annotated[NonEmpty, Field(max_length=PURPOSE_CHARACTERS_MAX)]
    asker: Asker

    def for_photo(self, attempt: int, at: dt.datetime, asker: Asker) -> Question:
        """The question for the photo of what this one is about. Each attempt has an id of its own, the same for ever."""
        id_ = str(uuid.uuid5(uuid.UUID(self.id), f"photo {attempt}"))
        return self.model_copy(update={"id": id_, "asks": "photo", "of": self.id, "asked_at": at, "asker": asker})

    def grant(self) -> Article | None:
        """What the matrix lets be told of it; None: nothing, or not by the article that it names."""
        article = GRANTS.get((self.category, self.role))
        return article if article is not None and article.id == self.article else None


class SourceSays(Message):
    """What became of one source. One that knows nobody by the document has answered, too."""

    source: NonEmpty
    outcome: SourceOutcome
    records: int = Field(default=0, ge=0)
    detail: str | None = Field(default=None, description="why not, in words that tell nothing of anybody")


class Photo(Message):
    """A photo."""

    media_type: Annotated[str, Field(pattern="^image/[a-z0-9.+-]{1,40}$")]
    data: Base64Bytes


class Answer(Message):
    """One answer, on the topic ``query_answers``, keyed by the court's code. The first of a question counts."""

    query_id: str
    answered_at: Timestamp
    court: NonEmpty
    outcome: Literal["complete", "partial", "failed", "refused"]
    records: dict[str, list[dict[str, Any]]] = Field(
        default_factory=dict, description="by source, the fields that the article lists; a photo as a reference"
    )
    photo: Photo | None = None
    sources: list[SourceSays] = Field(default_factory=list)
    refusal: str | None = Field(default=None, description="of `refused`: which rule of the police side")

    def told_under(self, article: Article) -> Answer:
        """The answer with what the article lists, and nothing that came besides."""
        records = {
            source: [filtered(record, fields) for record in self.records[source]]
            for source, fields in article.fields.items()
            if source in self.records
        }
        known = {name: getattr(self, name) for name in Answer.model_fields}
        return Answer.model_construct(**known | {"records": records})


def content_of(question: Question, hasher: KeyHasher) -> str:
    """A keyed digest of what is asked: two questions under one id are the same question only if it is equal."""
    asked = (question.case_id, question.category, question.about.type, question.about.number, question.purpose)
    return f"{hasher.hash_key(Key('other', chr(10).join(asked))):016x}"


def subject_of(question: Question, hasher: KeyHasher) -> int:
    """A keyed digest of whom a question is about."""
    type_, number = question.about.type, question.about.number
    return hasher.hash_key(organisation_key(number) if type_ == ORGANISATION_CODE else document_key(type_, number))


def query_id(court: str, asker: str, key: str) -> str:
    """The id of a question: the same credential's same ``Idempotency-Key`` is the same question."""
    return str(uuid.uuid5(QUERY_NAMESPACE, f"{court}\n{asker}\n{key}"))


def outcome_of(sources: list[SourceSays]) -> Literal["complete", "partial", "failed"]:
    """What the sources make of an answer."""
    answered = sum(one.outcome == "answered" for one in sources)
    return "complete" if answered == len(sources) else "partial" if answered else "failed"


def read_question(raw: bytes) -> Question:
    """A record of ``queries``. Raises UnreadableError."""
    try:
        return Question.model_validate(read_object(raw))
    except ValidationError as error:
        raise UnreadableError("invalid_query", reason(error)) from None


def read_answer(raw: bytes) -> Answer:
    """A record of ``query_answers``. Raises UnreadableError."""
    try:
        return Answer.model_validate(read_object(raw))
    except ValidationError as error:
        raise UnreadableError("invalid_query_answer", reason(error)) from None
