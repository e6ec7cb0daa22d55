"""Ports: what the core needs of the world, said by the core. The connectors implement them; tests use the shipped memories.

RuntimeError
└── ViewMovedError    a view does not stand where the one who rebuilds it thinks
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from stream.core.delivery import Receipt


class ViewMovedError(RuntimeError):
    """The view does not stand where the writer thinks: another one wrote, or it was wiped. Read its positions again."""


class Told(NamedTuple):
    """What was told of a hit: the version that was last delivered (or sent, if none was) and the digest of what it said."""

    version: int
    answer: str
    delivered: bool


class Ledger(Protocol):
    """What became of each hit: a view of the topic ``receipts``.

    Replaying the topic gives the identical view, whatever was recorded before and in whatever order.
    """

    async def told(self, hit_ids: Sequence[str]) -> dict[str, Told]:
        """What was told of these hits; a hit of which nothing was ever sent is not in it."""

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
