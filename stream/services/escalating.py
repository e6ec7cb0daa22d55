"""Escalating: nobody has answered a hit in time, so the next level of the court's chain is told (S3.4)."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Callable
from typing import Final

from connectors.courts.endpoints import Endpoints
from stream import metrics
from stream.core import escalation
from stream.core.delivery import Reason, RetryLadder
from stream.core.due import escalated_of, next_level
from stream.core.hit import Hit
from stream.core.notification import overdue_notification
from stream.core.ports import Ledger
from stream.core.story import Story, newest
from stream.services.courier import Courier
from stream.services.patience import ledger_answer
from stream.services.scribe import Scribe
from stream.services.standing import Fence
from stream.services.withdrawing import Withdrawing

ROUNDS_MAX: Final = 4
"""Rounds for one level; then the next one is waited for, who will be told."""


class Escalating:
    """Tells the next level."""

    def __init__(
        self,
        ledger: Ledger,
        endpoints: Endpoints,
        courier: Courier,
        scribe: Scribe,
        fence: Fence,
        withdrawing: Withdrawing,
        *,
        ladder: RetryLadder,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._ledger, self._endpoints, self._courier, self._scribe = ledger, endpoints, courier, scribe
        self._fence, self._withdrawing = fence, withdrawing
        self._ladder, self._clock = ladder, clock
        self._dice = random.SystemRandom()

    async def escalate(self, hit: Hit, story: Story) -> None:
        """Tell the level that is due, unless the order was released; that it was tried is on record whatever came of it.

        An answer that comes meanwhile ends the attempts. A level that cannot have heard of the hit by then was not told.
        """
        due, planned = next_level(story), newest(story, "planned")
        if not isinstance(due, escalation.Due) or planned is None or due.at > self._clock():
            return
        if not await self._in_place(hit):
            await self._withdrawing.withdraw(hit, None, skip=True)
            return
        delivered = newest(story, "delivered")
        news = overdue_notification(
            hit,
            due.level,
            due.why,
            planned_at=planned.at,
            delivered_at=None if delivered is None else delivered.at,
            respond_within=dt.timedelta(seconds=hit.respond_within_s),
            escalated=escalated_of(story),
            is_last=due.is_last,
            at=self._clock(),
        )
        endpoints = self._endpoints.of(hit.court, due.level)
        outcome, where, may_know = Reason.NO_ENDPOINT, None, False
        for number in range(1, ROUNDS_MAX + 1):
            result = await self._courier.round(news, endpoints, lambda: self._is_due(hit))
            may_know |= any(attempt.may_have_arrived for _, attempt in result.tried)
            if result.tried:
                endpoint, attempt = result.tried[-1]
                outcome, where = attempt.outcome, endpoint.redacted
            if result.closed and not await self._in_place(hit):
                await self._withdrawing.withdraw(hit, None, skip=True)
                return
            if result.closed and not may_know:
                return
            if result.closed or not result.retry or result.delivered or number == ROUNDS_MAX:
                break
            await asyncio.sleep(self._ladder.wait_s(number, self._dice))
        metrics.escalations.labels(due.level, due.why.value).inc()
        rank = escalation.LEVELS.index(due.level)
        receipt = self._scribe.receipt(
            hit,
            "escalated",
            outcome,
            attempt=rank,
            level=due.level,
            endpoint=where,
            detail=due.why.value,
            notification=news.id,
        )
        await self._scribe.record([receipt])

    async def _is_due(self, hit: Hit) -> bool:
        """Asked before each attempt: the order may have been released meanwhile, and the court may have answered."""
        if not await self._in_place(hit):
            return False
        story = (await ledger_answer(lambda: self._ledger.stories([hit.id])))[hit.id]
        due = next_level(story)
        return isinstance(due, escalation.Due) and due.at <= self._clock()

    async def _in_place(self, hit: Hit) -> bool:
        return (await self._fence.standing(hit.order_id, hit.order_version)).held.in_place
