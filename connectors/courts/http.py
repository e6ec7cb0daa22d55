"""One POST over HTTP: bounded in time and size, without redirects, cookies or proxies.

The client keeps idle connections by host and gives a connection to whoever asks: how many are asked for at once is decided
before (``lanes``).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
from yarl import URL

from connectors.courts.addresses import AddressRefusedError, Guard, GuardedResolver
from connectors.courts.attempt import Attempt
from connectors.courts.settings import CourtsSettings
from stream.core.delivery import Reason

_NOT_CONNECTED: Final = (AddressRefusedError, aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_SAID_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a POST: a status, or else the failure."""

    status: int | None
    failure: Exception | None
    took_s: float
    retry_after: str | None = None


class Http:
    """Posts. Without a guard, only to where the deployment itself has said."""

    def __init__(self, settings: CourtsSettings, guard: Guard | None = None) -> None:
        """Raises OSError or ssl.SSLError when the settings' ``ca_file`` cannot be used."""
        self._settings: Final = settings
        self._guard: Final = guard
        self._resolver: Final = None if guard is None else GuardedResolver(guard)
        self._trust: Final = ssl.create_default_context(cafile=settings.ca_file)
        self._timeout: Final = aiohttp.ClientTimeout(total=None, connect=settings.connect_s, ceil_threshold=3600)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: URL, headers: Mapping[str, str], body: bytes) -> Answer:
        """Make one attempt. Cancelling it closes its connection."""
        began = time.perf_counter()
        answer: list[aiohttp.ClientResponse] = []
        failure: Exception | None = None
        try:
            if self._guard is not None:
                self._guard.check(url)
            async with asyncio.timeout(self._settings.total_s):
                await self._send(url, headers, body, answer)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            failure = error
        took_s = time.perf_counter() - began
        if answer:  # its status is what was answered, whatever became of the rest
            return Answer(answer[0].status, None, took_s, answer[0].headers.get("retry-after"))
        return Answer(None, failure, took_s)

    async def _send(self, url: URL, headers: Mapping[str, str], body: bytes, answer: list[aiohttp.ClientResponse]) -> None:
        """Send; put the response into ``answer`` as soon as its status is known, then discard its body."""
        session = self._session = self._session or self._opened()
        if session.closed:
            raise aiohttp.ClientConnectionError
        response = await session.post(url, headers=headers, data=body, allow_redirects=False)
        answer.append(response)
        try:
            left = self._settings.answer_bytes_max
            async for chunk in response.content.iter_any():
                left -= len(chunk)
                if left < 0:
                    break
        finally:
            response.close()  # which closes the connection when something was left

    def _opened(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=self._settings.idle_s,
            ssl=self._trust,
            resolver=self._resolver,
        )
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=self._timeout, auto_decompress=False
        )

    async def close(self) -> None:
        """Close all connections, for good."""
        if self._session is not None:
            await self._session.close()
        if self._resolver is not None:
            await self._resolver.close()


def failed(failure: Exception | None, took_s: float) -> Attempt:
    """An attempt without an answer. Only a failure to connect is sure to have told nobody anything."""
    may_have_arrived = not isinstance(failure, _NOT_CONNECTED)
    cause = _cause(failure)
    if isinstance(cause, AddressRefusedError):
        return Attempt(Reason.ADDRESS_REFUSED, True, str(cause), None, took_s)
    if isinstance(failure, TimeoutError):
        kind = "connecting" if isinstance(failure, aiohttp.ConnectionTimeoutError) else "total"
        return Attempt(Reason.TIMED_OUT, True, f"no answer in time ({kind})", None, took_s, may_have_arrived=may_have_arrived)
    # Other errors may quote what the other side sent; a failure to connect says only what the network or TLS said.
    said = f": {str(cause)[:_SAID_MAX]}" if isinstance(failure, aiohttp.ClientConnectorError) else ""
    return Attempt(Reason.UNREACHABLE, True, f"{type(failure).__name__}{said}", None, took_s, may_have_arrived=may_have_arrived)


def _cause(failure: Exception | None) -> Exception | None:
    """What the network or TLS said, in a failure to connect."""
    if isinstance(failure, aiohttp.ClientConnectorCertificateError):
        return failure.certificate_error
    return failure.os_error if isinstance(failure, aiohttp.ClientConnectorError) else failure


def retry_after_s(header: str | None, now: dt.datetime, longest_s: float) -> float | None:
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
    return min(max((moment - now).total_seconds(), 0.0), longest_s)
