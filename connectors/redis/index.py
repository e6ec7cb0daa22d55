"""The index in Redis: every order in place, found by any of its keys in one round trip.

    <namespace>:order:<id>     what is held of the order: [court, version, released, tombstones, the record's bytes]
    <namespace>:key:<16 hex>   the ids of the orders in place that hold the key
    <namespace>:positions      partition of ``orders`` to the offset of the next record to apply
    <namespace>:fingerprint    of the secret that the keys are hashed under

Writes happen in one script that first checks the partition's position, so two writers cannot both apply a batch and no
reader sees half an order. Released orders keep no personal data.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec
import redis.asyncio

from connectors.redis.errors import IndexUnavailableError, translated
from matchers.keys import Key, KeyHasher, KeyKind
from watchlists.index import IndexMovedError, Logged, Lookup, Standing
from watchlists.lifecycle import UNKNOWN, Decision, Held, decide
from watchlists.order import Order, read_order

_CACHED_ORDERS: Final = 20_000
_WIPE_BATCH: Final = 1000

_APPLY: Final = """
local at = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if at ~= tonumber(ARGV[2]) then return at end
local space, i = ARGV[4], 5
while i <= #ARGV do
    local op, key, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    if op == 's' then redis.call('SET', space .. ':order:' .. key, value)
    elseif op == '+' then redis.call('SADD', space .. ':key:' .. key, value)
    else redis.call('SREM', space .. ':key:' .. key, value) end
    i = i + 3
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return -1
"""

_LOOKUP: Final = """
local space, seen, orders = ARGV[1], {}, {}
for i = 2, #ARGV do
    for _, id in ipairs(redis.call('SMEMBERS', space .. ':key:' .. ARGV[i])) do
        if not seen[id] then
            seen[id] = true
            orders[#orders + 1] = redis.call('GET', space .. ':order:' .. id)
        end
    end
end
return {redis.call('HGETALL', KEYS[1]), orders}
"""


class _Entry(msgspec.Struct, array_like=True, frozen=True):
    """What stands under an order's id."""

    court: str | None
    version: int
    released: bool
    tombstones: tuple[tuple[str, int], ...]
    raw: bytes = b""

    @classmethod
    def of(cls, held: Held, raw: bytes) -> _Entry:
        return cls(held.court, held.version, held.released, held.tombstones, raw)

    def held(self) -> Held:
        return Held(self.court, self.version, self.released, self.tombstones)


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(_Entry)
_NOTHING: Final = _Entry.of(UNKNOWN, b"")


class RedisIndex:
    """The index that all workers share."""

    def __init__(self, client: redis.asyncio.Redis, hasher: KeyHasher, namespace: str) -> None:
        self._client, self._hasher, self._space = client, hasher, namespace
        self._positions_key = f"{namespace}:positions"
        self._apply_script = client.register_script(_APPLY)
        self._lookup_script = client.register_script(_LOOKUP)
        self._orders: OrderedDict[bytes, Order] = OrderedDict()

    async def claim_fingerprint(self) -> None:
        """Make sure that this index is hashed under our secret.

        Raises:
            IndexUnavailableError: it is hashed under another; wipe it (``chakong rebuild``) or give the right secret.
        """
        key = f"{self._space}:fingerprint"
        with translated(IndexUnavailableError):
            await self._client.set(key, self._hasher.fingerprint, nx=True)
            found = await self._client.get(key)
        if found != self._hasher.fingerprint.encode():
            raise IndexUnavailableError(
                "the index in Redis is hashed under another key secret: give the workers that secret, or run"
                " `chakong rebuild`, which wipes the index and builds it again from the log"
            )

    async def apply(self, partition: int, start: int, end: int, records: Sequence[Logged]) -> list[Decision]:
        entries = await self._entries([logged.record.id for logged in records])
        decisions: list[Decision] = []
        before = dict(entries)
        for logged in records:
            record = logged.record
            change = decide(entries[record.id].held(), record)
            decisions.append(change.decision)
            if change.decision.changes:
                raw = logged.raw if isinstance(record, Order) else b""
                entries[record.id] = _Entry.of(change.held, raw)
        changed = {id_: entry for id_, entry in entries.items() if entry is not before[id_]}
        await self._write(partition, start, end, before, changed)
        return decisions

    async def lookup(self, keys: Sequence[Key]) -> Lookup:
        hashes = [f"{value:016x}" for value in self._hashes(keys)]
        with translated(IndexUnavailableError):
            flat, values = await self._lookup_script(keys=[self._positions_key], args=[self._space, *hashes])
        positions = {int(flat[i]): int(flat[i + 1]) for i in range(0, len(flat), 2)}
        return Lookup([order for value in values if value and (order := self._order(value)) is not None], positions)

    async def standings(self, order_ids: Sequence[str]) -> dict[str, Standing]:
        entries = await self._entries(order_ids)
        return {id_: Standing(entry.held(), self._order(_encoder.encode(entry))) for id_, entry in entries.items()}

    async def positions(self) -> dict[int, int]:
        with translated(IndexUnavailableError):
            found = cast(dict[bytes, bytes], await self._client.hgetall(self._positions_key))
        return {int(partition): int(offset) for partition, offset in found.items()}

    async def wipe(self) -> None:
        """Delete the index; the positions go first, so that no reader takes a half-wiped index for a whole one."""
        with translated(IndexUnavailableError):
            await self._client.delete(self._positions_key, f"{self._space}:fingerprint")
            for kind in ("order", "key"):
                batch: list[bytes] = []
                async for key in self._client.scan_iter(f"{self._space}:{kind}:*", count=_WIPE_BATCH):
                    batch.append(key)
                    if len(batch) >= _WIPE_BATCH:
                        await self._client.unlink(*batch)
                        batch.clear()
                if batch:
                    await self._client.unlink(*batch)

    async def _entries(self, order_ids: Sequence[str]) -> dict[str, _Entry]:
        ids = list(dict.fromkeys(order_ids))
        if not ids:
            return {}
        with translated(IndexUnavailableError):
            values = cast(list[bytes | None], await self._client.mget([f"{self._space}:order:{id_}" for id_ in ids]))
        return {id_: _decoder.decode(value) if value else _NOTHING for id_, value in zip(ids, values, strict=True)}

    async def _write(self, partition: int, start: int, end: int, before: dict[str, _Entry], changed: dict[str, _Entry]) -> None:
        operations: list[Any] = []
        for id_, entry in changed.items():
            operations += ["s", id_, _encoder.encode(entry)]
        for sign, entries in (("-", {id_: before[id_] for id_ in changed}), ("+", changed)):
            pairs = [(id_, key) for id_, entry in entries.items() for key in self._keys(entry)]
            for (id_, _), value in zip(pairs, self._hashes([key for _, key in pairs]), strict=True):
                operations += [sign, f"{value:016x}", id_]
        arguments = [partition, start, end, self._space, *operations]
        with translated(IndexUnavailableError):
            at = await self._apply_script(keys=[self._positions_key], args=arguments)
        if at != -1:
            raise IndexMovedError(f"partition {partition} stands at {at}, not {start}")

    def _keys(self, entry: _Entry) -> tuple[Key, ...]:
        order = self._order(_encoder.encode(entry)) if entry.raw else None
        return order.keys() if order is not None else ()

    def _hashes(self, keys: Sequence[Key]) -> list[int]:
        """The hashes of keys, in order, hashed a kind at a time."""
        by_kind: dict[KeyKind, list[int]] = {}
        for number, key in enumerate(keys):
            by_kind.setdefault(key.kind, []).append(number)
        hashes = [0] * len(keys)
        for kind, numbers in by_kind.items():
            found = self._hasher.hash_values(kind, [keys[number].value for number in numbers]).tolist()
            for number, value in zip(numbers, found, strict=True):
                hashes[number] = value
        return hashes

    def _order(self, value: bytes) -> Order | None:
        """The order in an entry; read once and remembered, since reading costs more than finding."""
        order = self._orders.get(value)
        if order is not None:
            self._orders.move_to_end(value)
            return order
        raw = _decoder.decode(value).raw
        record = read_order(raw) if raw else None
        if not isinstance(record, Order):
            return None
        self._orders[value] = record
        if len(self._orders) > _CACHED_ORDERS:
            self._orders.popitem(last=False)
        return record
