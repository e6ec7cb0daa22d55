"""What every request passes before it is looked at: it gets an id, its body a bound, and itself a time limit.

The body is read beforehand, while nobody knows yet who sends it, so its bound is small. A route that takes a document
(``roomy``) reads its body by itself, once its caller is admitted, and only then may that be as large as documents are.

Outermost, so that whatever happens within is answered as a problem, and told in one line without anything that was sent. No
answer leaves before it is on the audit record; where it cannot be put there, 503 leaves in its place.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.door.access import is_judged
from connectors.door.auditing import entry_of
from connectors.door.problems import KINDS, ProblemError, answer
from connectors.door.settings import WAIT_S_MAX, DoorSettings
from matchers.wire import unwritable
from stream.core.audit.record import Audit, AuditUnavailableError
from stream.core.authority import Principal

REQUEST_ID: Final = "x-request-id"
_GOOD_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DOCUMENT: Final = re.compile(r"/v1/documents/[0-9a-f]{64}")


class Told(NamedTuple):
    """One request, as it may stand in a log or be counted.

    ``operation`` is a route's name and ``route`` its template, never a path that holds an id; ``error`` is a class's name.
    """

    request_id: str
    operation: str | None
    court: str | None
    status: int
    took_s: float
    error: str | None = None
    route: str | None = None


class UnjudgedError(RuntimeError):
    """A route answers without having asked whose things it tells of: a fault of ours, and nothing leaves."""


class Guard:
    """An ASGI application around another. ``scope["state"]`` has ``request_id``, and later ``principal``."""

    def __init__(self, app: ASGIApp, settings: DoorSettings, tell: Callable[[Told], object], audit: Audit) -> None:
        self._app, self._settings, self._tell, self._audit = app, settings, tell, audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        headers = Headers(scope=scope)
        sent = headers.get(REQUEST_ID, "")
        request_id = sent if _GOOD_ID.fullmatch(sent) else str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        status, error, withheld = 0, None, False

        async def answered(message: Message) -> None:
            nonlocal status, error, withheld
            if message["type"] == "http.response.start":
                if message["status"] < 400 and not is_judged(scope["state"], _operation(scope)):
                    raise UnjudgedError(_operation(scope))
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
                try:
                    await self._audit.write(entry_of(scope, headers, message["status"]))
                    status = message["status"]
                except AuditUnavailableError as unavailable:
                    status, error, withheld = KINDS["unavailable"].status, type(unavailable).__name__, True
                    await _say(_unavailable(), scope, receive, send)
            if not withheld:
                await send(message)

        try:
            async with asyncio.timeout(self._settings.request_s_max) as limit:
                bounded = await self._bounded(scope, headers, receive)
                limit.reschedule(asyncio.get_running_loop().time() + self._settings.request_s_max + WAIT_S_MAX)
                await self._app(scope, bounded, answered)
        except Exception as caught:  # what nobody foresaw must not end as a stack trace with somebody's data in it
            problem = caught if isinstance(caught, ProblemError) else _problem_of(caught)
            error = error or (None if problem is caught else type(caught).__name__)
            if not status:
                await _say(problem, scope, receive, answered)
        finally:
            self._tell(_told(scope, request_id, status, time.monotonic() - began, error))

    async def _bounded(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """The whole body, read beforehand, or, of a roomy request, a way to read it.

        Raises:
            ProblemError: it is too large, or could not be written again.
        """
        large = is_roomy(scope)
        length = headers.get("content-length", "0")
        bytes_max = self._settings.document_bytes_max if large else self._settings.body_bytes_max
        if length.isdigit() and int(length[:20]) > bytes_max:
            raise ProblemError("too_large")
        if large:
            return _for_the_admitted(scope, receive, bytes_max)
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return _first(message, receive)
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > bytes_max:
                raise ProblemError("too_large")
        if (wrong := unwritable(bytes(body))) is not None:  # it would be read, and could not be written to a topic
            raise ProblemError("invalid", detail=f"body: {wrong}")
        return _first({"type": "http.request", "body": bytes(body), "more_body": False}, receive)


def is_roomy(scope: Scope) -> bool:
    """Whether the request is one whose route reads a document from its body."""
    return scope["method"] == "PUT" and _DOCUMENT.fullmatch(scope["path"]) is not None


def _for_the_admitted(scope: Scope, receive: Receive, bytes_max: int) -> Receive:
    """Reads on, up to the bound. Before the caller is admitted nothing is read, whatever route asks for it."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        if not scope["state"].get("admitted"):
            raise ProblemError("unauthorized")
        message = await receive()
        read += len(message.get("body", b""))
        if read > bytes_max:
            raise ProblemError("too_large")
        return message

    return counted


def _first(message: Message, receive: Receive) -> Receive:
    left: list[Message] = [message]

    async def replayed() -> Message:
        return left.pop() if left else await receive()

    return replayed


def _problem_of(error: Exception) -> ProblemError:
    return _unavailable() if isinstance(error, TimeoutError | AuditUnavailableError) else ProblemError("failed")


def _unavailable() -> ProblemError:
    return ProblemError("unavailable", headers={"retry-after": "5"})


async def _say(problem: ProblemError, scope: Scope, receive: Receive, send: Send) -> None:
    request_id = scope["state"]["request_id"]
    said = answer(problem, Headers(scope=scope).get("accept-language", ""), request_id)
    said.headers[REQUEST_ID] = request_id
    await said(scope, receive, send)


def _told(scope: Scope, request_id: str, status: int, took_s: float, error: str | None) -> Told:
    state: dict[str, Any] = scope["state"]
    name, template = _operation(scope), getattr(scope.get("route"), "path", None)
    principal: Principal | None = state.get("principal")
    return Told(request_id, name, None if principal is None else principal.court, status, took_s, error, template)


def _operation(scope: Scope) -> str | None:
    return getattr(scope.get("route"), "name", None)
