"""Leases, by which the workers know of each other, and the moments from which orders were in force everywhere.

<namespace>:leases                      worker to when its lease ends, and what it has applied
<namespace>:effect:<period>             how large the map of a period of 30 days is
<namespace>:effect:<period>:<number>    a digest of an order's id, and its version, to when that was in force everywhere
<namespace>:workers                     every worker that ever was the slowest to its number

How marks share names: ``buckets``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import struct
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import redis.asyncio

from connectors.redis import scripts
from connectors.redis.errors import ViewUnavailableError, server_name, translated
from connectors.redis.scripts import packed

_DIGEST_BYTES: Final = 8
_AT_BYTES: Final = 6
_TOOK: Final = struct.Struct(">i")
_LEGS: Final = struct.Struct(">ii")
_WORKER_AT: Final = _AT_BYTES + _TOOK.size + _LEGS.size
_TOOK_MS_MAX: Final = 2**31 - 1
_WITHDRAWN: Final = b"\x80"
"""Between an order's digest and its version, where a version itself never has its highest bit set."""
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND: Final = dt.timedelta(milliseconds=1)


class LeaseState(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself: the positions in ``orders`` that its filter has applied, and its gate."""

    applied: dict[int, int]
    state: str
    at: dt.datetime
    moved_at: dt.datetime | None = None
    """Since when it has applied what it says, by the worker's clock."""
    screened: dict[str, dict[int, int]] | None = None
    """Sighting topic to partition to the next offset to screen."""
    fill: float | None = None
    """Share of its filter's bits that are on, as it counted them last."""


class Legs(NamedTuple):
    """From Kafka's time of a version of an order: to its effect in the index, to its effect in every worker's filter, in
    seconds; and the worker whose filter was the last."""

    index_s: float
    filters_s: float
    slowest: str


class InForceMark(NamedTuple):
    """A version of an order was in force everywhere at ``at``, ``took_s`` seconds after Kafka had it; to the millisecond.

    ``legs`` is kept of amendments and releases, ``withdrawn_at`` of releases: when the last withdrawal was delivered.
    """

    order_id: str
    version: int
    at: dt.datetime
    took_s: float
    legs: Legs | None = None
    withdrawn_at: dt.datetime | None = None

    @property
    def arrived_at(self) -> dt.datetime:
        """When Kafka had it."""
        return self.at - dt.timedelta(seconds=self.took_s)


_states: Final = msgspec.msgpack.Decoder(LeaseState)


class Leases:
    """Every worker's lease. One round trip each; raises ViewUnavailableError."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str, ttl_s: float = 3.0) -> None:
        self.ttl_s: Final = ttl_s
        self._client, self._name = client, f"{namespace}:leases"
        self._server = server_name(client)
        self._renew = client.register_script(scripts.RENEW)
        self._live = client.register_script(scripts.LIVE)

    async def renew(self, worker_id: str, state: LeaseState) -> None:
        """Take or prolong a lease: it ends ``ttl_s`` from now by Redis's clock."""
        with translated(ViewUnavailableError, self._server):
            lived_ms = round(self.ttl_s * 1000)
            await self._renew(keys=[self._name], args=[worker_id, msgspec.msgpack.encode(state), lived_ms])

    async def live(self) -> dict[str, LeaseState]:
        """Every lease that has not ended."""
        with translated(ViewUnavailableError, self._server):
            flat = await self._live(keys=[self._name])
        return {worker.decode(): _states.decode(state) for worker, state in zip(flat[::2], flat[1::2], strict=True)}

    async def drop(self, worker_id: str) -> None:
        """End a lease now: its worker no longer screens."""
        with translated(ViewUnavailableError, self._server):
            await self._client.hdel(self._name, worker_id)


class InForce:
    """When each version of an order was in force everywhere. One round trip a batch; raises ViewUnavailableError.

    Kept for 30 days at least, and for 60 at most.
    """

    def __init__(self, client: redis.asyncio.Redis, namespace: str) -> None:
        self._namespace, self._server = namespace, server_name(client)
        self._mark = client.register_script(scripts.MARK)
        self._withdrawn = client.register_script(scripts.WITHDRAWN)
        self._marked = client.register_script(scripts.MARKED)

    async def mark(self, marks: Sequence[InForceMark]) -> None:
        """Note when, and by which legs. The first mark of a version stays."""
        rows = packed(
            (_name(mark.order_id, mark.version), _written(mark), mark.legs.slowest if mark.legs else "") for mark in marks
        )
        with translated(ViewUnavailableError, self._server):
            await self._mark(args=[self._namespace, rows, len(marks)])

    async def withdrawn(self, order_id: str, version: int, at: dt.datetime) -> None:
        """Note that a withdrawal which the release of this version called for was delivered. The latest stays."""
        with translated(ViewUnavailableError, self._server):
            await self._withdrawn(args=[self._namespace, _name(order_id, version, _WITHDRAWN), _at(at)])

    async def of(self, order_ids: Sequence[str]) -> dict[str, dict[int, InForceMark]]:
        """The marks of each order, by version; an order without one has none."""
        ids = list(dict.fromkeys(order_ids))
        with translated(ViewUnavailableError, self._server):
            workers, *found = await self._marked(args=[self._namespace, b"".join(map(_digest, ids))])
        names = {int(number): name.decode() for name, number in zip(workers[::2], workers[1::2], strict=True)}
        both = zip(ids, found[::2], found[1::2], strict=True)
        return {id_: _by_version(id_, [*old, *new], names) for id_, old, new in both}


def _digest(order_id: str) -> bytes:
    return hashlib.blake2b(order_id.encode(), digest_size=_DIGEST_BYTES).digest()


def _name(order_id: str, version: int, what: bytes = b"") -> bytes:
    """A version of an order, and what of it: few bytes, and never the same for two."""
    return _digest(order_id) + what + version.to_bytes(version.bit_length() // 8 + 1, "big")


def _written(mark: InForceMark) -> bytes:
    legs = _LEGS.pack(_ms(mark.legs.index_s), _ms(mark.legs.filters_s)) if mark.legs else b""
    return _at(mark.at) + _TOOK.pack(_ms(mark.took_s)) + legs


def _at(moment: dt.datetime) -> bytes:
    return ((moment - _EPOCH) // _MILLISECOND).to_bytes(_AT_BYTES, "big")


def _ms(seconds: float) -> int:
    return min(max(round(seconds * 1000), -_TOOK_MS_MAX), _TOOK_MS_MAX)


def _by_version(order_id: str, flat: Sequence[bytes], workers: Mapping[int, str]) -> dict[int, InForceMark]:
    """The order's own among the marks, each name followed by what was written; the first of a version is the oldest."""
    digest = _digest(order_id)
    marks: dict[int, InForceMark] = {}
    withdrawn: dict[int, dt.datetime] = {}
    for name, written in zip(flat[::2], flat[1::2], strict=True):
        if not name.startswith(digest):
            continue
        what = name[_DIGEST_BYTES:]
        at = _EPOCH + int.from_bytes(written[:_AT_BYTES], "big") * _MILLISECOND
        if what.startswith(_WITHDRAWN):
            version = int.from_bytes(what[1:], "big")
            withdrawn[version] = max(at, withdrawn.get(version, at))
        else:
            version = int.from_bytes(what, "big")
            (took_ms,) = _TOOK.unpack_from(written, _AT_BYTES)
            marks.setdefault(version, InForceMark(order_id, version, at, took_ms / 1000, _legs(written, workers)))
    return {version: mark._replace(withdrawn_at=withdrawn.get(version)) for version, mark in sorted(marks.items())}


def _legs(written: bytes, workers: Mapping[int, str]) -> Legs | None:
    if len(written) <= _WORKER_AT:
        return None
    index_ms, filters_ms = _LEGS.unpack_from(written, _AT_BYTES + _TOOK.size)
    return Legs(index_ms / 1000, filters_ms / 1000, workers.get(int.from_bytes(written[_WORKER_AT:], "big"), ""))
