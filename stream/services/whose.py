"""Whose a hit is, as the ledger and the hit itself have it, or a test of an endpoint."""

from __future__ import annotations

from connectors.redis.reachability import ReachabilityView
from stream.core.authority import Owner
from stream.core.ports import Ledger
from stream.core.story import known_of
from stream.services.bodies import Bodies


class LedgerHits:
    """The door's question, answered by the ledger, which points at the hit: one of which nothing was told yet is not known.

    A test of an endpoint is answered like a hit, and is asked for here, too. It is no handler's.
    """

    def __init__(self, ledger: Ledger, bodies: Bodies, tests: ReachabilityView) -> None:
        self._ledger, self._bodies, self._tests = ledger, bodies, tests

    async def owner_of(self, hit_id: str) -> Owner | None:
        """Whose a hit is, or whose endpoint was tested. Raises ViewUnavailableError, KafkaError."""
        known = known_of((await self._ledger.stories([hit_id]))[hit_id])
        if known is None:
            test = await self._tests.test(hit_id)
            return None if test is None else Owner(court=test.court)
        hit = await self._bodies.hit((known.partition, known.offset))
        return Owner(court=hit.court.code, province=hit.court.province, handler=hit.handler.name)
