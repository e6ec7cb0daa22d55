"""Ports kept in memory: for tests, and for whatever runs without servers. Held to the contract tests of the real ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from stream.core.delivery import Receipt
from stream.core.ports import Told, ViewMovedError
from stream.core.story import Counts, Story, counts_of, last_of, told_of, told_on


class MemoryLedger:
    """The delivery ledger in this process's memory."""

    def __init__(self) -> None:
        self._stories: dict[str, Story] = {}
        self._positions: dict[int, int] = {}

    async def told(self, hit_ids: Sequence[str]) -> dict[str, Told]:
        told = {hit_id: told_of(self._stories.get(hit_id, {})) for hit_id in hit_ids}
        return {hit_id: answer for hit_id, answer in told.items() if answer is not None}

    async def record(self, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            self._stories[receipt.hit_id] = told_on(self._stories.get(receipt.hit_id, {}), [receipt])

    async def record_from(self, partition: int, start: int, end: int, receipts: Sequence[Receipt]) -> None:
        stands = self._positions.get(partition, 0)
        if stands != start:
            raise ViewMovedError(f"partition {partition} of the receipts stands at {stands}, not {start}")
        await self.record(receipts)
        self._positions[partition] = end

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
