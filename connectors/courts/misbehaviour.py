"""How the receiving court misbehaves when it is told to."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web


@dataclass(slots=True)
class Misbehaviour:
    """What a court does in place of a good answer, for its next ``times`` requests (None: until told otherwise).

    ``wait_s`` comes first (``math.inf``: it never answers), then the connection is reset, or ``status`` is answered. With
    ``keeps`` the court has taken the notification in before it misbehaves.
    """

    status: int = 500
    times: int | None = None
    wait_s: float = 0.0
    reset: bool = False
    keeps: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


HANGS: Final = Misbehaviour(wait_s=math.inf)
RESETS: Final = Misbehaviour(reset=True)


async def misbehave(request: web.BaseRequest, misbehaviour: Misbehaviour) -> web.Response:
    """Do it."""
    if misbehaviour.wait_s == math.inf:
        await asyncio.Event().wait()
    await asyncio.sleep(misbehaviour.wait_s)
    if misbehaviour.reset and request.transport is not None:
        request.transport.abort()
    return web.Response(status=misbehaviour.status, headers=dict(misbehaviour.headers), body=misbehaviour.body)
