"""The fast query (快速查询, S2.2): a court asks the registries of the police about a party of one of its open cases."""

from __future__ import annotations

import datetime as dt
import re
from functools import partial
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, Field

from connectors.door.access import Admitted, must_own, put_on_record
from connectors.door.answers import Signed
from connectors.door.behind import behind
from connectors.door.documented import V1, problems, with_headers
from connectors.door.problems import ProblemError
from connectors.door.routes.hits import IdempotencyKey
from connectors.door.settings import WAIT_S_MAX
from matchers.wire import Message, Text
from stream.core.authority import Principal
from stream.core.fast_query import PURPOSE_CHARACTERS_MAX, Category
from stream.core.feeds import Role
from stream.core.question import About, Answer, Asker, Question, SourceSays

router = APIRouter(prefix=V1)
QueryId = Annotated[UUID, Path()]
Wait = Annotated[float, Query(ge=0, le=WAIT_S_MAX, description="seconds to wait for the answer")]
Prefer = Annotated[str | None, Header(max_length=200, description="wait=N, as RFC 7240 has it")]
_PREFERRED = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?([0-9]{1,3})")


class PostedQuery(Message):
    """A question. Whom it is about stands in the body alone."""

    case: UUID
    party: About
    category: Category
    purpose: Annotated[Text, Field(max_length=PURPOSE_CHARACTERS_MAX)] = ""
    by: Signed = Field(default_factory=Signed)


class AnswerTold(BaseModel):
    """What came of a question: exactly the fields of its article. A photo is the path that it is fetched from."""

    answered_at: dt.datetime
    outcome: Literal["complete", "partial", "failed", "refused"]
    records: dict[str, list[dict[str, Any]]]
    sources: list[SourceSays] = Field(description="what became of each source: which did not answer, and why")
    refusal: str | None = None


class QueryTold(BaseModel):
    """A question, and its answer once there is one."""

    id: str
    status: Literal["pending", "answered"]
    case: str
    category: Category
    role: Role
    article: str
    asked_at: dt.datetime
    answer: AnswerTold | None = None


_PENDING: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": QueryTold, "description": "not answered yet", **with_headers(202, "Location", "Retry-After")[202]}
}
_PHOTO: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"image/*": {}}},
    202: {"description": "not answered yet", **with_headers(202, "Retry-After")[202]},
}


@router.post(
    "/queries",
    response_model=QueryTold,
    responses={**_PENDING, **problems("query_refused", "not_found", "key_reused", "too_large")},
    summary="快速查询 Ask the registries",
)
async def ask_registry(
    request: Request,
    response: Response,
    caller: Admitted,
    posted: PostedQuery,
    key: IdempotencyKey,
    wait: Wait = 0.0,
    prefer: Prefer = None,
) -> QueryTold:
    """Ask about a party of an open case: what the article allows for the party's role, for a stated purpose.

    200 with the answer where it comes within the wait, else 202: fetch it by its id.
    """
    registry = behind(request).registry
    request.state.object, request.state.purpose = ("case", str(posted.case)), posted.purpose
    request.state.on_behalf_of = posted.by.name
    request.state.detail = posted.category.value
    case = await registry.case(str(posted.case))
    must_own(request, None if case is None else case.owner)
    if case is None:  # must_own refuses it
        raise AssertionError
    asker = _asker(caller, posted.by.name)
    question = registry.question(case, key, posted.party, posted.category, posted.purpose, asker)
    request.state.detail = f"{posted.category} of a {question.role} by {question.article}: query {question.id}"
    await registry.ask(question, partial(put_on_record, request))
    answer = await registry.answer_to(question, max(wait, _preferred(prefer)))
    return _told(question, answer, response)


@router.get(
    "/queries/{query_id}",
    response_model=QueryTold,
    responses={**_PENDING, **problems("query_refused", "not_found")},
    summary="查询结果 Get an answer",
)
async def get_registry_answer(
    request: Request,
    response: Response,
    _caller: Admitted,
    query_id: QueryId,
    wait: Wait = 0.0,
    prefer: Prefer = None,
) -> QueryTold:
    """The answer, for as long as it is kept (a day) and the case is open."""
    registry = behind(request).registry
    must_own(request, await registry.owner_of(str(query_id)))
    question, _, answer = await registry.stands(str(query_id), max(wait, _preferred(prefer)))
    request.state.purpose, request.state.detail = question.purpose, f"{question.category} by {question.article}"
    return _told(question, answer, response)


@router.get(
    "/queries/{query_id}/photo",
    response_class=Response,
    responses={**_PHOTO, **problems("query_refused", "not_found")},
    summary="照片 Get a photo",
)
async def get_registry_photo(
    request: Request, caller: Admitted, query_id: QueryId, wait: Wait = 10.0, prefer: Prefer = None
) -> Response:
    """The photo of whom a question is about, where its article lists one."""
    registry = behind(request).registry
    must_own(request, await registry.owner_of(str(query_id)))
    stands = await registry.stands(str(query_id), 0.0)
    request.state.object = ("photo", str(query_id))
    request.state.purpose, request.state.detail = stands.question.purpose, f"photo by {stands.article.id}"
    await put_on_record(request)
    asker = _asker(caller, None)
    answer = await registry.photo(stands.question, stands.article, asker, max(wait, _preferred(prefer)))
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    if answer is None:
        return Response(status_code=202, headers=headers | {"retry-after": "1"})
    if answer.outcome == "failed":
        raise ProblemError("unavailable", headers={"retry-after": "60"})
    if answer.photo is None:
        raise ProblemError("not_found")
    return Response(answer.photo.data, headers=headers, media_type=answer.photo.media_type)


def _asker(caller: Principal, name: str | None) -> Asker:
    return Asker(id=caller.id, credential=caller.credential, name=name or caller.name)


def _preferred(prefer: str | None) -> float:
    found = _PREFERRED.search(prefer or "")
    return min(float(found[1]), WAIT_S_MAX) if found else 0.0


def _told(question: Question, answer: Answer | None, response: Response) -> QueryTold:
    response.headers["cache-control"] = "no-store"
    path = f"/v1/queries/{question.id}"
    if answer is None:
        response.status_code = 202
        response.headers.update({"location": path, "retry-after": "1"})
    return QueryTold(
        id=question.id,
        status="pending" if answer is None else "answered",
        case=question.case_id,
        category=question.category,
        role=question.role,
        article=question.article,
        asked_at=question.asked_at,
        answer=None if answer is None else _as_told(answer, f"{path}/photo"),
    )


def _as_told(answer: Answer, photo: str) -> AnswerTold:
    records = {
        source: [one | {"photo": photo} if one.get("photo") else one for one in of_source]
        for source, of_source in answer.records.items()
    }
    fields = answer.model_dump(include={"answered_at", "outcome", "sources", "refusal"})
    return AnswerTold.model_validate(fields | {"records": records})
