"""The short way answers what FastAPI would, whatever comes of a request: the same route is asked both ways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel
from starlette.types import ASGIApp

from connectors.door.access import Admitted, Gate
from connectors.door.app import build_api
from connectors.door.guard import Guard, Told
from connectors.door.limits import Rates, Turns
from connectors.door.problems import ProblemError
from connectors.door.settings import DoorSettings
from connectors.door.short import ShortRoute, ShortWay
from connectors.door.tokens import Entry as Token
from connectors.door.tokens import Tokens
from connectors.kafka.errors import KafkaUnreachableError
from connectors.redis.errors import IndexUnavailableError
from stream.core.authority import Grant, Principal, Role
from tests.connectors.door.test_guard import Listed

TOKENS: Final = {"police-" * 6: Role.POLICE, "clerk-" * 8: Role.CLERK}
PLACES: Final[dict[Role, dict[str, str]]] = {Role.POLICE: {"province": "44"}, Role.CLERK: {"court": "440106"}}
RAISES: Final[dict[str, tuple[int, Exception]]] = {
    "refused": (503, ProblemError("cannot_say", headers={"retry-after": "1"}, reason="behind")),
    "kafka": (503, KafkaUnreachableError("127.0.0.1:1")),
    "redis": (503, IndexUnavailableError("unreachable", "Redis cannot be reached")),
    "late": (503, TimeoutError()),
    "unforeseen": (500, KeyError("a name that must not be shown")),
}
GOOD: Final = {"content-type": "application/json", "authorization": f"Bearer {'police-' * 6}"}


class Asked(BaseModel):
    what: str


router = APIRouter(prefix="/v1", route_class=ShortRoute)


@router.post("/again", name="check_vehicle")
async def again(request: Request, caller: Admitted, asked: Asked) -> Response:
    """Raise what is asked for, or answer with who asks."""
    if asked.what in RAISES:
        raise RAISES[asked.what][1]
    request.state.judged = True
    return Response(json.dumps({"who": caller.id, "what": asked.what}), media_type="application/json")


def door(*, short: bool) -> tuple[Guard, Listed, list[Told]]:
    audit, told = Listed(), list[Told]()
    api: FastAPI = build_api()
    api.include_router(router)
    known = Tokens(Token(token, Principal(role, (Grant(role, **PLACES[role]),))) for token, role in TOKENS.items())
    api.state.gate = Gate(known, audit, Rates(Turns(100, 100), {}), Turns(100, 100))
    app: ASGIApp = ShortWay(api, [router]) if short else api
    return Guard(app, DoorSettings(), told.append, audit), audit, told


async def asked_of(short: bool, method: str, headers: Mapping[str, str], body: bytes) -> Any:
    """What is answered, put on record, and told."""
    guard, audit, told = door(short=short)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": "/v1/again",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in {**headers, "x-request-id": "r-1"}.items()],
        "client": ("127.0.0.1", 1),
    }
    await guard(scope, receive, send)
    start, content = sent
    return start["status"], sorted(start["headers"]), content["body"], audit.entries, [one._replace(took_s=0.0) for one in told]


@pytest.mark.parametrize(
    ("status", "method", "headers", "body"),
    [
        (200, "POST", GOOD, b'{"what": "nothing"}'),
        *((status, "POST", GOOD, json.dumps({"what": what}).encode()) for what, (status, _) in RAISES.items()),
        (401, "POST", {"content-type": "application/json"}, b'{"what": "nothing"}'),
        (403, "POST", GOOD | {"authorization": f"Bearer {'clerk-' * 8}"}, b'{"what": "nothing"}'),
        (405, "GET", GOOD, b""),
        (422, "POST", GOOD, b'{"what": 1}'),
        (422, "POST", GOOD, b"{"),
        (422, "POST", GOOD | {"content-type": "text/plain"}, b'{"what": "nothing"}'),
        (422, "POST", GOOD, b'{"what": "\\ud800"}'),
        (413, "POST", GOOD | {"content-length": "99999"}, b""),
    ],
)
async def test_both_ways_answer_alike(status: int, method: str, headers: dict[str, str], body: bytes) -> None:
    short, long = [await asked_of(way, method, headers, body) for way in (True, False)]
    assert short[0] == status
    assert short == long
