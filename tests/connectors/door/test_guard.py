"""A request that dawdles is ended, whether it sends too slowly or is worked on too long."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from connectors.door import guard
from connectors.door.guard import Guard, Told
from connectors.door.settings import DoorSettings

SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": [(b"accept-language", b"en")]}


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

    await Guard(hangs, DoorSettings(request_s_max=0.02), told.append)(dict(SCOPE), receive, send)
    start, body = sent
    assert (start["status"], json.loads(body["body"])["type"]) == (503, "urn:chakong:problem:unavailable")
    assert (told[0].status, told[0].error) == (503, "TimeoutError")
