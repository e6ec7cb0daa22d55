"""The watchlist index in Redis: a view of the topic ``orders``, shared by all workers.

    <namespace>:order:<number>    tags of ids to what is held of each, and the packed order while it is in place
    <namespace>:key:<number>      tags of keys to the tags of the orders that hold each; a court and a case are keys as well
    <namespace>:positions         a partition of ``orders`` to the next offset; whose index it is; how large the two maps are

Nothing else. How entries share these names: ``buckets``; what an entry is: ``entries``. Two keys, or two ids, may share a tag:
that costs a comparison, never a wrong hit. Redis must not evict.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

import numpy as np
import redis.asyncio

from connectors.redis import bodies, entries
from connectors.redis import index_scripts as scripts
from connectors.redis.entries import NOTHING, Entry
from connectors.redis.errors import IndexUnavailableError, server_name, translated
from connectors.redis.keyspace import delete_all, kind_pattern
from connectors.redis.scripts import with_lengths
from matchers.keys import Key, KeyHasher, KeyKind
from matchers.text import clean
from matchers.wire import UnreadableError
from watchlists.index import Filed, IndexMovedError, Logged, Lookup, Standing, Standings, is_filed
from watchlists.lifecycle import Decision, Held, decide
from watchlists.order import Order, Release, read_order

LAYOUT: Final = f"3-{bodies.FINGERPRINT}"
"""Changed when entries are written differently: an index of another layout is refused, not misread."""
RECORDS_MAX: Final = 5000
BYTES_MAX: Final = 256 << 20
"""What one step may hold: Redis does nothing else while it takes it over."""
_CACHED: Final = 2048
_CACHED_BYTES_MAX: Final = 4096
_HASH_BYTES: Final = 8
_FEW: Final = 16
"""Ids whose tags are remembered; more are hashed faster than looked for. A hit's order is asked for several times."""
_ONE_BY_ONE: Final = 8
"""Values that are hashed one by one; numpy pays from some more on."""
_SCANNED: Final = 1000
_DRAWERS: Final = 16
"""What a court's orders are filed in, by the first four bits of their tags: so no entry of a large court grows long."""
_CURSOR: Final = re.compile(r"[0-9a-f]{12}")


class _Read(NamedTuple):
    """An order in place, and its keys."""

    order: Order
    keys: frozenset[Key]


class _Stored(NamedTuple):
    """What lies in Redis of some ids: each one's tag, the value of each tag, and the entries in it."""

    tags: dict[str, bytes]
    values: dict[bytes, bytes]
    entries: dict[bytes, dict[str, Entry]]
    positions: dict[int, int]

    def entry(self, id_: str) -> Entry:
        return self.entries[self.tags[id_]].get(id_, NOTHING)


