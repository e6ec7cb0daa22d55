"""The webhook: posts a signed notification to a court's endpoint, and says what came of it and whether to try again.

It never raises for what a network or a court does. It logs nothing, and what it reports holds no body, header, query or name.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Final, Self

import httpx

from connectors.courts.endpoints import Endpoint
from connectors.courts.lanes import Lanes
from connectors.courts.settings import CourtsSettings
from connectors.courts.signature import signed_headers
from stream.core.delivery import Reason
from stream.core.notification import CONTENT_TYPE, Notification


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt. ``may_have_arrived``: the court may know the news although the attempt failed."""

    outcome: Reason
    retry: bool
    detail: str
    status: int | None = None
    took_s: float = 0.0
    retry_after_s: float | None = None
    may_have_arrived: bool = False


class Webhook:
    """Posts notifications over pooled connections; use as a context manager, or call ``close``."""

    def __init__(self, settings: CourtsSettings | None = None, *, wall_s: Callable[[], float] = time.time) -> None:
        """``wall_s`` gives Unix seconds, for the signature.

        Raises OSError or ssl.SSLError when the settings' ``ca_file`` cannot be used.
        """
        self._settings: Final = settings or CourtsSettings()
        self._wall_s: Final = wall_s
        self._lanes: Final = Lanes(self._settings)
        self._ended: Final[dict[str, str]] = {}
        wait_s = self._settings.total_s
        self._timeout: Final = {"connect": self._settings.connect_s, "pool": wait_s, "read": wait_s, "write": wait_s}

    @property
    def ended(self) -> frozenset[str]:
        """The redacted URLs of endpoints that answered 410 to this process; they get nothing more."""
        return frozenset(self._ended.values())

    @property
    def lanes(self) -> int:
        """The number of endpoints that connections are kept to."""
        return len(self._lanes)

    async def post(self, endpoint: Endpoint, notification: Notification) -> Attempt:
        """Wait for a turn, then make one attempt. Cancelling it aborts the attempt; it may have arrived nevertheless."""
        async with self.turn(endpoint) as turn:
            return await turn(notification)

    @asynccontextmanager
    async def turn(self, endpoint: Endpoint) -> AsyncIterator[Turn]:
        """Wait until one of the endpoint's turns is free, and hold it.

        The fence belongs within the turn: what was true before a wait behind a slow court may not be true after it.
        """
        async with self._lanes.turn(endpoint.url.get_secret_value()) as transport:
            yield Turn(self, endpoint, transport)

    async def _attempt(self, transport: httpx.AsyncBaseTransport, endpoint: Endpoint, notification: Notification) -> Attempt:
        if endpoint.url.get_secret_value() in self._ended:
            return Attempt(Reason.ENDPOINT_GONE, retry=False, detail="the endpoint answered 410 before")
        request = self._request(endpoint, notification)
        began = time.perf_counter()
        answer: list[httpx.Response] = []
        failure: Exception | None = None
        try:
            async with asyncio.timeout(self._settings.total_s):
                await self._send(transport, request, answer)
        except (httpx.TransportError, OSError) as error:  # TLS has errors that httpx lets through; TimeoutError is one too
            failure = error
        took_s = time.perf_counter() - began
        if answer:  # its status is the court's answer, whatever became of the rest
            return self._judge(endpoint, answer[0], took_s)
        return _failed(failure, took_s)

    def _request(self, endpoint: Endpoint, notification: Notification) -> httpx.Request:
        body = notification.body()
        url = httpx.URL(endpoint.url.get_secret_value())
        headers = signed_headers(endpoint.key.get_secret_value(), notification.id, math.floor(self._wall_s()), body)
        headers |= {"content-type": CONTENT_TYPE, "user-agent": "chakong", "accept-encoding": "identity"}
        if url.userinfo:
            headers["authorization"] = f"Basic {base64.b64encode(f'{url.username}:{url.password}'.encode()).decode()}"
        return httpx.Request("POST", url, headers=headers, content=body, extensions={"timeout": self._timeout})

    async def _send(self, transport: httpx.AsyncBaseTransport, request: httpx.Request, answer: list[httpx.Response]) -> None:
        """Send the request; put the response into ``answer`` as soon as its status is known, then discard its body.

        The bare transport follows no redirect, keeps no cookie and logs nothing.
        """
        response = await transport.handle_async_request(request)
        answer.append(response)
        try:
            left = self._settings.answer_bytes_max
            async for chunk in response.aiter_raw():
                left -= len(chunk)
                if left < 0:
                    break
        finally:
            await response.aclose()  # which closes the connection when something was left

    def _judge(self, endpoint: Endpoint, response: httpx.Response, took_s: float) -> Attempt:
        status = response.status_code
        detail = f"HTTP {status}"
        if response.is_success:
            return Attempt(Reason.DELIVERED, False, detail, status, took_s, may_have_arrived=True)
        if status == httpx.codes.GONE:
            self._ended[endpoint.url.get_secret_value()] = endpoint.redacted
            return Attempt(Reason.ENDPOINT_GONE, False, detail, status, took_s, may_have_arrived=True)
        hint_s = _retry_after_s(response.headers.get("retry-after"), self._wall_s(), self._settings.retry_after_s_max)
        return Attempt(Reason.REFUSED, True, detail, status, took_s, hint_s, may_have_arrived=True)

    async def close(self) -> None:
        """Close all connections."""
        await self._lanes.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn at an endpoint: call it with a notification to make one attempt."""

    _webhook: Webhook
    _endpoint: Endpoint
    _transport: httpx.AsyncBaseTransport

    async def __call__(self, notification: Notification) -> Attempt:
        return await self._webhook._attempt(self._transport, self._endpoint, notification)


def _failed(failure: Exception | None, took_s: float) -> Attempt:
    """An attempt without an answer. Only a failure to connect is sure to have told the court nothing."""
    may_have_arrived = not isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    if isinstance(failure, TimeoutError | httpx.TimeoutException):
        kind = "total" if isinstance(failure, TimeoutError) else type(failure).__name__
        return Attempt(Reason.TIMED_OUT, True, f"no answer in time ({kind})", None, took_s, may_have_arrived=may_have_arrived)
    # Other errors may quote what the court sent; a failure to connect says only what the network or TLS said.
    said = f": {str(failure)[:200]}" if isinstance(failure, httpx.ConnectError) else ""
    return Attempt(Reason.UNREACHABLE, True, f"{type(failure).__name__}{said}", None, took_s, may_have_arrived=may_have_arrived)


def _retry_after_s(header: str | None, wall_s: float, longest_s: float) -> float | None:
    """The seconds that a ``Retry-After`` asks for (a number of them, or a date), from 0 to ``longest_s``."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), longest_s)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return min(max(moment.timestamp() - wall_s, 0.0), longest_s)
