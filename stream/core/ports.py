"""Ports: what the core needs of the world, said by the core. The connectors implement them; tests use the shipped memories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from stream.core.delivery import Receipt


class Told(NamedTuple):
    """What was told of a hit: the version that was last sent, and whether anything was or may have been delivered."""

    version: int
    answer: str
    delivered: bool


class Ledger(Protocol):
    """What became of each hit: a view of the topics ``hits`` and ``receipts``."""

    async def told(self, hit_ids: Sequence[str]) -> dict[str, Told]:
        """What was told of these hits; a hit of which nothing was delivered is not in it."""

    async def record(self, receipts: Sequence[Receipt]) -> None:
        """Take over receipts that are durable; repeats are harmless."""
