"""Short messages, through a provider: the protocol that one fulfils, and an adapter for providers that take JSON over HTTP.

    POST <url>
    Authorization: Bearer <token>
    Idempotency-Key: <the event's id>
    {"id": "<the event's id>", "to": "+86…", "text": "【查控】…", "parts": 1}

| status | means |
| --- | --- |
| 2xx | accepted; the same for a repeat of a key |
| 400, 404, 422 | the message or number is refused for good |
| anything else | tried again, after ``Retry-After`` where it is given |
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

import msgspec
from yarl import URL

from connectors.courts.attempt import Attempt
from connectors.courts.endpoint import Endpoint
from connectors.courts.http import Http, failed, retry_after_s
from connectors.courts.settings import CourtsSettings, SmsSettings
from stream.core.delivery import Reason
from stream.core.notification import Notification
from stream.core.wording import parts_of, short_text

_REFUSED_FOR_GOOD: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY})


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """One message. ``key``: a provider that is given the same twice sends it once."""

    key: str
    to: str
    text: str
    parts: int


class Provider(Protocol):
    """Whoever sends short messages. Raises nothing for what a network or the provider does."""

    async def send(self, message: ShortMessage) -> Attempt: ...


class Sms:
    """Sends notifications as short messages."""

    def __init__(self, provider: Provider, parts_max: int) -> None:
        self._provider, self._parts_max = provider, parts_max

    async def post(self, endpoint: Endpoint, notification: Notification) -> Attempt:
        """Make one attempt."""
        text = short_text(notification, self._parts_max)
        return await self._provider.send(ShortMessage(notification.id, endpoint.address, text, parts_of(text)))


class HttpSms:
    """The adapter for HTTP."""

    def __init__(self, sms: SmsSettings, courts: CourtsSettings, *, clock: Callable[[], dt.datetime]) -> None:
        """Raises OSError, ssl.SSLError or ValueError when a file that the settings name cannot be used."""
        if sms.url is None:
            raise ValueError("CHAKONG_SMS_URL is needed")
        self._url: Final = URL(sms.url.get_secret_value())
        self._token: Final = sms.secret()
        self._longest_s: Final = courts.retry_after_s_max
        self._clock: Final = clock
        self._http: Final = Http(courts)

    async def send(self, message: ShortMessage) -> Attempt:
        body = msgspec.json.encode({"id": message.key, "to": message.to, "text": message.text, "parts": message.parts})
        headers = {
            "authorization": f"Bearer {self._token}",
            "content-type": "application/json",
            "idempotency-key": message.key,
            "user-agent": "chakong",
        }
        answer = await self._http.post(self._url, headers, body)
        if answer.status is None:
            return failed(answer.failure, answer.took_s)
        detail = f"HTTP {answer.status}"
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return Attempt(Reason.DELIVERED, False, detail, answer.status, answer.took_s, may_have_arrived=True)
        hint_s = retry_after_s(answer.retry_after, self._clock(), self._longest_s)
        retry = answer.status not in _REFUSED_FOR_GOOD
        unsure = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return Attempt(Reason.REFUSED, retry, detail, answer.status, answer.took_s, hint_s, may_have_arrived=unsure)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()
