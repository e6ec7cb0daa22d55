"""Timekeeping: hits that wait in the ledger are taken up again when they are due, by whichever worker comes first."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Final

import structlog

from connectors.kafka.errors import KafkaError
from connectors.redis.errors import ViewUnavailableError
from stream import metrics
from stream.core.due import due_of
from stream.core.ports import Ledger
from stream.core.story import Story, known_of
from stream.services.bodies import Bodies
from stream.services.delivering import Delivering
from stream.services.escalating import Escalating
from stream.services.withdrawing import Withdrawing
from stream.under_way import UnderWay

LOOK_EVERY_S: Final = 0.2
MOST: Final = 200
"""Hits taken up at once in one worker."""
CLAIM_S: Final = 60.0
"""A hit that a worker took up and did not finish is taken up by another after so long."""
_log = structlog.get_logger("timekeeping")


class Timekeeping:
    """The clock of one worker."""

    def __init__(
        self,
        ledger: Ledger,
        bodies: Bodies,
        delivering: Delivering,
        withdrawing: Withdrawing,
        escalating: Escalating,
        clock: Callable[[], dt.datetime],
        on_lost: Callable[[], object] = lambda: None,
    ) -> None:
        """``on_lost`` is called whenever Redis is seen to have lost the ledger."""
        self._ledger, self._bodies, self._clock, self._on_lost = ledger, bodies, clock, on_lost
        self._ways = {
            "attempt": delivering.resume,
            "carry": delivering.carry,
            "withdraw": withdrawing.resume,
            "escalate": escalating.escalate,
        }
        self.under_way = UnderWay()
        self._stopping = False

    async def run(self) -> None:
        """Look what is due, until stopped."""
        while not self._stopping:
            try:
                await self.look()
            except ViewUnavailableError as error:
                _log.warning("the ledger does not answer; what is due waits", detail=str(error))
                if error.reason == "lost":
                    self._on_lost()
            await asyncio.sleep(LOOK_EVERY_S)

    def stop(self) -> None:
        self._stopping = True

    async def look(self) -> int:
        """Take up what is due now; returns how many hits. They are worked on side by side, and not waited for."""
        room = MOST - len(self.under_way)
        if room <= 0:
            return 0
        hit_ids = await self._ledger.claim_due(self._clock(), room, CLAIM_S)
        stories = await self._ledger.stories(hit_ids) if hit_ids else {}
        for hit_id, story in stories.items():
            self.under_way.begin(self._take_up(hit_id, story))
        return len(hit_ids)

    async def _take_up(self, hit_id: str, story: Story) -> None:
        due, known = due_of(story), known_of(story)
        try:
            if due is not None and due.at <= self._clock() and known is not None:
                metrics.taken_up.labels(due.what).inc()
                hit = await self._bodies.hit((known.partition, known.offset))
                await self._ways[due.what](hit, story)
            await self._ledger.let_go([hit_id])
        except asyncio.CancelledError:  # this worker leaves: another need not wait for the claim to end
            await self._ledger.let_go([hit_id])
            raise
        except (KafkaError, ViewUnavailableError) as error:  # its claim ends by itself, and it is due again
            _log.warning("a hit that is due waits", hit=hit_id, detail=str(error))
        except Exception as error:
            _log.exception("a hit that is due could not be taken up", hit=hit_id, error=type(error).__name__)
