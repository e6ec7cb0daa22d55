"""The delivery ledger in Redis: what became of each hit. A view of ``receipts``, the same after any replay of them.

<namespace>:hit:<id>     the hit's story: every step that was taken for it
<namespace>:receipts     partition of ``receipts`` to the offset of the next one to take over
<namespace>:steps        step and outcome to how many there were
<namespace>:recent       the hits whose last steps are the newest
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Final, cast

import msgspec
import redis.asyncio

from connectors.redis import scripts
from connectors.redis.errors import ViewUnavailableError, server_name, translated
from connectors.redis.keyspace import delete_all
from connectors.redis.scripts import packed
from stream.core.delivery import Receipt, Step
from stream.core.ports import Told, ViewMovedError
from stream.core.story import Counts, Seen, StepKey, Story, counts_of, last_of, told_of, told_on

RECENT_MAX: Final = 1000
_TRIES_MAX: Final = 20
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_rows: Final = msgspec.msgpack.Decoder(list[tuple[int, Step, int, dt.datetime, str, str]])


class RedisLedger:
    """The ledger that all workers share. Raises ViewUnavailableError."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str) -> None:
        self._client, self._namespace = client, namespace
        self._server = server_name(client)
        self._record_script = client.register_script(scripts.RECORD)

    async def told(self, hit_ids: Sequence[str]) -> dict[str, Told]:
        stories = await self._stories(hit_ids)
        told = {hit_id: told_of(_read(value)) for hit_id, value in stories.items()}
        return {hit_id: answer for hit_id, answer in told.items() if answer is not None}

    async def record(self, receipts: Sequence[Receipt]) -> None:
        if receipts:
            await self._record(None, receipts)

    async def record_from(self, partition: int, start: int, end: int, receipts: Sequence[Receipt]) -> None:
        await self._record((partition, start, end), receipts)

    async def positions(self) -> dict[int, int]:
        with translated(ViewUnavailableError, self._server):
            found = cast(dict[bytes, bytes], await self._client.hgetall(f"{self._namespace}:receipts"))
        return {int(partition): int(offset) for partition, offset in found.items()}

    async def summary(self) -> dict[tuple[str, str], int]:
        with translated(ViewUnavailableError, self._server):
            found = cast(dict[bytes, bytes], await self._client.hgetall(f"{self._namespace}:steps"))
        counts: dict[tuple[str, str], int] = {}
        for name, count in found.items():
            step, _, outcome = name.decode().partition("/")
            counts[step, outcome] = int(count)
        return counts

    async def recent(self, most: int) -> list[str]:
        """The hits whose last steps are the newest, newest first; at most ``RECENT_MAX``."""
        if most < 1:
            return []
        with translated(ViewUnavailableError, self._server):
            found = cast(list[bytes], await self._client.zrevrange(f"{self._namespace}:recent", 0, most - 1))
        return [hit_id.decode() for hit_id in found]

    async def wipe(self) -> None:
        """Delete the ledger, and nothing else; the receipts, read from the start, give it back."""
        with translated(ViewUnavailableError, self._server):
            await delete_all(self._client, self._namespace, "hit")
            await self._client.delete(*(f"{self._namespace}:{name}" for name in ("steps", "recent", "receipts")))

    async def _record(self, span: tuple[int, int, int] | None, receipts: Sequence[Receipt]) -> None:
        """Read, think, and write if nobody else has written meanwhile; else think again."""
        by_hit: dict[str, list[Receipt]] = {}
        for receipt in receipts:
            by_hit.setdefault(receipt.hit_id, []).append(receipt)
        partition, start, end = map(str, span) if span is not None else ("", "", "")
        for _ in range(_TRIES_MAX):
            rows, counts = _changes(await self._stories(list(by_hit)), by_hit)
            differences = packed((f"{step}/{outcome}", str(more)) for (step, outcome), more in counts.items() if more)
            with translated(ViewUnavailableError, self._server):
                answer, stands = await self._record_script(
                    args=[self._namespace, partition, start, end, packed(rows), differences, RECENT_MAX]
                )
            if answer == b"moved":
                raise ViewMovedError(f"partition {partition} of the receipts stands at {int(stands)}, not {start}")
            if answer == b"recorded":
                return
        raise ViewUnavailableError("contended", f"{self._server}: the ledger was written by others {_TRIES_MAX} times over")

    async def _stories(self, hit_ids: Sequence[str]) -> dict[str, bytes]:
        if not hit_ids:
            return {}
        with translated(ViewUnavailableError, self._server):
            found = await self._client.mget([f"{self._namespace}:hit:{hit_id}" for hit_id in hit_ids])
        return {hit_id: value or b"" for hit_id, value in zip(hit_ids, cast(list[bytes | None], found), strict=True)}


def _changes(
    stories: dict[str, bytes], receipts: dict[str, list[Receipt]]
) -> tuple[list[tuple[str, bytes, bytes, str]], Counts]:
    """The stories that change, as the script takes them, and by how much that changes the counts."""
    rows, counts = [], Counter[tuple[Step, str]]()
    for hit_id, value in stories.items():
        before = _read(value)
        after = told_on(before, receipts[hit_id])
        if after != before:
            rows.append((hit_id, value, _written(after), str((last_of(after).at - _EPOCH) // _MICROSECOND)))
            counts.update(counts_of(after))
            counts.subtract(counts_of(before))
    return rows, counts


def _read(value: bytes) -> Story:
    if not value:
        return {}
    return {
        (version, step, attempt): Seen(at, outcome, answer)
        for version, step, attempt, at, outcome, answer in _rows.decode(value)
    }


def _written(story: dict[StepKey, Seen]) -> bytes:
    """The same bytes for the same story."""
    return msgspec.msgpack.encode([(*key, *seen) for key, seen in sorted(story.items())])
