"""How far in its topic a view was rebuilt, a partition: a hash of partition to the offset of the next record to take over."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, cast

import redis.asyncio

from connectors.redis.errors import ViewUnavailableError, server_name, translated


class Positions:
    """A view's. One round trip each; raises ViewUnavailableError."""

    def __init__(self, client: redis.asyncio.Redis, view: str) -> None:
        """``view``: the name of the view in Redis."""
        self._client, self._name = client, f"{view}:positions"
        self._server: Final = server_name(client)

    async def positions(self) -> dict[int, int]:
        """How far the view was rebuilt; empty when it never was."""
        with translated(ViewUnavailableError, self._server):
            found = await cast(Awaitable[dict[bytes, bytes]], self._client.hgetall(self._name))
        return {int(partition): int(offset) for partition, offset in found.items()}

    async def moved(self, partition: int, offset: int) -> None:
        """Note how far the view was rebuilt. A lower note of another worker costs a repeat, and no more."""
        with translated(ViewUnavailableError, self._server):
            await self._client.hset(self._name, str(partition), str(offset))
