"""The delivery ledger in Redis: what became of each hit. A view of ``receipts``, the same after any replay of them.

<namespace>:hit:<id>           the hit's story: every step that was taken for it
<namespace>:hits-of:<order>    the hits of an order
<namespace>:instruction:<id>   a station's instruction: its hits, and their parts in it
<namespace>:slot:<digest>      a slot of repetition: its hits, and their parts in its matters
<namespace>:due                the hits that are to be taken up again, by when
<namespace>:claim:<id>         somebody takes up the hit just now
<namespace>:receipts           partition of ``receipts`` to the offset of the next one to take over
<namespace>:steps              step and outcome to how many there were
<namespace>:recent             the hits whose last steps are the newest
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Final, cast

import msgspec
import redis.asyncio

from connectors.redis import ledger_scripts as scripts
from connectors.redis.errors import ViewUnavailableError, server_name, translated
from connectors.redis.keyspace import delete_all
from connectors.redis.scripts import packed
from stream.core.delivery import Receipt, Step
from stream.core.due import due_of
from stream.core.ports import ViewMovedError
from stream.core.story import (
    Contribution,
    Counts,
    Mark,
    Seen,
    StepKey,
    Story,
    contribution_of,
    counts_of,
    known_of,
    last_of,
    mark_of,
    told_on,
)

RECENT_MAX: Final = 1000
_TRIES_MAX: Final = 20
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_MILLISECOND: Final = dt.timedelta(milliseconds=1)
_rows: Final = msgspec.msgpack.Decoder(list[tuple[int, Step, int, Seen]])
_mark: Final = msgspec.msgpack.Decoder(Mark)
_part: Final = msgspec.msgpack.Decoder(Contribution)


class RedisLedger:
    """The ledger that all workers share. Raises ViewUnavailableError."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str) -> None:
        self._client, self._namespace = client, namespace
        self._server = server_name(client)
        self._record_script = client.register_script(scripts.RECORD)
        self._claim_script = client.register_script(scripts.CLAIM_DUE)

    async def stories(self, hit_ids: Sequence[str]) -> dict[str, Story]:
        return {hit_id: _read(value) for hit_id, value in (await self._stories(hit_ids)).items()}

    async def marks(self, slots: Sequence[str]) -> dict[str, dict[str, Mark]]:
        found = await self._hashes("slot", slots)
        return {slot: {hit.decode(): _mark.decode(mark) for hit, mark in of.items()} for slot, of in found.items()}

    async def contributions(self, instruction_ids: Sequence[str]) -> dict[str, dict[str, Contribution]]:
        found = await self._hashes("instruction", instruction_ids)
        return {id_: {hit.decode(): _part.decode(part) for hit, part in of.items()} for id_, of in found.items()}

    async def of_orders(self, order_ids: Sequence[str]) -> dict[str, list[str]]:
        with translated(ViewUnavailableError, self._server):
            async with self._client.pipeline(transaction=False) as asked:
                for order_id in order_ids:
                    asked.smembers(f"{self._namespace}:hits-of:{order_id}")
                found = cast(list[set[bytes]], await asked.execute())
        return {order_id: sorted(hit.decode() for hit in of) for order_id, of in zip(order_ids, found, strict=True)}

    async def claim_due(self, now: dt.datetime, most: int, for_s: float) -> list[str]:
        now_ms = (now - _EPOCH) // _MILLISECOND
        with translated(ViewUnavailableError, self._server):
            claimed = await self._claim_script(args=[self._namespace, now_ms, most, round(for_s * 1000)])
        return [hit_id.decode() for hit_id in claimed]

    async def let_go(self, hit_ids: Sequence[str]) -> None:
        if hit_ids:
            with translated(ViewUnavailableError, self._server):
                await self._client.delete(*(f"{self._namespace}:claim:{hit_id}" for hit_id in hit_ids))

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
            for kind in ("hit", "hits-of", "instruction", "slot", "claim"):
                await delete_all(self._client, self._namespace, kind)
            await self._client.delete(*(f"{self._namespace}:{name}" for name in ("steps", "recent", "due", "receipts")))

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

    async def _hashes(self, kind: str, names: Sequence[str]) -> dict[str, dict[bytes, bytes]]:
        with translated(ViewUnavailableError, self._server):
            async with self._client.pipeline(transaction=False) as asked:
                for name in names:
                    asked.hgetall(f"{self._namespace}:{kind}:{name}")
                found = cast(list[dict[bytes, bytes]], await asked.execute())
        return dict(zip(names, found, strict=True))


def _changes(stories: dict[str, bytes], receipts: dict[str, list[Receipt]]) -> tuple[list[tuple[bytes | str, ...]], Counts]:
    """The stories that change, as the script takes them, and by how much that changes the counts."""
    rows: list[tuple[bytes | str, ...]] = []
    counts = Counter[tuple[Step, str]]()
    for hit_id, value in stories.items():
        before = _read(value)
        after = told_on(before, receipts[hit_id])
        if after != before:
            order_id = receipts[hit_id][0].order_id
            rows.append((hit_id, value, _written(after), _since_epoch(last_of(after).at), order_id, *_views(before, after)))
            counts.update(counts_of(after))
            counts.subtract(counts_of(before))
    return rows, counts


def _views(before: Story, after: Story) -> tuple[bytes | str, ...]:
    """What follows from a story: when it is due, its part in its instruction, the slot it left, and its mark in its own."""
    due, known, part, mark = due_of(after), known_of(after), contribution_of(after), mark_of(after)
    knew = known_of(before) if before else None
    return (
        "" if due is None else str((due.at - _EPOCH) // _MILLISECOND),
        "" if known is None else known.instruction_id,
        b"" if part is None else msgspec.msgpack.encode(part),
        "" if knew is None or known is None or knew.slot == known.slot else knew.slot,
        "" if known is None else known.slot,
        b"" if mark is None else msgspec.msgpack.encode(mark),
    )


def _since_epoch(moment: dt.datetime) -> str:
    return str((moment - _EPOCH) // _MICROSECOND)


def _read(value: bytes) -> Story:
    return {(version, step, attempt): seen for version, step, attempt, seen in _rows.decode(value)} if value else {}


def _written(story: dict[StepKey, Seen]) -> bytes:
    """The same bytes for the same story."""
    return msgspec.msgpack.encode([(*key, story[key]) for key in sorted(story)])
