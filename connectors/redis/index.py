"""The watchlist index in Redis: a view of the topic ``orders``, shared by all workers.

    <namespace>:order:<id>        what is held of the id, the hashes of its keys, and the order's bytes while it is in place
    <namespace>:key:<16 hex>      the ids of the orders that hold a key of this keyed hash
    <namespace>:positions         a partition of ``orders`` to the next offset; whose index it is

Nothing else. Two keys may share a hash: that costs a comparison, never a wrong hit. Redis must not evict.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import redis.asyncio

from connectors.redis import scripts
from connectors.redis.errors import IndexUnavailableError, server_name, translated
from connectors.redis.keyspace import delete_all
from connectors.redis.scripts import packed
from matchers.keys import Key, KeyHasher, KeyKind
from matchers.wire import UnreadableError
from watchlists.index import IndexMovedError, Logged, Lookup, Standing, Standings
from watchlists.lifecycle import UNKNOWN, Decision, Held, decide
from watchlists.order import Order, Release, read_order

LAYOUT: Final = 1
"""Raised when entries are written differently: an index of another layout is refused, not misread."""
RECORDS_MAX: Final = 5000
BYTES_MAX: Final = 256 << 20
"""What one step may hold: Redis does nothing else while it takes it over."""
_CACHED: Final = 2048
_CACHED_BYTES_MAX: Final = 8192
_LENGTHS: Final = struct.Struct(">II")
_HASH_BYTES: Final = 8


class _Head(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An entry without the order's bytes."""

    court: str | None
    version: int
    released: bool
    tombstones: tuple[tuple[str, int], ...]
    keys: bytes


class _Entry(NamedTuple):
    """What is stored of an order's id: lengths, head, the order's bytes. ``start`` is all but the order's bytes."""

    start: bytes
    held: Held
    keys: frozenset[bytes]
    raw: bytes

    @classmethod
    def of(cls, held: Held, keys: Iterable[bytes], raw: bytes) -> _Entry:
        hashes = frozenset(keys)
        head = msgspec.msgpack.encode(_Head(held.court, held.version, held.released, held.tombstones, b"".join(sorted(hashes))))
        return cls(_LENGTHS.pack(len(head), len(raw)) + head, held, hashes, raw)


class _Read(NamedTuple):
    """An order in place, and its keys."""

    order: Order
    keys: frozenset[Key]


_NOTHING: Final = _Entry(b"", UNKNOWN, frozenset(), b"")
_heads: Final = msgspec.msgpack.Decoder(_Head)


class RedisIndex:
    """The index in Redis.

    Every method raises IndexUnavailableError where Redis cannot answer, is loading, may not write, has no memory left, or
    holds an index that is damaged or foreign.
    """

    def __init__(self, client: redis.asyncio.Redis, hasher: KeyHasher, namespace: str) -> None:
        self._client, self._hasher, self._namespace = client, hasher, namespace
        self._server = server_name(client)
        self._ours = f"{LAYOUT}:{hasher.fingerprint}"
        self._claim = client.register_script(scripts.CLAIM)
        self._read_script = client.register_script(scripts.READ)
        self._lookup_script = client.register_script(scripts.LOOKUP)
        self._apply_script = client.register_script(scripts.APPLY)

    async def claim_fingerprint(self) -> None:
        """Check, before any work, that the index is ours or empty and that Redis will keep it.

        Raises:
            ForeignIndexError: it was made with another key secret, or in another layout.
            IndexUnavailableError: as ever; also where Redis may evict entries.
        """
        await self._run(self._claim)
        with translated(IndexUnavailableError, self._server):
            memory = await self._client.info("memory")
        if memory.get("maxmemory") and memory.get("maxmemory_policy") != "noeviction":
            raise IndexUnavailableError(
                "evicts", f"{self._server} forgets entries when memory is short: set its maxmemory-policy to noeviction"
            )

    async def apply(self, partition: int, start: int, end: int, records: Sequence[Logged]) -> list[Decision]:
        """Apply the readable records between two offsets, all at once (see ``WatchlistIndex``).

        Raises:
            IndexMovedError: another writer wrote first, or the index was wiped; nothing was applied.
            ValueError: more than ``RECORDS_MAX`` records or ``BYTES_MAX`` bytes.
        """
        _check_size(records)
        stored = (await self._entries([logged.record.id for logged in records]))[0] if records else {}
        decisions, changed = _decided(records, stored)
        written = self._written(changed)
        known = packed((id_, stored[id_].start) for id_ in written)
        changes = packed(_change(stored[id_], entry) for id_, entry in written.items())
        answer, stands = await self._run(self._apply_script, str(partition), str(start), str(end), known, changes)
        if answer == b"moved":
            raise IndexMovedError(f"partition {partition} stands at {int(stands)}, not {start}")
        if answer != b"applied":
            raise IndexMovedError("an order was changed by another writer while this batch was decided")
        return decisions

    async def lookup(self, keys: Sequence[Key]) -> Lookup:
        hexes = b"".join(set(self._hashes(keys).values())).hex()
        positions, blob = await self._run(self._lookup_script, hexes)
        wanted = set(keys)
        read = [self._read(entry.raw) for entry in _split(blob)]
        return Lookup([order for order, held in read if not wanted.isdisjoint(held)], _offsets(positions))

    async def standings(self, order_ids: Sequence[str]) -> Standings:
        entries, positions = await self._entries(order_ids)
        of = {id_: Standing(entry.held, self._read(entry.raw).order if entry.raw else None) for id_, entry in entries.items()}
        return Standings(of, positions)

    async def positions(self) -> dict[int, int]:
        positions, _ = await self._run(self._lookup_script, "")
        return _offsets(positions)

    async def wipe(self) -> None:
        """Delete the index, and nothing else. Readers and writers are refused until it is done; broken off, it is repeated."""
        positions = f"{self._namespace}:positions"
        with translated(IndexUnavailableError, self._server):
            async with self._client.pipeline(transaction=True) as step:
                step.delete(positions)
                step.hset(positions, "wiping", "1")
                await step.execute()
            for kind in ("order", "key"):
                await delete_all(self._client, self._namespace, kind)
            await self._client.delete(positions)

    async def _entries(self, order_ids: Sequence[str]) -> tuple[dict[str, _Entry], dict[int, int]]:
        ids = list(dict.fromkeys(order_ids))
        positions, blob = await self._run(self._read_script, packed((id_,) for id_ in ids))
        return dict(zip(ids, _split(blob), strict=True)), _offsets(positions)

    def _written(self, changed: Mapping[str, tuple[Held, Logged]]) -> dict[str, _Entry]:
        """The new entries. A released order leaves what is held of its id, and nothing of its subject."""
        keys = {id_: logged.record.keys() for id_, (_, logged) in changed.items() if not isinstance(logged.record, Release)}
        hashes = self._hashes([key for of_order in keys.values() for key in of_order])
        return {
            id_: _Entry.of(held, [hashes[key] for key in keys.get(id_, ())], logged.raw if id_ in keys else b"")
            for id_, (held, logged) in changed.items()
        }

    def _hashes(self, keys: Iterable[Key]) -> dict[Key, bytes]:
        """The hash of each key, big-endian, computed in batches of a kind."""
        by_kind: dict[KeyKind, dict[str, None]] = {}
        for kind, value in keys:
            by_kind.setdefault(kind, {})[value] = None
        hashed: dict[Key, bytes] = {}
        for kind, values in by_kind.items():
            packed = self._hasher.hash_values(kind, values).astype(np.dtype(">u8")).tobytes()
            for number, value in enumerate(values):
                hashed[Key(kind, value)] = packed[number * _HASH_BYTES : (number + 1) * _HASH_BYTES]
        return hashed

    def _read(self, raw: bytes) -> _Read:
        try:
            return _read_again(raw) if len(raw) <= _CACHED_BYTES_MAX else _read_once(raw)
        except UnreadableError:
            detail = f"{self._server} holds an order that cannot be read: wipe the index, and it is built anew"
            raise IndexUnavailableError("damaged", detail) from None

    async def _run(self, script: Any, *arguments: str | bytes) -> Any:
        with translated(IndexUnavailableError, self._server):
            return await script(args=[self._namespace, self._ours, *arguments])


