"""The door, over HTTP: what courts, police and those who supervise ask of the engine. Versioned paths, problems as RFC 9457."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from connectors.audit.reading import AuditReading
from connectors.door.access import Gate, Identities, admitted
from connectors.door.answers import Answers, Hits
from connectors.door.behind import Behind
from connectors.door.checks import Checks
from connectors.door.documented import name_the_request
from connectors.door.documents import Documents
from connectors.door.explanations import Explanations, Replays
from connectors.door.feeds import Feeds, Held
from connectors.door.guard import Guard, Told
from connectors.door.health import Health
from connectors.door.hit_list import HitList, Stories
from connectors.door.incidents import Desk
from connectors.door.limits import Rates, Turns
from connectors.door.orders import Orders, Views
from connectors.door.pages import Pages
from connectors.door.problems import ProblemDocument, ProblemError, answer
from connectors.door.registry import Log, Registry
from connectors.door.routes import (
    audit,
    cases,
    checks,
    debtors,
    documents,
    explanations,
    health,
    hit_stories,
    hits,
    inbox,
    incidents,
    instructions,
    judgments,
    me,
    orders,
    queries,
    rules,
)
from connectors.door.rules import RulesDesk
from connectors.door.settings import DoorSettings
from connectors.door.short import ShortWay
from connectors.kafka.errors import KafkaError
from connectors.kafka.records import Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import INBOX, INSTRUCTIONS
from connectors.redis.errors import RedisError
from matchers.wire import place
from stream.core.audit.record import Audit, AuditUnavailableError
from stream.core.authority import Role
from stream.core.ports import ProvincialRules
from stream.core.seals import DocumentStore, SealVerifier

VERSION: Final = "1.1.0"
ROUTES: Final = (
    checks,
    inbox,
    hits,
    hit_stories,
    explanations,
    orders,
    documents,
    cases,
    debtors,
    judgments,
    queries,
    instructions,
    incidents,
    rules,
    audit,
    health,
    me,
)
"""One room of routes a concern; those whose callers wait at a desk come first, for a path is looked for in this order.

A route's name is its operation in the permission matrix, and what stands in the logs."""
_KINDS_OF_STATUS: Final = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_AWAY: Final = (KafkaError, RedisError, AuditUnavailableError, TimeoutError)


class Papers(NamedTuple):
    """What documents, and with them orders, need: where they are kept, who checks them, and what is held of orders."""

    store: DocumentStore
    verifier: SealVerifier
    views: Views


class Parts(NamedTuple):
    """What the door is made of."""

    identities: Identities
    records: Records
    kafka: KafkaSettings
    hits: Hits
    checks: Checks
    clock: Callable[[], dt.datetime]
    tell: Callable[[Told], object]
    audit: Audit
    audit_log: AuditReading
    health: Health
    stories: Stories
    replays: Replays
    incidents: Desk
    held: Held
    queries: Log
    rules: ProvincialRules
    papers: Papers | None = None
    documents: DocumentStore | None = None


def build_api(lifespan: Any = None) -> FastAPI:
    """The routes alone, for whoever serves them and for the OpenAPI document."""
    api = FastAPI(
        title="Chakong 查控",
        version=VERSION,
        description="The door of courts and police, after the opinion Fa [2016] No. 41 (法〔2016〕41号).",
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
        redirect_slashes=False,  # a path that is none of ours is not here; nobody's token is sent on to another
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    for room in ROUTES:
        api.include_router(room.router, dependencies=[Depends(admitted)])
    api.add_exception_handler(ProblemError, _refused)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http)
    for away in _AWAY:
        api.add_exception_handler(away, _unavailable)
    api.add_exception_handler(Exception, _refused)
    return api


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the door."""
    document = build_api().openapi()
    name_the_request(document)
    schemas = document["components"]["schemas"]
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {}) | {ProblemDocument.__name__: problem}
    return document


def build_door(settings: DoorSettings, parts: Parts) -> Guard:
    """The door as an ASGI application: it opens its consumers when it is started and closes them when it ends."""
    documents, orders = _papers(settings, parts)
    gate = Gate(parts.identities, parts.audit, _rates(settings), Turns(settings.rate_per_s, settings.rate_burst))
    behind = Behind(
        inbox=Pages(parts.kafka, INBOX, settings.readers),
        instructions=Pages(parts.kafka, INSTRUCTIONS, settings.readers),
        checks=parts.checks,
        answers=Answers(parts.records, parts.hits, parts.clock, settings.request_s_max),
        audit=parts.audit_log,
        health=parts.health,
        documents=documents,
        orders=orders,
        hit_list=HitList(parts.kafka, settings.readers, parts.stories),
        explanations=Explanations(parts.replays, parts.stories, settings.replays_max),
        incidents=parts.incidents,
        feeds=Feeds(parts.held, parts.records, parts.documents, parts.clock, settings.request_s_max),
        registry=Registry(parts.held, parts.queries, parts.records, parts.clock, settings.request_s_max),
        rules=RulesDesk(parts.records, parts.rules, parts.clock, settings.request_s_max),
    )

    @asynccontextmanager
    async def open_while_served(api: FastAPI) -> AsyncIterator[None]:
        await behind.inbox.start()
        await behind.instructions.start()
        api.state.gate, api.state.behind = gate, behind
        try:
            yield
        finally:
            await behind.instructions.stop()
            await behind.inbox.stop()
            if documents is not None:
                documents.close()

    door = ShortWay(build_api(open_while_served), (room.router for room in ROUTES))
    return Guard(door, settings, parts.tell, parts.audit)


def _papers(settings: DoorSettings, parts: Parts) -> tuple[Documents | None, Orders | None]:
    if parts.papers is None:
        return None, None
    store, verifier, views = parts.papers
    documents = Documents(store, verifier, settings.documents_at_once)
    return documents, Orders(views, documents, parts.records, parts.clock, settings.request_s_max)


def _rates(settings: DoorSettings) -> Rates:
    """Checks are many where a platform asks for all its desks. One station's are few, so that nobody tries every plate."""
    by_role = {Role.STATION: settings.check_rate_station_per_s, Role.POLICE: settings.check_rate_police_per_s}
    own = {role: Turns(rate, math.ceil(2 * rate)) for role, rate in by_role.items()}
    checked = ("check_vehicle", "check_exit")
    return Rates(Turns(settings.rate_per_s, settings.rate_burst), {(name, role): own[role] for name in checked for role in own})


def _say(request: Request, problem: ProblemError) -> Response:
    return answer(problem, request.headers.get("accept-language", ""), request.state.request_id)


async def _refused(request: Request, error: Exception) -> Response:
    return _say(request, error if isinstance(error, ProblemError) else ProblemError("failed"))


async def _invalid(request: Request, error: Exception) -> Response:
    """What is wrong and where, without what was sent. An id that cannot be one names nothing."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    if any(item["loc"][0] == "path" for item in found):
        return _say(request, ProblemError("not_found"))
    detail = "; ".join(f"{place(item['loc'])}: {item['msg']}" for item in found)
    return _say(request, ProblemError("invalid", detail=detail[:1000]))


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = (error.headers if isinstance(error, HTTPException) else None) or {}
    kind = _KINDS_OF_STATUS.get(status, "invalid" if status < 500 else "failed")
    return _say(request, ProblemError(kind, headers=headers))


async def _unavailable(request: Request, _error: Exception) -> Response:
    return _say(request, ProblemError("unavailable", headers={"retry-after": "5"}))
