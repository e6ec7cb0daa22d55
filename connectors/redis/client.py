"""The connection to Redis: bounded in time and number."""

from __future__ import annotations

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff

from connectors.redis.settings import RedisSettings


def connect(settings: RedisSettings) -> redis.asyncio.Redis:
    """A client with a pool of its own. Nothing is sent until it is used.

    One quick second try hides a connection that a restart of Redis has cut; whatever lasts longer is the caller's to know.
    """
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        settings.url.get_secret_value(),
        max_connections=settings.connections_max,
        timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
        socket_timeout=settings.timeout_s,
        socket_keepalive=True,
        retry=Retry(ExponentialWithJitterBackoff(cap=0.1, base=0.01), 1),
    )
    return redis.asyncio.Redis.from_pool(pool)
