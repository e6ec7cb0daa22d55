"""The delivery ledger in Redis: what became of each hit. A view of ``receipts``, the same after any replay of them.

<namespace>:hit:<id>           the hit's story: every step that was taken for it
<namespace>:hits-of:<order>    the hits of an order
<namespace>:instruction:<id>   a station's instruction: its hits, and their parts in it
<namespace>:slot:<digest>      a slot of repetition: its hits, and their parts in its matters
<namespace>:due                the hits that are to be taken up again, by when
<namespace>:claim:<id>         somebody takes up the hit just now
<namespace>:whole              there when the ledger was built to its end; without it nothing is asked or recorded
<namespace>:receipts           partition of ``receipts`` to the offset of the next one to take over
<namespace>:steps              step and outcome to how many there were
<namespace>:recent             the hits whose last steps are the newest
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Any, Final, TypeVar, cast

import msgspec
import redis.asyncio

from connectors.redis import ledger_scripts as scripts
from connectors.redis.errors import ViewUnavailableError, server_name, translated
from connectors.redis.keyspace import delete_all
from connectors.redis.scripts import packed
from stream.core.delivery import Receipt, Step
from stream.core.due import due_of
from stream.core.ports import Contributions, Looked, ViewMovedError
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

T = TypeVar("T")
RECENT_MAX: Final = 1000
KNOWN_MAX: Final = 8192
"""Stories that are remembered as they were last seen stored."""
_TRIES_MAX: Final = 20
_AT_ONCE: Final = 200
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
        self._whole = f"{namespace}:whole"
        self._server = server_name(client)
        self._known: Final[OrderedDict[str, bytes]] = OrderedDict()
        self._read_script = client.register_script(scripts.READ)
        self._record_script = client.register_script(scripts.RECORD)
        self._claim_script = client.register_script(scripts.CLAIM_DUE)

    async def stories(self, hit_ids: Sequence[str]) -> dict[str, Story]:
        return {hit_id: _read(value) for hit_id, value in (await self._values(hit_ids)).items()}

    async def look(self, asks: Sequence[tuple[str, str]]) -> dict[str, Looked]:
        hit_ids = list(dict.fromkeys(hit_id for hit_id, _ in asks))
        slots = list(dict.fromkeys(slot for _, slot in asks if slot))
        if not hit_ids:
            return {}
        found = await self._find(hit=hit_ids, slot=slots)
        values, of_slots = dict(zip(hit_ids, found, strict=False)), found[len(hit_ids) :]
        self._keep(values)
        stories = {hit_id: _read(value) for hit_id, value in values.items()}
        marks = {slot: _of_hits(of, _mark) for slot, of in zip(slots, of_slots, strict=True)}
        return {hit_id: Looked(stories[hit_id], marks.get(slot, {})) for hit_id, slot in asks}

    async def contributions(self, instruction_ids: Sequence[str]) -> Contributions:
        found = await self._find(instruction=instruction_ids)
        return {id_: _of_hits(of, _part) for id_, of in zip(instruction_ids, found, strict=True)}

    async def of_orders(self, order_ids: Sequence[str]) -> dict[str, list[str]]:
        found = await self._find(**{"hits-of": order_ids})
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

    async def record(self, receipts: Sequence[Receipt]) -> Contributions:
        return await self._record(None, receipts) if receipts else {}

    async def record_from(self, partition: int, start: int, end: int, receipts: Sequence[Receipt]) -> None:
        await self._record((partition, start, end), receipts)

    async def mark_whole(self) -> None:
        with translated(ViewUnavailableError, self._server):
            await self._client.set(self._whole, "1")

    async def is_whole(self) -> bool:
        """Whether the ledger was built to its end, and not lost since."""
        with translated(ViewUnavailableError, self._server):
            return bool(await self._client.exists(self._whole))

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

    async def waiting(self, most: int) -> Counter[str]:
        """Hits that wait for another attempt, by court; of those that are due first, ``most`` are looked at."""
        with translated(ViewUnavailableError, self._server):
            hit_ids = cast(list[bytes], await self._client.zrange(f"{self._namespace}:due", 0, most - 1))
        counts = Counter[str]()
        for start in range(0, len(hit_ids), _AT_ONCE):
            names = [f"{self._namespace}:hit:{hit_id.decode()}" for hit_id in hit_ids[start : start + _AT_ONCE]]
            with translated(ViewUnavailableError, self._server):
                found = await self._client.mget(names)
            for story in (_read(value) for value in cast(list[bytes | None], found) if value):
                due, known = due_of(story), known_of(story)
                if due is not None and known is not None and due.what == "attempt":
                    counts[known.court] += 1
        return counts

    async def wipe(self) -> None:
        """Delete the ledger, and nothing else; the receipts, read from the start, give it back."""
        self._known.clear()
        with translated(ViewUnavailableError, self._server):
            await self._client.delete(self._whole)
            for kind in ("hit", "hits-of", "instruction", "slot", "claim"):
                await delete_all(self._client, self._namespace, kind)
            await self._client.delete(*(f"{self._namespace}:{name}" for name in ("steps", "recent", "due", "receipts")))

    async def _record(self, span: tuple[int, int, int] | None, receipts: Sequence[Receipt]) -> Contributions:
        """Think, and write if the stories are as we know them; else read them, and think again."""
        by_hit: dict[str, list[Receipt]] = {}
        for receipt in receipts:
            by_hit.setdefault(receipt.hit_id, []).append(receipt)
        partition, start, end = map(str, span) if span is not None else ("", "", "")
        # What builds the view reads it first: Redis may have lost what is remembered here.
        known = {} if span else {hit_id: value for hit_id in by_hit if (value := self._known.get(hit_id)) is not None}
        for _ in range(_TRIES_MAX):
            known |= await self._values([hit_id for hit_id in by_hit if hit_id not in known], building=span is not None)
            rows, counts, written = _changes(known, by_hit)
            differences = packed((f"{step}/{outcome}", str(more)) for (step, outcome), more in counts.items() if more)
            with translated(ViewUnavailableError, self._server):
                answer, stands, *parts = await self._record_script(
                    args=[self._namespace, partition, start, end, packed(rows), differences, RECENT_MAX]
                )
            if answer == b"moved":
                raise ViewMovedError(f"partition {partition} of the receipts stands at {int(stands)}, not {start}")
            if answer == b"recorded":
                self._keep(written)
                return _contributions(parts)
            known = {}
        raise ViewUnavailableError("contended", f"{self._server}: the ledger was written by others {_TRIES_MAX} times over")

    async def _values(self, hit_ids: Sequence[str], *, building: bool = False) -> dict[str, bytes]:
        """The stories as they are stored; empty where there is none."""
        if not hit_ids:
            return {}
        if building:
            with translated(ViewUnavailableError, self._server):
                found = await self._client.mget([f"{self._namespace}:hit:{hit_id}" for hit_id in hit_ids])
        else:
            found = await self._find(hit=hit_ids)
        values = dict(zip(hit_ids, (value or b"" for value in cast(list[bytes | None], found)), strict=True))
        self._keep(values)
        return values

    async def _find(self, **names: Sequence[str]) -> list[Any]:
        """What stands under names of some kinds, in order.

        A ledger that Redis has lost is empty, which must not mean that nothing was told: it answers nothing.
        """
        args: list[bytes | str] = [self._namespace]
        for kind, of_kind in names.items():
            args += (kind, packed((name,) for name in of_kind))
        with translated(ViewUnavailableError, self._server):
            return cast(list[Any], await self._read_script(args=args))

    def _keep(self, values: dict[str, bytes]) -> None:
        """Remember what is stored: the next receipt of a hit most often finds it so, and needs not read it first."""
        for hit_id, value in values.items():
            self._known.pop(hit_id, None)
            self._known[hit_id] = value
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)


def _changes(
    stories: dict[str, bytes], receipts: dict[str, list[Receipt]]
) -> tuple[list[tuple[bytes | str, ...]], Counts, dict[str, bytes]]:
    """The stories that change, as the script takes them, by how much that changes the counts, and what is stored then."""
    rows: list[tuple[bytes | str, ...]] = []
    counts = Counter[tuple[Step, str]]()
    written: dict[str, bytes] = {}
    for hit_id, value in stories.items():
        before = _read(value)
        after = told_on(before, receipts[hit_id])
        if after != before:
            order_id = receipts[hit_id][0].order_id
            new = written[hit_id] = _written(after)
            rows.append((hit_id, value, new, _since_epoch(last_of(after).at), order_id, *_views(before, after)))
            counts.update(counts_of(after))
            counts.subtract(counts_of(before))
    return rows, counts, written


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


def _contributions(flat: Sequence[Any]) -> Contributions:
    """Instruction ids, each followed by the hash of its hits and their parts."""
    return {id_.decode(): _of_hits(of, _part) for id_, of in zip(flat[::2], flat[1::2], strict=True)}


def _of_hits(flat: Sequence[bytes], read: msgspec.msgpack.Decoder[T]) -> dict[str, T]:
    """Hits, each followed by its part or mark."""
    return {hit.decode(): read.decode(value) for hit, value in zip(flat[::2], flat[1::2], strict=True)}


def _since_epoch(moment: dt.datetime) -> str:
    return str((moment - _EPOCH) // _MICROSECOND)


def _read(value: bytes) -> Story:
    return {(version, step, attempt): seen for version, step, attempt, seen in _rows.decode(value)} if value else {}


def _written(story: dict[StepKey, Seen]) -> bytes:
    """The same bytes for the same story."""
    return msgspec.msgpack.encode([(*key, story[key]) for key in sorted(story)])
