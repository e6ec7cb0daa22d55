"""What Redis holds of the lookback: who searches, and how far the pass under way is.

<namespace>:lookback         the lease of the worker that searches; it ends by Redis's clock
<namespace>:lookback:pass    the pass under way, as JSON; a view: lost, the pass begins anew
"""

from __future__ import annotations

from typing import Final

import msgspec
import redis.asyncio

from connectors.redis.errors import ViewUnavailableError, server_name, translated
from stream.core.lookback import Pass

TAKE: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
"""ARGV: worker, milliseconds to live."""

DROP: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""
_passes: Final = msgspec.json.Decoder(Pass)


class LookbackView:
    """One round trip each; raises ViewUnavailableError."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str, ttl_s: float = 6.0) -> None:
        self.ttl_s: Final = ttl_s
        self._client, self._lease, self._pass = client, f"{namespace}:lookback", f"{namespace}:lookback:pass"
        self._server = server_name(client)
        self._take = client.register_script(TAKE)
        self._drop = client.register_script(DROP)

    async def take(self, worker: str) -> bool:
        """Take or prolong the lease, for ``ttl_s`` from now; False where another worker holds it."""
        with translated(ViewUnavailableError, self._server):
            return bool(await self._take(keys=[self._lease], args=[worker, round(self.ttl_s * 1000)]))

    async def drop(self, worker: str) -> None:
        """End the lease now, if it is this worker's."""
        with translated(ViewUnavailableError, self._server):
            await self._drop(keys=[self._lease], args=[worker])

    async def holder(self) -> str | None:
        """The worker that searches."""
        with translated(ViewUnavailableError, self._server):
            worker = await self._client.get(self._lease)
        return worker.decode() if isinstance(worker, bytes) else None

    async def save(self, under_way: Pass) -> None:
        """Note how far a pass is."""
        with translated(ViewUnavailableError, self._server):
            await self._client.set(self._pass, msgspec.json.encode(under_way))

    async def load(self) -> Pass | None:
        """The pass that was under way; None where there is none, or one that another version wrote."""
        with translated(ViewUnavailableError, self._server):
            saved = await self._client.get(self._pass)
        try:
            return None if saved is None else _passes.decode(saved)
        except msgspec.DecodeError:
            return None

    async def clear(self) -> None:
        """There is no pass under way."""
        with translated(ViewUnavailableError, self._server):
            await self._client.delete(self._pass)
