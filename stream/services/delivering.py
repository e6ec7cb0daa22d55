"""Delivering as the worker runs it: a hit to the station as an instruction and to the court as a signed notification.

The stages, from top to bottom: is it new, is the order in force, when (``stream/core/plan.py``); to whom; attempts up the
ladder, with the fence before each; and a receipt of every step. A hit's record is acknowledged when its story has ended here or
when what is left of it stands in the ledger, with the moment at which it is taken up again.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final
from weakref import WeakValueDictionary

from connectors.courts.endpoints import Endpoints
from connectors.kafka.places import Place
from matchers.sighting import sighting_in
from stream import metrics
from stream.core.delivery import Facts, Reason, Receipt, RetryLadder, answer_of, fence
from stream.core.escalation import chain_within
from stream.core.hit import Hit
from stream.core.matter import matter_of, slot_of
from stream.core.notification import Notification, hit_notification
from stream.core.plan import Hold, Skip, Tell, plan
from stream.core.ports import Ledger, ProvincialRules
from stream.core.resolve import hit_of, judge
from stream.core.story import Mark, Story, attempts_of, ended, is_being_withdrawn, newest, told_of
from stream.services.bodies import Bodies
from stream.services.courier import Courier, Round
from stream.services.instructing import Instructing, facts_of
from stream.services.patience import ledger_answer
from stream.services.resolving import hit_record
from stream.services.scribe import Scribe
from stream.services.standing import Asked, Fence
from stream.services.withdrawing import Withdrawing
from stream.together import Together
from watchlists.index import Standing
from watchlists.policy import Policy
from watchlists.rules import judged_at

TAKEN_OVER_S: Final = 60.0
"""An attempt that was begun with what waited in the ledger, and has no outcome after so long, is made again."""


class Delivering:
    """Delivers hits, one by one or many at once."""

    def __init__(
        self,
        ledger: Ledger,
        rules: ProvincialRules,
        endpoints: Endpoints,
        courier: Courier,
        scribe: Scribe,
        fence: Fence,
        bodies: Bodies,
        instructing: Instructing,
        withdrawing: Withdrawing,
        *,
        ladder: RetryLadder,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._rules, self._endpoints, self._courier, self._scribe = rules, endpoints, courier, scribe
        self._ask = Together(ledger.look)
        self._fence, self._bodies = fence, bodies
        self._instructing, self._withdrawing = instructing, withdrawing
        self._ladder, self._clock = ladder, clock
        self._dice = random.SystemRandom()
        self._slots: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def deliver(self, hit: Hit, place: Place, *, first: bool) -> None:
        """Tell the station and the court of one hit, or record why not.

        ``first``: no worker can have begun with this record before. Where one may have, and left no trace, the court may know.
        """
        self._bodies.keep(place, hit)
        async with self._alone(hit):
            (story, marks), asked = await asyncio.gather(self._look(hit), self._fence.asked(hit.order_id, hit.order_version))
            standing = asked.standing
            decided = plan(hit, story, marks, standing, self._clock())
            if isinstance(decided, Skip):
                await self._skip(hit, place, story, decided, standing, first=first)
            elif isinstance(decided, Hold):
                await self._hold(hit, decided, place)
            else:
                await self._tell(hit, decided, place, asked, first=first)

    async def resume(self, hit: Hit, story: Story) -> None:
        """Go up the ladder from where the ledger says that the hit waits."""
        planned = newest(story, "planned")
        if planned is None:
            raise ValueError(f"hit {hit.id} waits for an attempt and was never planned")
        matter = None
        if planned.outcome == Reason.REPEATED:
            _, marks = await self._look(hit)
            matter = matter_of(planned.matter, marks)
        news = self._news(hit, update=planned.outcome == Reason.UPDATE, matter=matter)
        await self._climb(hit, news, planned.at, attempt=attempts_of(story), from_ledger=True)
        await self._look_back(hit)

    async def carry(self, hit: Hit, story: Story) -> None:
        """The window of the hit's matter has ended: tell of every hit that came within it."""
        held = newest(story, "held")
        if held is None or held.known is None:
            raise ValueError(f"hit {hit.id} carries a matter and was never held")
        standing = await self._fence.standing(hit.order_id, hit.order_version)
        if not fence(hit, standing).passes:
            await self._close(hit, story, standing)
            return
        _, marks = await self._look(hit)
        facts = await self._facts(hit, (held.known.partition, held.known.offset))
        news = self._news(hit, update=False, matter=matter_of(held.matter, marks))
        planned = self._scribe.receipt(hit, "planned", Reason.REPEATED, matter=held.matter, notification=news.id, facts=facts)
        await self._scribe.record([planned])
        await self._climb(hit, news, planned.at, attempt=0, from_ledger=True)
        await self._look_back(hit)

    async def again(self, hit: Hit, story: Story, standing: Standing) -> None:
        """The order has changed since the hit was made: judge the sighting again. Another answer goes its own way as a new hit.

        Under the new version it may be no hit any more: what was told is then withdrawn.
        """
        if standing.order is None:
            return
        sighting = sighting_in(hit.sighting)
        policy = await self._policy_of(hit)
        judged = judge(standing.order, sighting, policy)
        new = hit_of(judged, sighting, policy, hit.detected_at, lookback=hit.lookback)
        if new is None:
            await self._withdrawing.withdraw(hit, "amended")
        elif (
            (told := told_of(story)) is None or not told.delivered or told.answer != answer_of(new) or is_being_withdrawn(story)
        ):
            await self._scribe.send([hit_record(new)])

    # -- the stages ------------------------------------------------------------------------------------------------

    async def _skip(self, hit: Hit, place: Place, story: Story, decided: Skip, standing: Standing, *, first: bool) -> None:
        if not fence(hit, standing).passes and not (decided.recorded and first):
            await self._close(hit, story, standing, unsure=not first, facts=await self._facts(hit, place))
        elif not decided.recorded:
            await self._scribe.record([self._scribe.receipt(hit, "skipped", decided.why)])
        else:
            metrics.deliveries.labels("skipped", decided.why.value).inc()
            if not first:
                await self._instructing.repeat(hit)

    async def _close(
        self, hit: Hit, story: Story, standing: Standing, *, unsure: bool = False, facts: Facts | None = None
    ) -> None:
        """The fence is shut: what was told is withdrawn, or judged again.

        ``unsure``: a worker that died may have made an attempt of which nothing is on record. Now there is.
        """
        why = fence(hit, standing).reason
        is_open = not ended(story, hit.order_version)
        if unsure and is_open:
            await self._scribe.record([self._unsure(hit, facts)])
        if why is Reason.ORDER_RELEASED:
            await self._withdrawing.withdraw(hit, None, skip=is_open)
            return
        await self.again(hit, story, standing)
        if is_open:  # with its facts, for the order may change once more
            await self._scribe.record([self._scribe.receipt(hit, "skipped", why, facts=facts)])

    async def _hold(self, hit: Hit, decided: Hold, place: Place) -> None:
        held = self._scribe.receipt(
            hit,
            "held",
            decided.why,
            matter=decided.matter,
            notification=decided.carrier,
            next_at=decided.until,
            facts=await self._facts(hit, place),
        )
        await self._instructing.give(hit, decided.why, [held])
        await self._look_back(hit)

    async def _tell(self, hit: Hit, decided: Tell, place: Place, asked: Asked, *, first: bool) -> None:
        news = self._news(hit, update=decided.update)
        facts = await self._facts(hit, place)
        planned = self._scribe.receipt(hit, "planned", decided.why, matter=decided.matter, notification=news.id, facts=facts)
        before = [planned]
        if not first:
            before.append(self._unsure(hit))
        # The station and the court are told at once; neither waits for the other.
        async with asyncio.TaskGroup() as both:
            given = both.create_task(self._instructing.give(hit, decided.why, before))
            await self._climb(hit, news, planned.at, attempt=0, asked=asked, planned=given)
        await self._look_back(hit)

    async def _climb(
        self,
        hit: Hit,
        news: Notification,
        since: dt.datetime,
        *,
        attempt: int,
        asked: Asked | None = None,
        planned: asyncio.Task[None] | None = None,
        from_ledger: bool = False,
    ) -> None:
        """Rounds until one delivers, the fence is shut, nothing is left to try, or the next is a while off.

        ``asked``: what the fence said last. ``planned``: puts the plan on record, before what came of it. ``from_ledger``: no
        record of Kafka comes again if this worker dies, so each round is on record before.
        """
        endpoints = self._endpoints.of(hit.court)
        if not endpoints:
            await self._scribe.record([self._scribe.receipt(hit, "undeliverable", Reason.NO_ENDPOINT)])
            return

        while True:
            if from_ledger:
                await self._scribe.record([self._begun(hit, attempt + 1)])
            # Asked when the turn has come, not when it was waited for: a release in between must be seen.
            passes = partial(self._fence.lets_pass, hit, asked)
            result = await self._courier.round(news, endpoints, passes, hit.expires_at)
            if from_ledger and result.closed and not result.tried:
                await self._scribe.record([self._scribe.receipt(hit, "attempted", Reason.NOT_SENT, attempt=attempt + 1)])
            wait_s = max(self._ladder.wait_s(attempt + 1, self._dice), result.wait_s)
            receipts = self._receipts(hit, news, result, since, attempt, wait_s)
            attempt += len(result.tried)
            if planned is not None:
                await planned
            if receipts:
                await self._scribe.record(receipts)
            if result.closed or result.delivered or receipts[-1].step == "undeliverable" or receipts[-1].next_at is not None:
                return
            await asyncio.sleep(wait_s)

    def _unsure(self, hit: Hit, facts: Facts | None = None) -> Receipt:
        """A worker that died may have made an attempt of which nothing is on record: the court may know."""
        return self._scribe.receipt(hit, "attempting", Reason.BEGUN, facts=facts)

    def _begun(self, hit: Hit, attempt: int) -> Receipt:
        """Until its outcome is on record the court may know; and if that never comes, another worker goes on."""
        next_at = self._clock() + dt.timedelta(seconds=TAKEN_OVER_S)
        return self._scribe.receipt(hit, "attempting", Reason.BEGUN, attempt=attempt, next_at=next_at)

    def _receipts(
        self, hit: Hit, news: Notification, result: Round, since: dt.datetime, attempt: int, wait_s: float
    ) -> list[Receipt]:
        """A receipt for each attempt; the last one says how it goes on."""
        now = self._clock()
        late = now > hit.expires_at
        receipts = [
            self._scribe.receipt(
                hit,
                "delivered" if tried.outcome is Reason.DELIVERED else "attempted",
                tried.outcome,
                attempt=attempt + number,
                endpoint=endpoint.redacted,
                channel=endpoint.channel,
                detail=tried.detail,
                notification=news.id,
                began_at=tried.began_at,
                took_s=round(tried.took_s, 6),
                may_have_arrived=tried.may_have_arrived,
                late=late,
            )
            for number, (endpoint, tried) in enumerate(result.tried, 1)
        ]
        if result.closed or result.delivered:
            if result.delivered:
                metrics.hit_seconds.observe((now - hit.detected_at).total_seconds())
            return receipts
        if not result.retry or self._ladder.gives_up(since, now):
            why = Reason.TOO_LATE if result.retry else result.tried[-1][1].outcome
            return [*receipts, self._scribe.receipt(hit, "undeliverable", why, attempt=attempt + len(result.tried))]
        if wait_s > self._ladder.park_s:
            receipts[-1] = receipts[-1].model_copy(update={"next_at": now + dt.timedelta(seconds=wait_s)})
        return receipts

    async def _look_back(self, hit: Hit) -> None:
        """After what was told, to station or court: a release that came meanwhile did not see it, so it is looked for here."""
        standing = await self._fence.standing(hit.order_id, hit.order_version)
        if not fence(hit, standing).passes:
            story, _ = await self._look(hit)
            await self._close(hit, story, standing)

    async def _facts(self, hit: Hit, place: Place) -> Facts:
        """Who is told next of the hit are the levels that have an endpoint, less those that its province passes over."""
        levels = (await self._policy_of(hit)).escalation_of(hit.court.province)
        return facts_of(hit, place, chain_within(self._endpoints.chain(hit.court), levels))

    async def _policy_of(self, hit: Hit) -> Policy:
        """What judged the hit, and judges its sighting again under an amended order."""
        return (await self._rules.up_to(hit.detected_at)).at(judged_at(hit.occurred_at, hit.detected_at))

    # -- what is asked ---------------------------------------------------------------------------------------------

    def _news(self, hit: Hit, *, update: bool, matter: Mapping[str, object] | None = None) -> Notification:
        now = self._clock()
        return hit_notification(hit, update=update, at=now, matter=matter, late=now > hit.expires_at)

    async def _look(self, hit: Hit) -> tuple[Story, Mapping[str, Mark]]:
        """The hit's story, and what was told in its slot."""
        slot = slot_of(hit) if hit.group_within_s else ""
        looked = (await ledger_answer(lambda: self._ask([(hit.id, slot)])))[hit.id]
        return looked.story, looked.marks

    @asynccontextmanager
    async def _alone(self, hit: Hit) -> AsyncIterator[None]:
        """Hits of one slot go one by one: the second is to know of the first."""
        slot = slot_of(hit)
        lock = self._slots.get(slot)
        if lock is None:
            lock = self._slots[slot] = asyncio.Lock()
        async with lock:
            yield
