"""The courts' door, over HTTP: a court fetches its notifications and answers hits. Versioned paths, problems as RFC 9457."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from connectors.door.answers import Answers, Hits, Posted
from connectors.door.auditing import SAFE_METHODS, entry_of
from connectors.door.cursors import CHARACTERS_MAX, CursorError, read_cursor, write_cursor
from connectors.door.guard import Guard, Told
from connectors.door.inbox import CursorGoneError, Inbox
from connectors.door.limits import Turns
from connectors.door.problems import KINDS, PROBLEM_TYPE, ProblemDocument, ProblemError, answer
from connectors.door.settings import WAIT_S_MAX, DoorSettings
from connectors.door.tokens import Caller, Callers
from connectors.kafka.errors import KafkaError
from connectors.kafka.records import Records
from connectors.kafka.settings import KafkaSettings
from connectors.redis.errors import ViewUnavailableError
from stream.core.audit.record import Audit, AuditUnavailableError
from stream.core.notification import Notification

VERSION: Final = "1.0.0"
PAGE_MAX: Final = 1000
_KINDS_OF_STATUS: Final = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_SCHEMA: Final = {"$ref": "#/components/schemas/ProblemDocument"}


class Parts(NamedTuple):
    """What stands behind the door. ``hits`` None: see ``Answers``."""

    callers: Callers
    records: Records
    kafka: KafkaSettings
    hits: Hits | None
    clock: Callable[[], dt.datetime]
    tell: Callable[[Told], object]
    audit: Audit


class InboxPage(BaseModel):
    """A court's notifications, oldest first. ``next`` is the cursor to come back with, whether or not there were any."""

    events: list[Notification]
    next: str
    more: bool = Field(description="there may be more at once; false when the end was reached")


class Accepted(BaseModel):
    """The answer is on record, and takes effect from there."""

    id: UUID
    hit_id: UUID
    status: Literal["accepted"] = "accepted"


class _Behind(NamedTuple):
    """What the routes use."""

    callers: Callers
    answers: Answers
    inbox: Inbox
    turns: Turns
    strangers: Turns
    audit: Audit


def _problems(*kinds: str) -> dict[int | str, dict[str, Any]]:
    statuses = {
        KINDS[kind].status: KINDS[kind] for kind in ("unauthorized", "invalid", "too_many", "failed", "unavailable", *kinds)
    }
    return {
        status: {"description": f"{kind.zh} {kind.en}", "content": {PROBLEM_TYPE: {"schema": _SCHEMA}}}
        for status, kind in sorted(statuses.items())
    }


_bearer: Final = HTTPBearer(auto_error=False, description="the court's token")


async def _caller(request: Request, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
    """Who asks. A stranger who keeps guessing is told to wait; that costs no court a turn.

    What changes something begins only once that it does is on the audit record.
    """
    behind: _Behind = request.app.state.behind
    caller = behind.callers.caller(shown.credentials) if shown is not None else None
    if caller is None:
        _take_turn(behind.strangers, request.client.host if request.client else "")
        raise ProblemError("unauthorized", headers={"www-authenticate": 'Bearer realm="chakong"'})
    request.state.caller = caller
    _take_turn(behind.turns, caller.court)
    if request.method not in SAFE_METHODS:
        await behind.audit.write(entry_of(request.scope, request.headers))
    return caller


def _take_turn(turns: Turns, who: str) -> None:
    wait_s = turns.wait_s(who)
    if wait_s:
        raise ProblemError("too_many", headers={"retry-after": str(math.ceil(wait_s))})


router: Final = APIRouter(prefix="/v1", dependencies=[Depends(_caller)])
"""Its routes' names are the operations' ids, and what stands in the logs. Whoever calls one is asked who they are."""


@router.get(
    "/inbox", response_model=InboxPage, responses=_problems("forbidden", "cursor_gone"), summary="提取通知 Fetch the inbox"
)
async def inbox(
    request: Request,
    caller: Annotated[Caller, Depends(_caller)],
    after: Annotated[
        str | None, Query(max_length=CHARACTERS_MAX, description="the cursor that came with the last page")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
    wait: Annotated[float, Query(ge=0, le=WAIT_S_MAX, description="seconds to wait when there is nothing yet")] = 0.0,
) -> Response:
    """The court's own notifications after a cursor, in the order in which they were stored; without one, all that are kept."""
    if not caller.inbox:
        raise ProblemError("forbidden")
    behind: _Behind = request.app.state.behind
    try:
        page = await behind.inbox.page(caller.court, None if after is None else read_cursor(after), limit, wait)
    except CursorError as error:
        raise ProblemError("invalid", detail=f"query.after: {error}") from None
    except CursorGoneError as error:
        raise ProblemError("cursor_gone", resume_after=write_cursor(error.resume)) from None
    found = {"events": page.events, "next": write_cursor(page.positions), "more": page.more}
    request.state.detail = f"{len(page.events)} notifications, from {after or 'the beginning'} to {found['next']}"
    return Response(msgspec.json.encode(found), headers={"cache-control": "no-store"}, media_type="application/json")


@router.post(
    "/hits/{hit_id}/confirmations",
    status_code=202,
    response_model=Accepted,
    responses=_problems("not_found", "too_large", "key_reused"),
    summary="反馈 Answer a hit",
)
async def confirm(
    request: Request,
    caller: Annotated[Caller, Depends(_caller)],
    hit_id: Annotated[UUID, Path()],
    posted: Posted,
    key: Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=128, pattern="^[!-~]+$")],
) -> Any:
    """Answer a hit: 202 once the answer is durable. Sent again under the same key it is the same answer."""
    behind: _Behind = request.app.state.behind
    request.state.on_behalf_of = posted.by.name
    confirmation = await behind.answers.take_in(caller.court, str(hit_id), key, posted)
    return {"id": confirmation.id, "hit_id": confirmation.hit_id}


