"""Reaching: every endpoint of every court is sent a signed test now and then, and what comes of it is on record.

A test is on the log before its first attempt, so that its answer is one to something known. One worker at a time tests an
endpoint. A look begins few tests, and each waits behind all real news for its turn.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal

import msgspec
import structlog

from connectors.courts.endpoint import Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import REACHABILITY
from connectors.redis.errors import ViewUnavailableError
from connectors.redis.reachability import KnownTest, ReachabilityView
from stream import metrics
from stream.core.confirmation import Confirmation
from stream.core.delivery import Reason
from stream.core.notification import Addressee, ReachabilityTest, reachability_test
from stream.core.reachability import Ask, Reach, ReachRecord, Rhythm, Seen, due, reach
from stream.services.courier import LAST, Courier, always
from stream.services.patience import ledger_answer
from stream.services.resolving import send_for_sure
from stream.under_way import UnderWay

LOOK_EVERY_S: Final = 30.0
MOST: Final = 20
"""Tests that one look begins in one worker, and that are under way at once: a trickle beside real news, and 57,000 a day."""
PIECE: Final = 200
"""Endpoints that are looked at before others have a turn."""
_NOTHING: Final = Seen()
_log = structlog.get_logger("reaching")


class Reaching:
    """The tests of one worker."""

    def __init__(
        self,
        endpoints: Endpoints,
        courier: Courier,
        records: Records,
        view: ReachabilityView,
        rhythm: Rhythm | None,
        clock: Callable[[], dt.datetime],
    ) -> None:
        """``rhythm`` None: nothing is tested; answers to tests of before are taken over all the same."""
        self._endpoints, self._courier, self._records = endpoints, courier, records
        self._view, self._rhythm, self._clock = view, rhythm, clock
        self.under_way = UnderWay()
        self._testing: set[str] = set()
        self._stopping = False

    async def run(self) -> None:
        """Look what is due, until stopped."""
        while self._rhythm is not None and not self._stopping:
            try:
                await self.look(self._rhythm)
            except ViewUnavailableError as error:
                _log.warning("Redis does not answer; tests of endpoints wait", detail=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    def stop(self) -> None:
        self._stopping = True

    async def look(self, rhythm: Rhythm) -> int:
        """Begin the tests that are due now, as many as a look may; returns how many."""
        seen, now = await self._view.seen(), self._clock()
        states: Counter[Reach] = Counter()
        begun = 0
        for number, endpoint in enumerate(self._endpoints.of_courts()):
            if number % PIECE == 0:
                await asyncio.sleep(0)
            of_this = seen.get(endpoint.digest, _NOTHING)
            states[reach(of_this, now)] += 1
            if begun < MOST > len(self._testing) and await self._begins(endpoint, of_this, now, rhythm):
                begun += 1
        for state in Reach:
            metrics.endpoints_reachable.labels(state.value).set(states[state])
        return begun

    async def answered(self, test: KnownTest, said: Confirmation) -> None:
        """Take over an answer to a test. Whoever answers cannot put it later than now."""
        record = ReachRecord(
            test_id=said.hit_id,
            endpoint=test.endpoint,
            court=test.court,
            level=test.level,
            channel=test.channel,
            step="answered",
            at=min(said.at, self._clock()),
            answer_by=test.answer_by,
            outcome=Reason(said.answer),
        )
        await self._note(record)

    async def _begins(self, endpoint: Endpoint, seen: Seen, now: dt.datetime, rhythm: Rhythm) -> bool:
        """Begin an endpoint's test, if it is due and nobody else has begun it."""
        name = endpoint.digest
        if name in self._testing or due(name, seen, now, rhythm) is None or not await self._view.claim(name):
            return False
        self._testing.add(name)
        self.under_way.begin(self._test(endpoint, rhythm))
        return True

    async def _test(self, endpoint: Endpoint, rhythm: Rhythm) -> None:
        try:
            # What was due when the view was read may have been done by another worker before the claim.
            ask = due(endpoint.digest, await self._view.seen_of(endpoint.digest), self._clock(), rhythm)
            if ask is not None:
                await self._send(endpoint, ask)
            await self._view.let_go(endpoint.digest)
        except ViewUnavailableError as error:  # the claim ends by itself, and the test is due again
            _log.warning("a test waits", endpoint=endpoint.redacted, detail=str(error))
        except Exception as error:
            _log.exception("an endpoint could not be tested", endpoint=endpoint.redacted, error=type(error).__name__)
        finally:
            self._testing.discard(endpoint.digest)

    async def _send(self, endpoint: Endpoint, ask: Ask) -> None:
        test = ReachabilityTest(
            test_id=ask.test_id,
            court=Addressee(code=endpoint.court),
            level=endpoint.level,
            channel=endpoint.channel,
            answer_by=ask.answer_by,
        )
        began_at = self._clock()
        await self._note(_record(endpoint, ask, "asked", began_at))
        news = reachability_test(test, at=began_at)
        result = await self._courier.round(news, [endpoint], always, LAST)
        if result.delivered:
            await self._note(_record(endpoint, ask, "taken", self._clock()))
        else:
            _, attempt = result.tried[-1]
            await self._note(_record(endpoint, ask, "failed", self._clock(), attempt.outcome))

    async def _note(self, record: ReachRecord) -> None:
        """Durable in the log first, and then in the view."""
        raw = msgspec.json.encode(record.model_dump(mode="json", exclude_none=True))
        await send_for_sure(self._records, [Record(REACHABILITY, record.endpoint.encode(), raw)])
        await ledger_answer(lambda: self._view.record([record]))
        metrics.reachability_steps.labels(record.step).inc()


def _record(
    endpoint: Endpoint,
    ask: Ask,
    step: Literal["asked", "taken", "failed"],
    at: dt.datetime,
    outcome: Reason | None = None,
) -> ReachRecord:
    return ReachRecord(
        test_id=ask.test_id,
        endpoint=endpoint.digest,
        court=endpoint.court,
        level=endpoint.level,
        channel=endpoint.channel,
        step=step,
        at=at,
        answer_by=ask.answer_by,
        outcome=outcome,
    )
