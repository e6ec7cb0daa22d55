"""Names in Redis, and the deletion of many."""

from __future__ import annotations

from typing import Final

import redis.asyncio

BATCH: Final = 1000


async def delete_all(client: redis.asyncio.Redis, namespace: str, kind: str | None = None) -> None:
    """Delete every key ``<namespace>:<kind>:…``, or of all kinds, in batches between which Redis serves others."""
    names: list[bytes] = []
    async for name in client.scan_iter(match=kind_pattern(namespace, kind), count=BATCH):
        names.append(name)
        if len(names) >= BATCH:
            await client.unlink(*names)
            names.clear()
    if names:
        await client.unlink(*names)


def kind_pattern(namespace: str, kind: str | None = None) -> str:
    """The pattern of every key ``<namespace>:<kind>:…``, or of all kinds."""
    return (_literal(namespace) if kind is None else f"{_literal(namespace)}:{kind}") + ":*"


def _literal(text: str) -> str:
    """A text as a pattern that matches only itself."""
    return "".join("\\" + letter if letter in "*?[]^-\\" else letter for letter in text)
