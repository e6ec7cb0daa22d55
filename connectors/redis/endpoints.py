"""What the workers know of endpoints' health: which answered 410, which rest, and the outages that courts are told of.

<namespace>:endpoints    digest of an endpoint to when it answered 410, in ISO 8601
<namespace>:resting      worker to when that ends by Redis's clock, and the endpoints that rest there, by their digests
<namespace>:outages      digest of an endpoint to its outage
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Final, cast

import msgspec
import redis.asyncio

from connectors.redis import scripts
from connectors.redis.errors import ViewUnavailableError, server_name, translated
from stream.core.health import Health
from stream.core.outage import Outage

RESTING_S: Final = 30.0
"""How long what a worker says of resting endpoints counts."""
_TRIES_MAX: Final = 20
_resting: Final = msgspec.msgpack.Decoder(dict[str, Health])
_outage: Final = msgspec.msgpack.Decoder(Outage)
_encoder: Final = msgspec.msgpack.Encoder(order="deterministic")
REPLACE: Final = """
local stands = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if stands ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return 1
"""
"""ARGV: digest, the outage as it was read, and as it is to be; empty for none."""


class GoneEndpoints:
    """What the workers know of gone endpoints. One round trip each; raises ViewUnavailableError."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str) -> None:
        self._client, self._name = client, f"{namespace}:endpoints"
        self._server = server_name(client)

    async def disabled(self) -> frozenset[str]:
        """The digests of all."""
        with translated(ViewUnavailableError, self._server):
            found = cast(list[bytes], await self._client.hkeys(self._name))
        return frozenset(digest.decode() for digest in found)

    async def since(self) -> dict[str, dt.datetime]:
        """When each said so, by its digest."""
        with translated(ViewUnavailableError, self._server):
            found = cast(dict[bytes, bytes], await self._client.hgetall(self._name))
        return {digest.decode(): dt.datetime.fromisoformat(at.decode()) for digest, at in found.items()}

    async def disable(self, digest: str, at: dt.datetime) -> None:
        """Note that an endpoint is gone; the first note stays."""
        with translated(ViewUnavailableError, self._server):
            await self._client.hsetnx(self._name, digest, at.isoformat())


class RestingEndpoints:
    """Which endpoints rest after repeated failure, as each worker says. One round trip each; raises ViewUnavailableError."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str, ttl_s: float = RESTING_S) -> None:
        self._client, self._name, self._ttl_s = client, f"{namespace}:resting", ttl_s
        self._server = server_name(client)
        self._renew = client.register_script(scripts.RENEW)
        self._live = client.register_script(scripts.LIVE)

    async def say(self, worker: str, resting: Mapping[str, Health]) -> None:
        """What a worker finds now, by digest; it counts for ``ttl_s`` seconds, or until it says it anew."""
        with translated(ViewUnavailableError, self._server):
            if resting:
                said = _encoder.encode(dict(resting))
                await self._renew(keys=[self._name], args=[worker, said, round(self._ttl_s * 1000)])
            else:
                await self._client.hdel(self._name, worker)

    async def said(self) -> dict[str, dict[str, Health]]:
        """What each worker finds, by digest."""
        with translated(ViewUnavailableError, self._server):
            flat = await self._live(keys=[self._name])
        return {worker.decode(): _resting.decode(said) for worker, said in zip(flat[::2], flat[1::2], strict=True)}


class Outages:
    """The outages that all workers share, by the endpoints' digests. Raises ViewUnavailableError."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str) -> None:
        self._client, self._name = client, f"{namespace}:outages"
        self._server = server_name(client)
        self._replace = client.register_script(REPLACE)

    async def all(self) -> dict[str, Outage]:
        """Every outage on record."""
        with translated(ViewUnavailableError, self._server):
            found = cast(dict[bytes, bytes], await self._client.hgetall(self._name))
        return {digest.decode(): _outage.decode(value) for digest, value in found.items()}

    async def update(self, digest: str, change: Callable[[Outage | None], Outage | None]) -> Outage | None:
        """Replace an outage by what ``change`` makes of it, and by nothing where that is None; returns it.

        ``change`` is asked again when another worker was quicker.
        """
        for _ in range(_TRIES_MAX):
            with translated(ViewUnavailableError, self._server):
                value = cast(bytes | None, await self._client.hget(self._name, digest)) or b""
            before = _outage.decode(value) if value else None
            after = change(before)
            if after == before:
                return after
            written = b"" if after is None else _encoder.encode(after)
            with translated(ViewUnavailableError, self._server):
                if await self._replace(keys=[self._name], args=[digest, value, written]):
                    return after
        raise ViewUnavailableError("contended", f"{self._server}: an outage was written by others {_TRIES_MAX} times over")