def _read_once(raw: bytes) -> _Read:
    order = read_order(raw)
    if not isinstance(order, Order):
        raise UnreadableError("invalid_order", "a release is no order in place")
    return _Read(order, frozenset(order.keys()))


_read_again: Final = lru_cache(_CACHED)(_read_once)
"""Orders that are candidates again and again, read once. The bytes are the key, so the cache cannot be stale."""


def _check_size(records: Sequence[Logged]) -> None:
    size = sum(len(logged.raw) for logged in records)
    if len(records) > RECORDS_MAX or size > BYTES_MAX:
        raise ValueError(f"{len(records)} records of {size} bytes are too many for one step")


def _decided(records: Sequence[Logged], stored: Mapping[str, _Entry]) -> tuple[list[Decision], dict[str, tuple[Held, Logged]]]:
    """The decision on each record in turn, and, for every id that changes, what is held in the end and by which record."""
    decisions: list[Decision] = []
    changed: dict[str, tuple[Held, Logged]] = {}
    for logged in records:
        id_ = logged.record.id
        held = changed[id_][0] if id_ in changed else stored[id_].held
        change = decide(held, logged.record)
        decisions.append(change.decision)
        if change.decision.changes:
            changed[id_] = (change.held, logged)
    return decisions, changed


def _change(old: _Entry, new: _Entry) -> tuple[bytes, str, str]:
    """One change as the script takes it: the entry, the keys added, the keys removed."""
    added, removed = new.keys - old.keys, old.keys - new.keys
    return new.start + new.raw, b"".join(added).hex(), b"".join(removed).hex()


def _split(blob: bytes) -> Iterator[_Entry]:
    """The entries in an answer, one after the other."""
    at = 0
    while at < len(blob):
        head_bytes, raw_bytes = _LENGTHS.unpack_from(blob, at)
        body = at + _LENGTHS.size
        end = body + head_bytes
        if head_bytes:
            head = _heads.decode(blob[body:end])
            keys = frozenset(head.keys[i : i + _HASH_BYTES] for i in range(0, len(head.keys), _HASH_BYTES))
            held = Held(head.court, head.version, head.released, head.tombstones)
            yield _Entry(blob[at:end], held, keys, blob[end : end + raw_bytes])
        else:
            yield _NOTHING
        at = end + raw_bytes


def _offsets(fields: Sequence[bytes]) -> dict[int, int]:
    pairs = zip(fields[::2], fields[1::2], strict=True)
    return {int(partition): int(offset) for partition, offset in pairs if partition.isdigit()}
