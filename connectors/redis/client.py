"""The connections to Redis: bounded in time and number."""

from __future__ import annotations

import asyncio
from typing import Any

import hiredis
import redis.asyncio
from redis import exceptions
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff

from connectors.redis.settings import RedisSettings


def connect(settings: RedisSettings) -> redis.asyncio.Redis:
    """A client with a pool of its own. Nothing is sent until it is used.

    One quick second try hides a connection that a restart of Redis has cut; whatever lasts longer is the caller's to know.
    """
    return redis.asyncio.Redis.from_pool(_pool(settings, settings.connections_max, settings.timeout_s))


def line(settings: RedisSettings) -> redis.asyncio.Redis:
    """A client with one connection, for whoever asks one thing after the other, and often. It tries again like ``connect``.

    Commands and scripts only: a pipeline would wait for a connection of its own, and there is none.
    """
    return _Line(_pool(settings, 1, None), settings.timeout_s)


def _pool(settings: RedisSettings, connections_max: int, answer_s_max: float | None) -> redis.asyncio.ConnectionPool:
    return redis.asyncio.BlockingConnectionPool.from_url(
        settings.url.get_secret_value(),
        max_connections=connections_max,
        timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
        socket_timeout=answer_s_max,
        socket_keepalive=True,
        retry=Retry(ExponentialWithJitterBackoff(cap=0.1, base=0.01), 1),
    )


class _Line(redis.asyncio.Redis):
    """Keeps its connection, and puts one time limit around a command and all that it needs.

    The usual client takes a connection from its pool for each command, and looks after tries, times and events around it: more
    than half of what a short script costs its caller.
    """

    def __init__(self, pool: redis.asyncio.ConnectionPool, timeout_s: float) -> None:
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True
        self._timeout_s, self._turn = timeout_s, asyncio.Lock()
        self._line: redis.asyncio.Connection | None = None

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        async with asyncio.timeout(self._timeout_s), self._turn:
            if self._line is None:
                self._line = await self.connection_pool.get_connection()  # type: ignore[no-untyped-call]
            try:
                return await self._answer(self._line, args, options)
            except exceptions.ConnectionError:
                return await self._answer(self._line, args, options)

    async def _answer(self, line: redis.asyncio.Connection, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Failed or broken off, it leaves the connection closed: no answer is taken for a later question's."""
        name, *rest = args  # CLIENT ID is one name to redis-py, and two words to Redis
        await line.send_packed_command(hiredis.pack_command((*name.split(), *rest)))
        return await self.parse_response(line, args[0], **options)
