"""The connection to Redis that one worker's views share."""

from __future__ import annotations

import redis.asyncio

from connectors.redis.settings import RedisSettings


def connect(settings: RedisSettings) -> redis.asyncio.Redis:
    """A client with its own pool; nothing is sent before it is used."""
    return redis.asyncio.Redis.from_url(
        settings.url.get_secret_value(),
        socket_timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
        max_connections=settings.connections_max,
    )
