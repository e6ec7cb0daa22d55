"""The channels to the courts behind one face: a turn at an endpoint, whatever its channel, and its health."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Final, Self

from connectors.courts.attempt import Attempt, Post
from connectors.courts.email import Email
from connectors.courts.endpoint import Channel, Endpoint
from connectors.courts.lanes import Lanes
from connectors.courts.settings import CourtsSettings
from connectors.courts.sms import HttpSms, Sms
from connectors.courts.watch import OnChange, Watch
from connectors.courts.webhook import Webhook
from stream.core.delivery import Reason
from stream.core.health import DisabledEndpoints, Health
from stream.core.notification import Notification

Turn = Callable[[Notification], Awaitable[Attempt]]
Inbox = Callable[[str, Notification], Awaitable[None]]
"""Puts a notification into the inbox of a court, by its code; returns when it is durable there."""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Channels:
    """All ways to the courts that a deployment has; use as a context manager, or call ``close``."""

    def __init__(
        self,
        settings: CourtsSettings | None = None,
        disabled: DisabledEndpoints | None = None,
        inbox: Inbox | None = None,
        *,
        on_change: OnChange | None = None,
        clock: Callable[[], dt.datetime] = _now,
    ) -> None:
        """``disabled`` remembers gone endpoints beyond a restart; ``on_change`` is told of every change of an endpoint's state.

        Raises OSError, ssl.SSLError or ValueError when a file that the settings name cannot be used.
        """
        settings = settings or CourtsSettings()
        self._total_s: Final = settings.total_s
        self._clock: Final = clock
        self._watch: Final = Watch(settings.limits(), disabled, on_change, clock)
        self._lanes: Final = Lanes(settings.in_flight_max, settings.connections_max)
        webhook = Webhook(settings, clock=clock)
        self._posts: Final[dict[Channel, Post]] = {"webhook": webhook.post}
        self._closes: Final[list[Callable[[], Awaitable[None]]]] = [webhook.close]
        if settings.smtp.host is not None:
            self._posts["email"] = Email(settings.smtp, settings).post
        if settings.sms.url is not None:
            provider = HttpSms(settings.sms, settings, clock=clock)
            self._posts["sms"] = Sms(provider, settings.sms.parts_max).post
            self._closes.append(provider.close)
        if inbox is not None:
            self._posts["inbox"] = partial(self._store, inbox)

    @property
    def names(self) -> frozenset[Channel]:
        """The channels that there are."""
        return frozenset(self._posts)

    async def start(self) -> None:
        """Learn which endpoints are gone. Raises ViewUnavailableError."""
        await self._watch.start()

    def resting(self) -> Mapping[str, Health]:
        """The endpoints that rest here after repeated failure, by their digests."""
        return self._watch.resting()

    async def post(self, endpoint: Endpoint, notification: Notification) -> Attempt:
        """Wait for a turn, then make one attempt. Cancelling it aborts the attempt; it may have arrived nevertheless."""
        async with self.turn(endpoint) as turn:
            return await turn(notification)

    @asynccontextmanager
    async def turn(self, endpoint: Endpoint, stale_s: float = math.inf) -> AsyncIterator[Turn]:
        """Wait until one of the endpoint's turns is free, and hold it: called with a notification it makes one attempt.

        Of those who wait, the one whose news is stale first (``stale_s``, in Unix seconds) is next.

        The fence belongs within the turn: what was true before a wait behind a slow court may not be true after it. An endpoint
        that rests or is gone is not waited for, since nothing is sent there.
        """
        refusal = self._watch.refusal(endpoint)
        if refusal is not None:
            yield partial(_answer, refusal)
            return
        async with self._lanes.turn(endpoint.digest, stale_s):
            yield partial(self._attempt, endpoint)

    async def _attempt(self, endpoint: Endpoint, notification: Notification) -> Attempt:
        leave = self._watch.admit(endpoint)
        if leave is None:
            return self._watch.refusal(endpoint) or Attempt(Reason.CIRCUIT_OPEN, retry=True, detail="the endpoint rests")
        began_at = self._clock()
        attempt = replace(await self._posts[endpoint.channel](endpoint, notification), began_at=began_at)
        await self._watch.learn(endpoint, leave, attempt)
        return attempt

    async def _store(self, inbox: Inbox, endpoint: Endpoint, notification: Notification) -> Attempt:
        """An inbox has its news when it is durable there; the court pulls it."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._total_s):
                await inbox(endpoint.court, notification)
        except TimeoutError:
            took_s = time.perf_counter() - began
            return Attempt(Reason.TIMED_OUT, True, "not stored in time", None, took_s, may_have_arrived=True)
        took_s = time.perf_counter() - began
        return Attempt(Reason.DELIVERED, False, "stored in the inbox", None, took_s, may_have_arrived=True)

    async def close(self) -> None:
        """Close all connections."""
        for close in self._closes:
            await close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _answer(refusal: Attempt, _: Notification) -> Attempt:
    return refusal
