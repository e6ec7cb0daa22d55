"""The webhook: posts a signed notification to a court's endpoint, and says what came of it and whether to try again.

It never raises for what a network or a court does. It logs nothing, and what it reports holds no body, header, query or name.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

from yarl import URL

from connectors.courts.addresses import Guard
from connectors.courts.attempt import Attempt
from connectors.courts.endpoint import Endpoint
from connectors.courts.http import Http, failed, retry_after_s
from connectors.courts.settings import CourtsSettings
from connectors.courts.signature import signed_headers
from stream.core.delivery import Reason
from stream.core.notification import CONTENT_TYPE, Notification


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Webhook:
    """Posts notifications over kept connections; use as a context manager, or call ``close``."""

    def __init__(self, settings: CourtsSettings | None = None, *, clock: Callable[[], dt.datetime] = _now) -> None:
        """Raises OSError or ssl.SSLError when the settings' ``ca_file`` cannot be used."""
        self._settings: Final = settings or CourtsSettings()
        self._clock: Final = clock
        self._http: Final = Http(self._settings, Guard(self._settings.private_hosts))

    async def post(self, endpoint: Endpoint, notification: Notification) -> Attempt:
        """Make one attempt. Cancelling it aborts the attempt; it may have arrived nevertheless."""
        url = URL(endpoint.url.get_secret_value())
        body = notification.body()
        moment_s = math.floor(self._clock().timestamp())
        headers = signed_headers(endpoint.key.get_secret_value(), notification.id, moment_s, body)
        headers |= {"content-type": CONTENT_TYPE, "user-agent": "chakong", "accept-encoding": "identity"}
        if url.user is not None or url.password is not None:
            user = base64.b64encode(f"{url.user or ''}:{url.password or ''}".encode()).decode()
            headers["authorization"] = f"Basic {user}"
            url = url.with_user(None)
        answer = await self._http.post(url, headers, body)
        if answer.status is None:
            return failed(answer.failure, answer.took_s)
        return self._judge(answer.status, answer.retry_after, answer.took_s)

    def _judge(self, status: int, retry_after: str | None, took_s: float) -> Attempt:
        detail = f"HTTP {status}"
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Attempt(Reason.DELIVERED, False, detail, status, took_s, may_have_arrived=True)
        if status == HTTPStatus.GONE:
            return Attempt(Reason.ENDPOINT_GONE, False, detail, status, took_s, may_have_arrived=True)
        hint_s = retry_after_s(retry_after, self._clock(), self._settings.retry_after_s_max)
        return Attempt(Reason.REFUSED, True, detail, status, took_s, hint_s, may_have_arrived=True)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
