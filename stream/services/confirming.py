"""Confirming: what courts answer takes effect in the stories of their hits, and on record of the tests of their endpoints."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from connectors.redis.errors import ViewUnavailableError
from connectors.redis.reachability import KnownTest, ReachabilityView
from matchers.wire import UnreadableError
from stream import metrics
from stream.core.confirmation import Meaning, read_confirmation
from stream.core.delivery import Reason
from stream.core.ports import Ledger
from stream.core.story import Known, known_of
from stream.services.bodies import Bodies
from stream.services.reaching import Reaching
from stream.services.scribe import Scribe

WAIT_S: Final = 0.1
UNKNOWN_S: Final = 30.0
"""How long a hit that is answered may take to appear in the ledger; the answer may overtake the receipt."""
_log = structlog.get_logger("confirming")


class Confirming:
    """Takes answers over. Another court's answer, or one to a hit or test that is not there, is refused."""

    def __init__(self, ledger: Ledger, bodies: Bodies, scribe: Scribe, reaching: Reaching, tests: ReachabilityView) -> None:
        self._ledger, self._bodies, self._scribe = ledger, bodies, scribe
        self._reaching, self._tests = reaching, tests

    async def take(self, raw: bytes) -> None:
        """One record of ``confirmations``; a repeat changes nothing.

        Raises:
            UnreadableError: no confirmation, or refused; ``reason`` says which.
        """
        said = read_confirmation(raw)
        known = await self._known(said.hit_id)
        if known is None:
            raise UnreadableError("unknown_hit", "no hit or test with this id was ever told")
        if known.court != said.by.court:
            raise UnreadableError("other_court", "only the court that was told may answer")
        if isinstance(known, KnownTest):
            await self._reaching.answered(known, said)
            return
        hit = await self._bodies.hit((known.partition, known.offset))
        receipt = self._scribe.receipt(
            hit,
            "confirmed",
            Reason(said.answer),
            attempt=round(said.at.timestamp() * 1000),
            next_at=said.asked_for() if said.meaning is Meaning.PROLONGS else None,
        )
        await self._scribe.record([receipt.model_copy(update={"at": said.at})])
        metrics.confirmations.labels(said.answer).inc()

    async def _known(self, id_: str) -> Known | KnownTest | None:
        until = asyncio.get_running_loop().time() + UNKNOWN_S
        while True:
            try:
                known = known_of((await self._ledger.stories([id_]))[id_]) or await self._tests.test(id_)
            except ViewUnavailableError as error:
                _log.warning("the ledger does not answer; a confirmation waits", detail=str(error))
            else:
                if known is not None or asyncio.get_running_loop().time() > until:
                    return known
            await asyncio.sleep(WAIT_S)
