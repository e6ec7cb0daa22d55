"""Whose a hit is, as the ledger has it, or a test of an endpoint."""

from __future__ import annotations

from connectors.redis.reachability import ReachabilityView
from stream.core.ports import Ledger
from stream.core.story import known_of


class LedgerHits:
    """The door's question, answered by the ledger: a hit of which nothing was told yet is not known.

    A test of an endpoint is answered like a hit, and is asked for here, too.
    """

    def __init__(self, ledger: Ledger, tests: ReachabilityView) -> None:
        self._ledger, self._tests = ledger, tests

    async def court_of(self, hit_id: str) -> str | None:
        """The code of the court that a hit was found for, or whose endpoint was tested. Raises ViewUnavailableError."""
        known = known_of((await self._ledger.stories([hit_id]))[hit_id]) or await self._tests.test(hit_id)
        return None if known is None else known.court
