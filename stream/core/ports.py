"""Ports: what the core needs of the world, said by the core. The connectors implement them; tests use the shipped memories.

RuntimeError
└── ViewMovedError    a view does not stand where the one who rebuilds it thinks
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from stream.core.delivery import Receipt
from stream.core.story import Contribution, Mark, Story


class ViewMovedError(RuntimeError):
    """The view does not stand where the writer thinks: another one wrote, or it was wiped. Read its positions again."""


class Ledger(Protocol):
    """What became of each hit: a view of the topic ``receipts``.

    Replaying the topic gives the identical view, whatever was recorded before and in whatever order.
    """

    async def stories(self, hit_ids: Sequence[str]) -> dict[str, Story]:
        """The story of each; empty where nothing was ever done for the hit."""

    async def marks(self, slots: Sequence[str]) -> dict[str, dict[str, Mark]]:
        """For each slot of repetition, the hits in it and their parts."""

    async def contributions(self, instruction_ids: Sequence[str]) -> dict[str, dict[str, Contribution]]:
        """For each station instruction, the hits that it was given for and their parts."""

    async def of_orders(self, order_ids: Sequence[str]) -> dict[str, list[str]]:
        """For each order, the hits that anything was done for, sorted."""

    async def claim_due(self, now: dt.datetime, most: int, for_s: float) -> list[str]:
        """Hits that are to be taken up again by now, the longest due first; nobody else is given them for ``for_s`` seconds."""

    async def let_go(self, hit_ids: Sequence[str]) -> None:
        """Give up claims: what is due of these hits may be claimed again."""

    async def record(self, receipts: Sequence[Receipt]) -> None:
        """Take over receipts that are durable; repeats are harmless."""

    async def record_from(self, partition: int, start: int, end: int, receipts: Sequence[Receipt]) -> None:
        """Take over the receipts between two offsets of ``receipts``, and move the partition's position, all at once.

        Raises:
            ViewMovedError: the position is not ``start``; nothing was taken over.
        """

    async def positions(self) -> dict[int, int]:
        """How far in ``receipts`` the view was rebuilt, a partition; empty when it never was."""

    async def summary(self) -> dict[tuple[str, str], int]:
        """How many steps, over all hits, went how: (step, outcome) to a count."""

    async def recent(self, most: int) -> list[str]:
        """The hits whose last steps are the newest, newest first."""
