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

from connectors.door.access import Gate, Identities, admitted
from connectors.door.answers import Answers, Hits
from connectors.door.behind import Behind
from connectors.door.checks import Checks
from connectors.door.guard import Guard, Told
from connectors.door.limits import Rates, Turns
from connectors.door.pages import Pages
from connectors.door.problems import ProblemDocument, ProblemError, answer
from connectors.door.routes import checks, hits, inbox, instructions, me
from connectors.door.settings import DoorSettings
from connectors.kafka.errors import KafkaError
from connectors.kafka.records import Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import INBOX, INSTRUCTIONS
from connectors.redis.errors import ViewUnavailableError
from stream.core.audit.record import Audit, AuditUnavailableError
from stream.core.authority import Role

VERSION: Final = "1.1.0"
ROUTES: Final = (checks, inbox, hits, instructions, me)
"""One room of routes a concern. A route's name is its operation in the permission matrix, and what stands in the logs."""
_KINDS_OF_STATUS: Final = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_AWAY: Final = (KafkaError, ViewUnavailableError, AuditUnavailableError, TimeoutError)


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


def build_api(lifespan: Any = None) -> FastAPI:
    """The routes alone, for whoever serves them and for the OpenAPI document."""
    api = FastAPI(
        title="Chakong 查控",
        version=VERSION,
        description="The door of courts and police, after the opinion Fa [2016] No. 41 (法〔2016〕41号).",
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    for room in ROUTES:
        api.include_router(room.router, prefix="/v1", dependencies=[Depends(admitted)])
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
    document["components"]["schemas"][ProblemDocument.__name__] = ProblemDocument.model_json_schema()
    return document


def build_door(settings: DoorSettings, parts: Parts) -> Guard:
    """The door as an ASGI application: it opens its consumers when it is started and closes them when it ends."""
    gate = Gate(parts.identities, parts.audit, _rates(settings), Turns(settings.rate_per_s, settings.rate_burst))
    behind = Behind(
        inbox=Pages(parts.kafka, INBOX, settings.readers),
        instructions=Pages(parts.kafka, INSTRUCTIONS, settings.readers),
        checks=parts.checks,
        answers=Answers(parts.records, parts.hits, parts.clock, settings.request_s_max),
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

    return Guard(build_api(open_while_served), settings, parts.tell, parts.audit)


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
    detail = "; ".join(f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in found)
    return _say(request, ProblemError("invalid", detail=detail[:1000]))


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = (error.headers if isinstance(error, HTTPException) else None) or {}
    kind = _KINDS_OF_STATUS.get(status, "invalid" if status < 500 else "failed")
    return _say(request, ProblemError(kind, headers=headers))


async def _unavailable(request: Request, _error: Exception) -> Response:
    return _say(request, ProblemError("unavailable", headers={"retry-after": "5"}))
