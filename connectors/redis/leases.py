"""Leases, by which the workers know of each other, and the moments from which orders were in force everywhere.

<namespace>:leases            worker to when its lease ends, and what it has applied
<namespace>:inforce:<id>      version of the order to when it was in force everywhere; kept 30 days
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import redis.asyncio

from connectors.redis import scripts
from connectors.redis.errors import ViewUnavailableError, server_name, translated
from connectors.redis.scripts import packed

KEPT_S: Final = 30 * 24 * 3600


class LeaseState(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself: the positions in ``orders`` that its filter has applied, and its gate."""

    applied: dict[int, int]
    state: str
    at: dt.datetime
    screened: dict[str, dict[int, int]] | None = None
    """Sighting topic to partition to the next offset to screen."""


class InForceMark(NamedTuple):
    """A version of an order was in force everywhere at ``at``, ``took_s`` seconds after Kafka had it."""

    order_id: str
    version: int
    at: dt.datetime
    took_s: float


_states: Final = msgspec.msgpack.Decoder(LeaseState)
_marks: Final = msgspec.msgpack.Decoder(tuple[dt.datetime, float])


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
    """When each version of an order was in force everywhere. One round trip a batch; raises ViewUnavailableError."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str) -> None:
        self._namespace, self._server = namespace, server_name(client)
        self._mark = client.register_script(scripts.MARK)
        self._marked = client.register_script(scripts.MARKED)

    async def mark(self, marks: Sequence[InForceMark]) -> None:
        """Note when. The first mark of a version stays."""
        rows = [(mark.order_id, str(mark.version), msgspec.msgpack.encode((mark.at, mark.took_s))) for mark in marks]
        with translated(ViewUnavailableError, self._server):
            await self._mark(args=[self._namespace, packed(rows), KEPT_S])

    async def of(self, order_ids: Sequence[str]) -> dict[str, dict[int, InForceMark]]:
        """The marks of each order, by version; an order without one has none."""
        ids = list(dict.fromkeys(order_ids))
        with translated(ViewUnavailableError, self._server):
            found = await self._marked(args=[self._namespace, packed((id_,) for id_ in ids)])
        return {id_: _by_version(id_, flat) for id_, flat in zip(ids, found, strict=True)}


def _by_version(order_id: str, flat: Sequence[bytes]) -> dict[int, InForceMark]:
    pairs = ((int(version), value) for version, value in zip(flat[::2], flat[1::2], strict=True))
    return {version: InForceMark(order_id, version, *_marks.decode(value)) for version, value in sorted(pairs)}
