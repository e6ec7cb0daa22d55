"""Ports kept in memory: for tests, and for whatever runs without servers. Held to the contract tests of the real ones."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

from stream.core.delivery import Receipt
from stream.core.due import due_of
from stream.core.incident import Opening
from stream.core.ports import Contributions, Looked, ViewMovedError
from stream.core.story import (
    Counts,
    Mark,
    Story,
    contribution_of,
    counts_of,
    known_of,
    last_of,
    mark_of,
    told_on,
)
from watchlists.rules import History


class FixedRules:
    """Provincial rules that are all at hand, and do not change."""

    def __init__(self, history: History) -> None:
        self._history = history

    async def up_to(self, _instant: dt.datetime) -> History:
        return self._history

    def so_far(self) -> History:
        return self._history


class MemoryIncidents:
    """Incidents that were opened, in this process's memory, each once."""

    def __init__(self) -> None:
        self.opened: list[Opening] = []

    async def open(self, opening: Opening) -> None:
        if all((one.kind, one.about) != (opening.kind, opening.about) for one in self.opened):
            self.opened.append(opening)


class MemoryLedger:
    """The delivery ledger in this process's memory."""

    def __init__(self) -> None:
        self._stories: dict[str, Story] = {}
        self._orders: dict[str, str] = {}
        self._claims: dict[str, dt.datetime] = {}
        self._positions: dict[int, int] = {}

    async def stories(self, hit_ids: Sequence[str]) -> dict[str, Story]:
        return {hit_id: self._stories.get(hit_id, {}) for hit_id in hit_ids}

    async def look(self, asks: Sequence[tuple[str, str]]) -> dict[str, Looked]:
        return {hit_id: Looked(self._stories.get(hit_id, {}), self._marks(slot)) for hit_id, slot in asks}

    def _marks(self, slot: str) -> dict[str, Mark]:
        found: dict[str, Mark] = {}
        for hit_id, story in self._stories.items():
            known, mark = known_of(story), mark_of(story)
            if known is not None and mark is not None and slot == known.slot:
                found[hit_id] = mark
        return found

    async def contributions(self, instruction_ids: Sequence[str]) -> Contributions:
        found: Contributions = {instruction_id: {} for instruction_id in instruction_ids}
        for hit_id, story in self._stories.items():
            known, part = known_of(story), contribution_of(story)
            if known is not None and part is not None and known.instruction_id in found:
                found[known.instruction_id][hit_id] = part
        return found

    async def of_orders(self, order_ids: Sequence[str]) -> dict[str, list[str]]:
        return {order_id: sorted(hit for hit, of in self._orders.items() if of == order_id) for order_id in order_ids}

    async def claim_due(self, now: dt.datetime, most: int, for_s: float) -> list[str]:
        dues = ((due_of(story), hit_id) for hit_id, story in self._stories.items())
        due = sorted((due.at, hit_id) for due, hit_id in dues if due is not None and due.at <= now)
        free = [hit_id for _, hit_id in due if self._claims.get(hit_id, now) <= now][:most]
        self._claims |= dict.fromkeys(free, now + dt.timedelta(seconds=for_s))
        return free

    async def let_go(self, hit_ids: Sequence[str]) -> None:
        for hit_id in hit_ids:
            self._claims.pop(hit_id, None)

    async def record(self, receipts: Sequence[Receipt]) -> Contributions:
        changed: set[str] = set()
        for receipt in receipts:
            self._orders[receipt.hit_id] = receipt.order_id
            before = self._stories.get(receipt.hit_id, {})
            after = self._stories[receipt.hit_id] = told_on(before, [receipt])
            known = known_of(after)
            if known is not None and contribution_of(after) != contribution_of(before):
                changed.add(known.instruction_id)
        return await self.contributions(sorted(changed))

    async def record_from(self, partition: int, start: int, end: int, receipts: Sequence[Receipt]) -> None:
        stands = self._positions.get(partition, 0)
        if stands != start:
            raise ViewMovedError(f"partition {partition} of the receipts stands at {stands}, not {start}")
        await self.record(receipts)
        self._positions[partition] = end

    async def mark_whole(self) -> None:
        """It is whole: what is not in this memory never was."""

    async def positions(self) -> dict[int, int]:
        return dict(self._positions)

    async def summary(self) -> dict[tuple[str, str], int]:
        counts: Counts = Counter()
        for story in self._stories.values():
            counts += counts_of(story)
        return {(step, outcome): count for (step, outcome), count in counts.items()}

    async def recent(self, most: int) -> list[str]:
        newest = sorted(((last_of(story).at, hit_id) for hit_id, story in self._stories.items()), reverse=True)
        return [hit_id for _, hit_id in newest[:most]]
