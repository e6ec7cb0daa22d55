"""Gone endpoints are remembered in Redis, each once."""

import datetime as dt

import pytest
import redis.asyncio

from connectors.redis.endpoints import GoneEndpoints
from connectors.redis.errors import ViewUnavailableError

AT = dt.datetime(2026, 11, 24, 14, tzinfo=dt.UTC)


async def test_what_is_gone_is_gone_for_whoever_asks_next(client: redis.asyncio.Redis, namespace: str) -> None:
    gone = GoneEndpoints(client, namespace)
    assert await gone.disabled() == frozenset()
    await gone.disable("aa", AT)
    await gone.disable("aa", AT + dt.timedelta(hours=1))
    await gone.disable("bb", AT)
    assert await GoneEndpoints(client, namespace).disabled() == {"aa", "bb"}
    assert await client.hget(f"{namespace}:endpoints", "aa") == AT.isoformat().encode()  # type: ignore[misc]


async def test_a_redis_that_is_away_is_said_so(namespace: str) -> None:
    async with redis.asyncio.Redis(host="127.0.0.1", port=1) as nobody:
        with pytest.raises(ViewUnavailableError):
            await GoneEndpoints(nobody, namespace).disabled()
