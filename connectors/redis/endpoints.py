"""The endpoints that answered 410, remembered beyond a restart.

<namespace>:endpoints    digest of an endpoint to when it said so, in ISO 8601
"""

from __future__ import annotations

import datetime as dt
from typing import cast

import redis.asyncio

from connectors.redis.errors import ViewUnavailableError, server_name, translated


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

    async def disable(self, digest: str, at: dt.datetime) -> None:
        """Note that an endpoint is gone; the first note stays."""
        with translated(ViewUnavailableError, self._server):
            await self._client.hsetnx(self._name, digest, at.isoformat())
