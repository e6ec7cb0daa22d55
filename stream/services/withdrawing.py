"""Withdrawing: an order has ended or changed, so what was told of it, or may have been, is told to be void.

Every release and amendment is a record of the topic ``endings``, written by the index writer once the index has it: from then
on the fence is shut, and whoever was through it before looks back after the attempt. So every hit is seen by one of the two.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import structlog

from connectors.courts.endpoints import Endpoints
from connectors.redis.errors import ViewUnavailableError
from stream.core.delivery import Reason, RetryLadder
from stream.core.ending import Ending
from stream.core.hit import Hit
from stream.core.notification import WithdrawalReason, withdrawal_notification
from stream.core.ports import Ledger
from stream.core.story import Story, contribution_of, is_released, is_superseded, is_withdrawn, known_of, may_be_known, waits
from stream.services.bodies import Bodies
from stream.services.courier import Courier, always
from stream.services.instructing import Instructing
from stream.services.patience import ledger_answer
from stream.services.scribe import Scribe
from stream.services.standing import Fence
from stream.together import Together
from watchlists.index import Standing

TAKEN_OVER_S: Final = 30.0
"""A withdrawal that nobody has gone on with for so long is taken over."""
_log = structlog.get_logger("withdrawing")


class Withdrawing:
    """Takes back instructions and notifications."""

    def __init__(
        self,
        ledger: Ledger,
        endpoints: Endpoints,
        courier: Courier,
        scribe: Scribe,
        fence: Fence,
        bodies: Bodies,
        instructing: Instructing,
        on_withdrawn: Callable[[str, int, dt.datetime], Awaitable[None]],
        *,
        ladder: RetryLadder,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._ledger, self._endpoints, self._courier, self._scribe = ledger, endpoints, courier, scribe
        self._ask_hits = Together(ledger.of_orders)
        self._fence, self._bodies, self._instructing = fence, bodies, instructing
        self._on_withdrawn = on_withdrawn
        self._ladder, self._clock = ladder, clock
        self._dice = random.SystemRandom()

    async def ended(self, ending: Ending, again: Callable[[Hit, Story, Standing], Coroutine[Any, Any, None]]) -> None:
        """Look through all that was done for an order which was released or amended. ``again`` judges a hit anew."""
        hit_ids = await self._hits_of(ending.order_id)
        if not hit_ids:  # as of nearly every order: nobody ever saw its subject
            return
        standing = await self._fence.standing(ending.order_id, ending.version)
        stories = await self._stories(hit_ids)
        async with asyncio.TaskGroup() as all_of_them:
            for story in stories.values():
                if (known := known_of(story)) is not None:
                    hit = await self._bodies.hit((known.partition, known.offset))
                    if not standing.held.in_place:
                        all_of_them.create_task(self.withdraw(hit, ending.reason))
                    elif hit.order_version < standing.held.version:
                        all_of_them.create_task(again(hit, story, standing))

    async def withdraw(self, hit: Hit, reason: WithdrawalReason | None, *, skip: bool = False) -> None:
        """Recall the station's instruction, cancel what waits, and tell the court, if it knows of the hit or may.

        ``skip``: its delivery ends here. Repeats change nothing.
        """
        story = (await self._stories([hit.id]))[hit.id]
        if reason == "amended" and is_superseded(story, hit.order_version):
            return
        why = Reason.NO_HIT_ANY_MORE if reason == "amended" else Reason.ORDER_RELEASED
        owed = not is_withdrawn(story) and may_be_known(story)
        receipts = [self._scribe.receipt(hit, "skipped", why)] if skip or waits(story) else []
        if owed:  # on record before it is begun with: whoever takes over from a worker that died finds it in the ledger
            next_at = self._clock() + dt.timedelta(seconds=TAKEN_OVER_S)
            receipts.append(self._scribe.receipt(hit, "withdrawing", why, next_at=next_at))
        if receipts:
            await self._scribe.record(receipts)
        part = contribution_of(story)
        if part is not None:
            await (self._instructing.recall(hit, why) if part.active else self._instructing.repeat(hit))
        if owed:
            await self._tell(hit, reason, attempt=0, since=self._clock())

    async def resume(self, hit: Hit, story: Story) -> None:
        """Go on with a withdrawal that waits in the ledger: the last that was begun with, of perhaps several."""
        tried = [(attempt, seen.at) for (_, step, attempt), seen in story.items() if step == "withdrawing"]
        since = max(at for attempt, at in tried if not attempt)
        await self._tell(hit, None if is_released(story) else "amended", attempt=max(tried)[0], since=since)

    async def _tell(self, hit: Hit, reason: WithdrawalReason | None, *, attempt: int, since: dt.datetime) -> None:
        """Attempts until the court has the news. A wait that is long is waited in the ledger."""
        endpoints = self._endpoints.of(hit.court)
        if not endpoints:
            await self._scribe.record([self._scribe.receipt(hit, "withdrawn", Reason.NO_ENDPOINT)])
            return
        news = withdrawal_notification(hit, reason, at=self._clock())

        async def is_owed() -> bool:
            """Told anew meanwhile: what an amendment withdrew stands again, and its withdrawal must not come after that."""
            return not is_superseded((await self._stories([hit.id]))[hit.id], hit.order_version)

        while True:
            result = await self._courier.round(news, endpoints, is_owed if reason == "amended" else always)
            if result.closed:
                return
            attempt += len(result.tried)
            where, tried = result.tried[-1]
            wait_s = max(self._ladder.wait_s(attempt, self._dice), result.wait_s)
            now = self._clock()
            about = {
                "attempt": attempt,
                "endpoint": where.redacted,
                "channel": where.channel,
                "detail": tried.detail,
                "notification": news.id,
            }
            ends = result.delivered or not result.retry or self._ladder.gives_up(since, now)
            if ends:
                await self._scribe.record([self._scribe.receipt(hit, "withdrawn", tried.outcome, **about)])
                if result.delivered and reason != "amended":
                    await self._note(hit, now)
                return
            parks = wait_s > self._ladder.park_s
            next_at = now + dt.timedelta(seconds=wait_s) if parks else None
            await self._scribe.record([self._scribe.receipt(hit, "withdrawing", tried.outcome, next_at=next_at, **about)])
            if parks:
                return
            await asyncio.sleep(wait_s)

    async def _note(self, hit: Hit, at: dt.datetime) -> None:
        """The time stands with the order; what the court was told does not depend on it."""
        release = (await self._fence.standing(hit.order_id, hit.order_version)).held.version
        try:
            await self._on_withdrawn(hit.order_id, release, at)
        except ViewUnavailableError as error:
            _log.warning("the time of a withdrawal was not noted", hit=hit.id, detail=str(error))

    async def _stories(self, hit_ids: list[str]) -> dict[str, Story]:
        return await ledger_answer(lambda: self._ledger.stories(hit_ids))

    async def _hits_of(self, order_id: str) -> list[str]:
        return (await ledger_answer(lambda: self._ask_hits([order_id])))[order_id]
