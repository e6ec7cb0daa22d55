"""Delivering as the worker runs it: a hit to the station as an instruction and to the court as a signed notification.

The stages, from top to bottom: is it new, is the order in force, what the station is told, then attempts up the ladder with
the fence before each, and a receipt of every step. A hit's record is acknowledged only when its story has ended here.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec
import structlog

from connectors.courts.channels import Channels
from connectors.courts.endpoint import Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import INSTRUCTIONS, RECEIPTS
from connectors.redis.errors import IndexUnavailableError, ViewUnavailableError
from matchers.sighting import sighting_of_hit
from stream import metrics
from stream.core.delivery import Reason, Receipt, RetryLadder, Step, answer_of, fence
from stream.core.hit import Hit
from stream.core.instruction import instruct
from stream.core.notification import hit_notification
from stream.core.ports import Ledger, Told
from stream.core.resolve import hit_of, judge
from stream.services.reached import Reached
from stream.services.resolving import hit_record, send_for_sure
from stream.together import Together
from watchlists.index import Standing, WatchlistIndex
from watchlists.policy import Policy

WAIT_S: Final = 0.05
_log = structlog.get_logger("delivering")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Delivering:
    """Delivers hits, one by one or many at once."""

    def __init__(
        self,
        index: WatchlistIndex,
        ledger: Ledger,
        policy: Policy,
        endpoints: Endpoints,
        channels: Channels,
        records: Records,
        reached: Reached,
        *,
        ladder: RetryLadder | None = None,
        clock: Callable[[], dt.datetime] = _now,
    ) -> None:
        self._policy = policy
        self._ask_told, self._ask_standings = Together(ledger.told), Together(index.standings)
        self._send, self._record_in_view = Together(partial(send_for_sure, records)), Together(ledger.record)
        self._endpoints, self._channels = endpoints, channels
        self._reached = reached
        self._ladder, self._clock = ladder or RetryLadder(), clock
        self._dice = random.SystemRandom()

    async def deliver(self, hit: Hit) -> None:
        """Tell the station and the court of one hit, or record why not."""
        told = await self._told(hit)
        if told is not None and told.delivered:
            if told.version >= hit.order_version:
                metrics.deliveries.labels("skipped", Reason.ALREADY_DELIVERED.value).inc()
                return
            if told.answer == answer_of(hit):
                await self._record(hit, "skipped", Reason.UNCHANGED)
                return
        endpoint = self._endpoints.endpoint_of(hit.court.code)
        if endpoint is None:
            if await self._in_force(hit):
                await self._instruct(hit)
                await self._record(hit, "undeliverable", Reason.NO_ENDPOINT)
            return
        await self._climb(hit, endpoint, update=told is not None and told.version < hit.order_version)

    async def _climb(self, hit: Hit, endpoint: Endpoint, *, update: bool) -> None:
        """Attempts, the fence before each, until one delivers or there is nothing left to try."""
        notification = hit_notification(hit, update=update, at=self._clock())
        since = self._clock()
        attempt = 0
        while True:
            attempt += 1
            async with self._channels.turn(endpoint) as post:
                # Asked when the turn has come, not when it was waited for: a release in between must be seen.
                if not await self._in_force(hit):
                    return
                # The station and the court are told at once; neither waits for the other.
                instructed = asyncio.create_task(self._instruct(hit)) if attempt == 1 else None
                result = await post(notification)
            if instructed is not None:
                await instructed
            metrics.attempt_seconds.observe(result.took_s)
            step: Step = "delivered" if result.outcome is Reason.DELIVERED else "attempted"
            await self._record(hit, step, result.outcome, attempt=attempt, endpoint=endpoint.redacted, detail=result.detail)
            if step == "delivered":
                metrics.hit_seconds.observe((self._clock() - hit.detected_at).total_seconds())
                return
            if not result.retry:
                await self._record(hit, "undeliverable", result.outcome, attempt=attempt, endpoint=endpoint.redacted)
                return
            if self._ladder.gives_up(since, self._clock()):
                await self._record(hit, "undeliverable", Reason.TOO_LATE, attempt=attempt, endpoint=endpoint.redacted)
                return
            await asyncio.sleep(max(self._ladder.wait_s(attempt, self._dice), result.retry_after_s or 0.0))

    async def _in_force(self, hit: Hit) -> bool:
        """The fence. Where the order has changed it is judged again, and the new answer goes its own way."""
        standing = await self._standing(hit)
        answer = fence(hit, standing)
        if answer.passes:
            return True
        if answer.reason is Reason.ORDER_CHANGED and standing.order is not None:
            sighting = sighting_of_hit(hit.sighting)
            again = hit_of(judge(standing.order, sighting, self._policy), sighting, self._policy, hit.detected_at)
            if again is not None:
                await self._send([hit_record(again)])
        await self._record(hit, "skipped", answer.reason)
        return False

    async def _instruct(self, hit: Hit) -> None:
        instruction = instruct(hit, at=self._clock())
        station = str(hit.sighting["station"]["code"])
        value = msgspec.json.encode(instruction.model_dump(mode="json"))
        await self._record(hit, "instructed", Reason.NEW, with_record=Record(INSTRUCTIONS, station.encode(), value))

    async def _record(
        self,
        hit: Hit,
        step: Step,
        outcome: Reason,
        attempt: int = 0,
        endpoint: str | None = None,
        detail: str | None = None,
        with_record: Record | None = None,
    ) -> None:
        """A receipt, durable in the log first (with the record that it is about, if there is one) and then in the view."""
        receipt = Receipt(
            hit_id=hit.id,
            order_id=hit.order_id,
            order_version=hit.order_version,
            at=self._clock(),
            step=step,
            outcome=outcome,
            attempt=attempt,
            endpoint=endpoint,
            detail=detail,
            answer=answer_of(hit),
        )
        value = msgspec.json.encode(receipt.model_dump(mode="json"))
        about = [with_record] if with_record is not None else []
        await self._send([*about, Record(RECEIPTS, hit.id.encode(), value)])
        metrics.deliveries.labels(step, outcome.value).inc()
        try:
            await self._record_in_view([receipt])
        except ViewUnavailableError as error:  # the log has it: the view is built from there
            _log.warning("the ledger's view was not written", hit=hit.id, detail=str(error))

    async def _told(self, hit: Hit) -> Told | None:
        while True:
            try:
                return (await self._ask_told([hit.id])).get(hit.id)
            except ViewUnavailableError as error:
                _log.warning("the ledger does not answer; the hit waits", hit=hit.id, detail=str(error))
                await asyncio.sleep(WAIT_S)

    async def _standing(self, hit: Hit) -> Standing:
        """What a whole index holds of the order.

        One that is being rebuilt is waited for, since it holds an order before its release: a version that is high enough is
        no proof.
        """
        while True:
            try:
                standings = await self._ask_standings([hit.order_id])
            except IndexUnavailableError as error:
                _log.warning("the index does not answer; the hit waits", hit=hit.id, detail=str(error))
            else:
                standing = standings.of[hit.order_id]
                if await self._reached.is_whole(standings.positions) and standing.held.version >= hit.order_version:
                    return standing
            await asyncio.sleep(WAIT_S)