def build_api(lifespan: Any = None) -> FastAPI:
    """The routes alone, for whoever serves them and for the OpenAPI document."""
    api = FastAPI(
        title="Chakong 查控: courts' door",
        version=VERSION,
        description="A court fetches its notifications and answers hits, after the opinion Fa [2016] No. 41 (法〔2016〕41号).",
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    api.include_router(router)
    api.add_exception_handler(ProblemError, _refused)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(KafkaError, _unavailable)
    api.add_exception_handler(ViewUnavailableError, _unavailable)
    api.add_exception_handler(AuditUnavailableError, _unavailable)
    api.add_exception_handler(TimeoutError, _unavailable)
    api.add_exception_handler(Exception, _refused)
    return api


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the door."""
    document = build_api().openapi()
    document["components"]["schemas"][ProblemDocument.__name__] = ProblemDocument.model_json_schema()
    return document


def build_door(settings: DoorSettings, parts: Parts) -> Guard:
    """The door as an ASGI application: it opens its consumers when it is started and closes them when it ends."""
    behind = _Behind(
        parts.callers,
        Answers(parts.records, parts.hits, parts.clock, settings.request_s_max),
        Inbox(parts.kafka, settings.readers),
        Turns(settings.rate_per_s, settings.rate_burst),
        Turns(settings.rate_per_s, settings.rate_burst),
        parts.audit,
    )

    @asynccontextmanager
    async def open_while_served(api: FastAPI) -> AsyncIterator[None]:
        await behind.inbox.start()
        api.state.behind = behind
        try:
            yield
        finally:
            await behind.inbox.stop()

    return Guard(build_api(open_while_served), settings, parts.tell, parts.audit)


def _say(request: Request, problem: ProblemError) -> Response:
    return answer(problem, request.headers.get("accept-language", ""), request.state.request_id)


async def _refused(request: Request, error: Exception) -> Response:
    return _say(request, error if isinstance(error, ProblemError) else ProblemError("failed"))


async def _invalid(request: Request, error: Exception) -> Response:
    """What is wrong and where, without what was sent. An id that cannot be a hit's names nothing."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    if any(item["loc"][0] == "path" for item in found):
        return _say(request, ProblemError("not_found"))
    detail = "; ".join(f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in found)
    return _say(request, ProblemError("invalid", detail=detail[:1000]))


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = (error.headers if isinstance(error, HTTPException) else None) or {}
    kind = _KINDS_OF_STATUS.get(status, "invalid" if status < 500 else "failed")
    return _say(request, ProblemError(kind, headers=headers))


async def _unavailable(request: Request, _error: Exception) -> Response:
    return _say(request, ProblemError("unavailable", headers={"retry-after": "5"}))
