"""A request that dawdles is ended, whether it sends too slowly or is worked on too long."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import pytest

from connectors.door import guard
from connectors.door.guard import Guard, Told
from connectors.door.settings import DoorSettings
from stream.core.audit.record import AuditUnavailableError, Entry
from stream.core.authority import Grant, Principal, Role

SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": [(b"accept-language", b"en")]}


class Route(NamedTuple):
    """What a router leaves in the scope."""

    name: str
    path: str


class Listed:
    """An audit log that is a list."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def write(self, entry: Entry) -> None:
        self.entries.append(entry)


class Refusing:
    """An audit log that is away."""

    async def write(self, entry: Entry) -> None:
        raise AuditUnavailableError("away")


async def hangs(*_: Any) -> Any:
    await asyncio.Event().wait()


async def sends_nothing_more() -> dict[str, Any]:
    return {"type": "http.request", "body": b"{}", "more_body": False}


@pytest.mark.parametrize("receive", [hangs, sends_nothing_more], ids=["its body does not come", "its work does not end"])
async def test_a_request_has_its_time(receive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "WAIT_S_MAX", 0.02)
    told: list[Told] = []
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    audit = Listed()
    await Guard(hangs, DoorSettings(request_s_max=0.02), told.append, audit)(dict(SCOPE), receive, send)
    start, body = sent
    assert (start["status"], json.loads(body["body"])["type"]) == (503, "urn:chakong:problem:unavailable")
    assert (told[0].status, told[0].error) == (503, "TimeoutError")
    assert [(one.outcome, one.status) for one in audit.entries] == [("failed", 503)]


async def test_an_answer_that_is_not_on_record_does_not_leave() -> None:
    told: list[Told] = []
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def answers(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"secret"})

    await Guard(answers, DoorSettings(), told.append, Refusing())(dict(SCOPE), sends_nothing_more, send)
    assert [message.get("status") for message in sent] == [503, None]
    assert b"secret" not in sent[1]["body"]
    assert (told[0].status, told[0].error) == (503, "AuditUnavailableError")


async def test_an_answer_of_a_route_that_asked_for_no_owner_does_not_leave() -> None:
    told: list[Told] = []
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def forgets(scope: Any, receive: Any, send: Any) -> None:
        scope["route"] = Route("get_order", "/v1/orders/{order_id}")
        scope["state"]["principal"] = Principal("440106", (Grant(Role.CLERK, "440106"),))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"secret"})

    await Guard(forgets, DoorSettings(), told.append, Listed())(dict(SCOPE), sends_nothing_more, send)
    assert [message.get("status") for message in sent] == [500, None]
    assert b"secret" not in sent[1]["body"]
    assert (told[0].status, told[0].error) == (500, "UnjudgedError")


@pytest.mark.parametrize("admitted", [False, True])
async def test_a_documents_body_is_not_touched_before_its_sender_is_admitted(admitted: bool) -> None:
    asked, sent = [], []

    async def receive() -> dict[str, Any]:
        asked.append(1)
        return {"type": "http.request", "body": bytes(600), "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    async def reads(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["admitted"] = admitted
        while True:
            await receive()

    scope = {**SCOPE, "method": "PUT", "path": "/v1/documents/" + "a" * 64}
    await Guard(reads, DoorSettings(document_bytes_max=1500), lambda _: None, Listed())(scope, receive, send)
    assert (sent[0]["status"], len(asked)) == ((413, 3) if admitted else (401, 0))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/documents/" + "a" * 64),
        ("PUT", "/v1/documents/" + "A" * 64),
        ("PUT", "/v1/documents/" + "a" * 64 + "/"),
        ("PUT", "/v2/documents/" + "a" * 64),
        ("PUT", "/v1/orders/" + "a" * 64),
    ],
)
def test_no_other_request_may_be_as_large(method: str, path: str) -> None:
    assert not guard.is_roomy({"method": method, "path": path})
