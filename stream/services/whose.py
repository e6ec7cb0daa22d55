"""Whose a hit is, as the ledger has it."""

from __future__ import annotations

from stream.core.ports import Ledger
from stream.core.story import known_of


class LedgerHits:
    """The door's question, answered by the ledger: a hit of which nothing was told yet is not known."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def court_of(self, hit_id: str) -> str | None:
        """The code of the court that a hit was found for. Raises ViewUnavailableError."""
        known = known_of((await self._ledger.stories([hit_id]))[hit_id])
        return None if known is None else known.court
