"""Ports: what the core needs of the world, said by the core. The connectors implement them; tests use the shipped memories.

RuntimeError
└── ViewMovedError    a view does not stand where the one who rebuilds it thinks
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from stream.core.delivery import Receipt
from stream.core.story import Contribution, Mark, Story
from watchlists.rules import History


class ViewMovedError(RuntimeError):
    """The view does not stand where the writer thinks: another one wrote, or it was wiped. Read its positions again."""


class Looked(NamedTuple):
    """What is on record of a hit, and of the hits that it may repeat."""

    story: Story
    marks: dict[str, Mark]


Contributions = dict[str, dict[str, Contribution]]
"""Station instructions, the hits that each was given for, and their parts."""


class ProvincialRules(Protocol):
    """The provinces' rules, as far as they are known: a view of the topic ``rules`` (S5.3)."""

    async def up_to(self, instant: dt.datetime) -> History:
        """The history, once it holds every rule that can count until ``instant``. Until then whoever asks waits."""

    def so_far(self) -> History:
        """What is known now, complete or not: for what decides nothing."""


class Ledger(Protocol):
    """What became of each hit: a view of the topic ``receipts``.

    Replaying the topic gives the identical view, whatever was recorded before and in whatever order.
    """

    async def stories(self, hit_ids: Sequence[str]) -> dict[str, Story]:
        """The story of each; empty where nothing was ever done for the hit."""

    async def look(self, asks: Sequence[tuple[str, str]]) -> dict[str, Looked]:
        """For each hit and its slot of repetition: the hit's story, and the parts of the slot's hits in their matters.

        An empty slot is none. One round trip.
        """

    async def contributions(self, instruction_ids: Sequence[str]) -> Contributions:
        """For each station instruction, the hits that it was given for and their parts."""

    async def of_orders(self, order_ids: Sequence[str]) -> dict[str, list[str]]:
        """For each order, the hits that anything was done for, sorted."""

    async def claim_due(self, now: dt.datetime, most: int, for_s: float) -> list[str]:
        """Hits that are to be taken up again by now, the longest due first; nobody else is given them for ``for_s`` seconds."""

    async def let_go(self, hit_ids: Sequence[str]) -> None:
        """Give up claims: what is due of these hits may be claimed again."""

    async def record(self, receipts: Sequence[Receipt]) -> Contributions:
        """Take over receipts that are durable; repeats are harmless. Returns the station instructions that changed by that."""

    async def record_from(self, partition: int, start: int, end: int, receipts: Sequence[Receipt]) -> None:
        """Take over the receipts between two offsets of ``receipts``, and move the partition's position, all at once.

        Raises:
            ViewMovedError: the position is not ``start``; nothing was taken over.
        """

    async def mark_whole(self) -> None:
        """Say that the view was built to the end of the log. Until that is said, it answers nothing and takes no ``record``."""

    async def positions(self) -> dict[int, int]:
        """How far in ``receipts`` the view was rebuilt, a partition; empty when it never was."""

    async def summary(self) -> dict[tuple[str, str], int]:
        """How many steps, over all hits, went how: (step, outcome) to a count."""

    async def recent(self, most: int) -> list[str]:
        """The hits whose last steps are the newest, newest first."""
