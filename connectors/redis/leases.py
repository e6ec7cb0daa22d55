"""Workers' leases, and the moment from which each order is in force everywhere.

<namespace>:lease:<worker>     what the worker has applied; gone when it is not renewed
<namespace>:inforce:<order>    version to the time from which it was in force everywhere, and how long that took
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final, NamedTuple, cast

import msgspec
import redis.asyncio

from connectors.redis.errors import ViewUnavailableError, translated

_KEPT: Final = dt.timedelta(days=30)


class LeaseState(msgspec.Struct, frozen=True):
    """What a worker says of itself: how far in ``orders`` its filter is, and whether it screens."""

    applied: dict[int, int]
    state: str
    at: dt.datetime


class Leases:
    """The leases of all workers."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str, ttl_s: float = 3.0) -> None:
        self.ttl_s = ttl_s
        self._client, self._prefix = client, f"{namespace}:lease:"

    async def renew(self, worker: str, state: LeaseState) -> None:
        with translated(ViewUnavailableError):
            await self._client.set(self._prefix + worker, msgspec.json.encode(state), px=int(self.ttl_s * 1000))

    async def drop(self, worker: str) -> None:
        with translated(ViewUnavailableError):
            await self._client.delete(self._prefix + worker)

    async def live(self) -> dict[str, LeaseState]:
        """The leases that have not run out."""
        with translated(ViewUnavailableError):
            keys = [key async for key in self._client.scan_iter(self._prefix + "*", count=1000)]
            values = await self._client.mget(keys) if keys else []
        return {
            key.decode().removeprefix(self._prefix): msgspec.json.decode(value, type=LeaseState)
            for key, value in zip(keys, values, strict=True)
            if value is not None
        }


class InForceMark(NamedTuple):
    """From ``at`` on, a version of an order was in force everywhere, ``took_s`` after it arrived."""

    order_id: str
    version: int
    at: dt.datetime
    took_s: float


class InForce:
    """When each order was in force everywhere."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str) -> None:
        self._client, self._prefix = client, f"{namespace}:inforce:"

    async def mark(self, marks: Sequence[InForceMark]) -> None:
        with translated(ViewUnavailableError):
            async with self._client.pipeline(transaction=False) as pipe:
                for mark in marks:
                    key = self._prefix + mark.order_id
                    pipe.hsetnx(key, str(mark.version), f"{mark.at.isoformat()} {mark.took_s:.6f}")
                    pipe.expire(key, _KEPT)
                await pipe.execute()

    async def of(self, order_id: str) -> dict[int, InForceMark]:
        """Each version of an order and when it was in force everywhere."""
        with translated(ViewUnavailableError):
            found = cast(dict[bytes, bytes], await self._client.hgetall(self._prefix + order_id))
        marks = {}
        for version, value in found.items():
            at, took_s = value.decode().split(" ")
            marks[int(version)] = InForceMark(order_id, int(version), dt.datetime.fromisoformat(at), float(took_s))
        return marks