class RedisIndex:
    """The index in Redis.

    Every method raises IndexUnavailableError where Redis cannot answer, is loading, may not write, has no memory left, or
    holds an index that is damaged or foreign.
    """

    def __init__(self, client: redis.asyncio.Redis, hasher: KeyHasher, namespace: str) -> None:
        self._client, self._hasher, self._namespace = client, hasher, namespace
        self._server = server_name(client)
        self._ours = f"{LAYOUT}:{hasher.fingerprint}"
        self._bodies = bodies.Bodies()
        self._tag = lru_cache(_CACHED)(lambda id_: self._hashed("other", [id_])[0])
        self._claim = client.register_script(scripts.CLAIM)
        self._read_script = client.register_script(scripts.READ)
        self._lookup_script = client.register_script(scripts.LOOKUP)
        self._apply_script = client.register_script(scripts.APPLY)
        self._holders_script = client.register_script(scripts.HOLDERS)

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
        ids = [logged.record.id for logged in records]
        if all(logged.record.action == "place" for logged in records):  # new, most likely: so nothing is read beforehand
            decisions = await self._apply(partition, start, end, records, self._unknown(ids))
            if decisions is not None:
                return decisions
        decisions = await self._apply(partition, start, end, records, await self._stored(ids))
        if decisions is None:
            raise IndexMovedError("an order was changed by another writer while this batch was decided")
        return decisions

    async def lookup(self, keys: Sequence[Key]) -> Lookup:
        positions, values = await self._run(self._lookup_script, b"".join(set(self._tags(keys).values())))
        wanted = set(keys)
        read = [self._read(body) for value in values for body in entries.bodies(value)]
        return Lookup([order for order, held in read if not wanted.isdisjoint(held)], _offsets(positions))

    async def standings(self, order_ids: Sequence[str]) -> Standings:
        stored = await self._stored(order_ids)
        return Standings({id_: self._standing(stored.entry(id_)) for id_ in order_ids}, stored.positions)

    async def filed(self, court: str, case_number: str | None, after: str | None, most: int) -> Filed:
        if after is not None and not _CURSOR.fullmatch(after):
            raise ValueError("no page ended there")
        begin = b"" if after is None else bytes.fromhex(after)
        drawers = _drawers(court, begin) if case_number is None else {_of_case(court, case_number): None}
        found: list[tuple[bytes, Order]] = []
        for number, tag_of_drawer in zip(drawers.values(), self._hashed("other", drawers), strict=True):
            left = [tag for tag in await self._holders(tag_of_drawer) if tag > begin and number in (None, tag[0] // _DRAWERS)]
            while left and len(found) <= most:
                wanted, left = left[: most + 1 - len(found)], left[most + 1 - len(found) :]
                found += [(tag, one) for tag, one in await self._at(wanted) if is_filed(one, court, case_number)]
            if len(found) > most:
                break
        end = most
        while end < len(found) and found[end][0] == found[end - 1][0]:  # ids that share a tag are not parted
            end += 1
        return Filed([one for _, one in found[:end]], found[end - 1][0].hex() if end < len(found) else None)

    async def _holders(self, key: bytes) -> list[bytes]:
        """The tags of the orders that are held under a key's tag, in their sequence."""
        (holders,) = await self._run(self._holders_script, key)
        return sorted({holders[at : at + scripts.TAG_BYTES] for at in range(0, len(holders), scripts.TAG_BYTES)})

    async def _at(self, tags: Sequence[bytes]) -> list[tuple[bytes, Order]]:
        """The orders in place under these tags of ids."""
        _, values = await self._run(self._read_script, b"".join(tags))
        held = zip(tags, values, strict=True)
        return [(tag, self._read(body).order) for tag, value in held if value for body in entries.bodies(value)]

    async def in_place(self) -> AsyncIterator[Order]:
        """Every order in place, once through. One that comes or moves meanwhile may be missed, or come twice."""
        names = self._client.scan_iter(match=kind_pattern(self._namespace, "order"), count=_SCANNED)
        while True:
            with translated(IndexUnavailableError, self._server):
                name = await anext(names, None)
                values = [] if name is None else await cast(Awaitable[list[bytes]], self._client.hvals(name))
            if name is None:
                return
            for value in values:
                with self._undamaged():
                    found = [_read_once(body).order for body in entries.bodies(value)]
                for order in found:
                    yield order

    async def positions(self) -> dict[int, int]:
        positions, _ = await self._run(self._lookup_script, b"")
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

    async def _apply(
        self, partition: int, start: int, end: int, records: Sequence[Logged], stored: _Stored
    ) -> list[Decision] | None:
        """Decide and write by what is stored; None, and nothing was applied, where something else is."""
        decisions, changed = _decided(records, stored)
        changes = _changes(stored, self._written(changed, stored.tags))
        answer, stands = await self._run(self._apply_script, str(partition), str(start), str(end), changes)
        if answer == b"moved":
            raise IndexMovedError(f"partition {partition} stands at {int(stands)}, not {start}")
        return decisions if answer == b"applied" else None

    async def _stored(self, order_ids: Sequence[str]) -> _Stored:
        unknown = self._unknown(order_ids)
        asked = list(unknown.values)
        positions, found = await self._run(self._read_script, b"".join(asked))
        values = dict(zip(asked, found, strict=True))
        with self._undamaged():
            held = {tag: entries.read(value) for tag, value in values.items()}
        return _Stored(unknown.tags, values, held, _offsets(positions))

    def _unknown(self, order_ids: Iterable[str]) -> _Stored:
        """As if nothing were stored of these."""
        ids = list(dict.fromkeys(order_ids))
        few = len(ids) <= _FEW
        tags = {id_: self._tag(id_) for id_ in ids} if few else dict(zip(ids, self._hashed("other", ids), strict=True))
        return _Stored(tags, dict.fromkeys(tags.values(), b""), {tag: {} for tag in tags.values()}, {})

    def _written(self, changed: Mapping[str, tuple[Held, Logged]], tags_of_ids: Mapping[str, bytes]) -> dict[str, Entry]:
        """The new entries. A released order leaves what is held of its id, and nothing of its subject.

        An order is filed under its court and its case like under its keys, so that both go with it.
        """
        placed = {id_: logged.record for id_, (_, logged) in changed.items() if not isinstance(logged.record, Release)}
        tags = self._tags([key for record in placed.values() for key in record.keys()])
        places = [
            place
            for id_, record in placed.items()
            for place in (
                _drawer(record.court.code, tags_of_ids[id_][0] // _DRAWERS),
                _of_case(record.court.code, record.case_number),
            )
        ]
        filed = iter(self._hashed("other", places))
        held_under = {id_: {*(tags[key] for key in record.keys()), next(filed), next(filed)} for id_, record in placed.items()}
        return {
            id_: Entry(held, b"".join(sorted(held_under[id_])), self._bodies.pack(logged.raw))
            if id_ in placed
            else Entry(held, b"", b"")
            for id_, (held, logged) in changed.items()
        }

    def _tags(self, keys: Iterable[Key]) -> dict[Key, bytes]:
        """The tag of each key, computed in batches of a kind."""
        by_kind: dict[KeyKind, dict[str, None]] = {}
        for kind, value in keys:
            by_kind.setdefault(kind, {})[value] = None
        return {
            Key(kind, value): tag
            for kind, values in by_kind.items()
            for value, tag in zip(values, self._hashed(kind, values), strict=True)
        }

    def _hashed(self, kind: KeyKind, values: Iterable[str]) -> list[bytes]:
        """Tags: the low bytes of the keyed hashes. Ids have a map of their own, so any kind would do for them."""
        listed, skipped = list(values), _HASH_BYTES - scripts.TAG_BYTES
        if len(listed) <= _ONE_BY_ONE:
            return [self._hasher.hash_key(Key(kind, value)).to_bytes(_HASH_BYTES, "big")[skipped:] for value in listed]
        hashes = self._hasher.hash_values(kind, listed).astype(np.dtype(">u8")).tobytes()
        return [hashes[at + skipped : at + _HASH_BYTES] for at in range(0, len(hashes), _HASH_BYTES)]

    def _standing(self, entry: Entry) -> Standing:
        return Standing(entry.held, self._read(entry.body).order if entry.body else None)

    def _read(self, body: bytes) -> _Read:
        with self._undamaged():
            return _read_again(body) if len(body) <= _CACHED_BYTES_MAX else _read_once(body)

    @contextmanager
    def _undamaged(self) -> Iterator[None]:
        try:
            yield
        except UnreadableError:
            detail = f"{self._server} holds an order that cannot be read: wipe the index, and it is built anew"
            raise IndexUnavailableError("damaged", detail) from None

    async def _run(self, script: Any, *arguments: str | bytes) -> Any:
        with translated(IndexUnavailableError, self._server):
            return await script(args=[self._namespace, self._ours, *arguments])


def _drawer(court: str, number: int) -> str:
    """The name of one of a court's drawers. An identifier that is written like it would cost a comparison, as ever."""
    return f"court\0{court}\0{number}"


def _drawers(court: str, begin: bytes) -> dict[str, int | None]:
    """A court's drawers and their numbers, from the one on that holds this tag."""
    return {_drawer(court, number): number for number in range(begin[0] // _DRAWERS if begin else 0, _DRAWERS)}


def _of_case(court: str, number: str) -> str:
    return f"case\0{court}\0{clean(number)}"


def _read_once(body: bytes) -> _Read:
    order = read_order(bodies.unpack(body))
    if not isinstance(order, Order):
        raise UnreadableError("invalid_order", "a release is no order in place")
    return _Read(order, frozenset(order.keys()))


_read_again: Final = lru_cache(_CACHED)(_read_once)
"""Orders that are candidates again and again, read once. The bytes are the key, so the cache cannot be stale."""


def _check_size(records: Sequence[Logged]) -> None:
    size = sum(len(logged.raw) for logged in records)
    if len(records) > RECORDS_MAX or size > BYTES_MAX:
        raise ValueError(f"{len(records)} records of {size} bytes are too many for one step")


def _decided(records: Sequence[Logged], stored: _Stored) -> tuple[list[Decision], dict[str, tuple[Held, Logged]]]:
    """The decision on each record in turn, and, for every id that changes, what is held in the end and by which record."""
    decisions: list[Decision] = []
    changed: dict[str, tuple[Held, Logged]] = {}
    for logged in records:
        id_ = logged.record.id
        held = changed[id_][0] if id_ in changed else stored.entry(id_).held
        change = decide(held, logged.record)
        decisions.append(change.decision)
        if change.decision.changes:
            changed[id_] = (change.held, logged)
    return decisions, changed


def _changes(stored: _Stored, new: Mapping[str, Entry]) -> bytes:
    """The changes as the script takes them. Ids that share a tag are one change, for they share its value."""
    by_tag: dict[bytes, dict[str, Entry]] = {}
    for id_, entry in new.items():
        by_tag.setdefault(stored.tags[id_], {})[id_] = entry
    rows: list[bytes] = []
    for tag, changed in by_tag.items():
        before, added, removed = stored.entries[tag], b"", b""
        for id_, entry in changed.items():
            more, less = entries.difference(before.get(id_, NOTHING).keys, entry.keys)
            added, removed = added + more, removed + less
        rows.append(tag)
        rows += with_lengths(stored.values[tag], entries.written({**before, **changed}), added, removed)
    return b"".join(rows)


def _offsets(fields: Sequence[bytes]) -> dict[int, int]:
    pairs = zip(fields[::2], fields[1::2], strict=True)
    return {int(partition): int(offset) for partition, offset in pairs if partition.isdigit()}
