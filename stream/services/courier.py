"""The courier: takes one notification to one addressee, by the first of its endpoints that takes it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.courts.attempt import Attempt
from connectors.courts.channels import Channels
from connectors.courts.endpoint import Endpoint
from stream import metrics
from stream.core.delivery import Reason
from stream.core.notification import Notification

AT_ONCE: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""For what goes before every hit: the news that one is void, and that nobody has answered."""
LAST: Final = dt.datetime.max.replace(tzinfo=dt.UTC)
"""For what goes after every hit: news of an endpoint's health, tests of endpoints, lists of orders."""
QUEUE_MAX: Final = 256
"""Notifications that may wait for one endpoint in one worker; more are not tried now."""
_BUSY: Final = Attempt(Reason.BUSY, retry=True, detail="too many notifications wait for this endpoint")


@dataclass(frozen=True, slots=True)
class Round:
    """One round: what was tried, in order. ``closed``: the fence closed before the last of it."""

    tried: Sequence[tuple[Endpoint, Attempt]]
    closed: bool = False

    @property
    def delivered(self) -> bool:
        return bool(self.tried) and self.tried[-1][1].outcome is Reason.DELIVERED

    @property
    def retry(self) -> bool:
        """Whether another round may help."""
        return any(attempt.retry for _, attempt in self.tried)

    @property
    def wait_s(self) -> float:
        """How long the endpoints that may be tried again asked to be left alone; the shortest of it."""
        return min((attempt.retry_after_s or 0.0 for _, attempt in self.tried if attempt.retry), default=0.0)


class Courier:
    """Makes rounds. One endpoint that is dead holds up no other: each has its own turns and its own short queue."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._waiting: Counter[str] = Counter()

    async def round(
        self,
        notification: Notification,
        endpoints: Sequence[Endpoint],
        may_send: Callable[[], Awaitable[bool]],
        stale_at: dt.datetime = AT_ONCE,
    ) -> Round:
        """Try each endpoint once, until one takes it.

        ``may_send`` is asked when the turn has come, before each attempt. Of those who wait for a turn, the one whose news is
        ``stale_at`` the earliest moment is next.
        """
        tried: list[tuple[Endpoint, Attempt]] = []
        for endpoint in endpoints:
            attempt = await self._try(notification, endpoint, may_send, stale_at.timestamp())
            if attempt is None:
                return Round(tried, closed=True)
            tried.append((endpoint, attempt))
            if attempt.outcome is Reason.DELIVERED:
                break
        return Round(tried)

    async def _try(
        self, notification: Notification, endpoint: Endpoint, may_send: Callable[[], Awaitable[bool]], stale_s: float
    ) -> Attempt | None:
        name = endpoint.digest
        if self._waiting[name] >= QUEUE_MAX:
            return _BUSY
        self._waiting[name] += 1
        try:
            async with self._channels.turn(endpoint, stale_s) as post:
                if not await may_send():
                    return None
                attempt = await post(notification)
        finally:
            self._waiting[name] -= 1
            if not self._waiting[name]:
                del self._waiting[name]
        metrics.attempt_seconds.observe(attempt.took_s)
        return attempt


async def always() -> bool:
    """For what no fence holds back: the news that a hit is void, and that nobody has answered."""
    await asyncio.sleep(0)
    return True
