"""A client of the session's Redis, and a namespace of the test's own in it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from pydantic import SecretStr

from connectors.redis.client import connect
from connectors.redis.settings import RedisSettings


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with connect(RedisSettings(url=SecretStr(redis_url))) as connected:
        yield connected


@pytest.fixture
def namespace() -> str:
    return f"t{uuid.uuid4().hex[:12]}"
