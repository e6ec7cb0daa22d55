"""A line to Redis: one connection, kept; whatever happens to a question, no answer is taken for another's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from pydantic import SecretStr

from connectors.redis.client import line
from connectors.redis.errors import IndexUnavailableError
from connectors.redis.index import RedisIndex
from connectors.redis.settings import RedisSettings
from matchers.keys import Key, KeyHasher


@pytest.fixture
async def kept(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with line(RedisSettings(url=SecretStr(redis_url), timeout_s=0.5)) as connected:
        yield connected


async def test_many_at_once_are_answered_in_turn_on_one_connection(kept: redis.asyncio.Redis) -> None:
    first = await kept.client_id()
    assert await asyncio.gather(*(kept.echo(str(number)) for number in range(20))) == [str(n).encode() for n in range(20)]
    assert await kept.client_id() == first


async def test_a_connection_that_was_cut_is_made_again_unseen(kept: redis.asyncio.Redis, client: redis.asyncio.Redis) -> None:
    before = await kept.client_id()
    await client.client_kill_filter(_id=str(before))
    assert await kept.echo("still here") == b"still here"
    assert await kept.client_id() != before


async def test_what_takes_too_long_is_given_up_and_its_answer_is_nobodys(kept: redis.asyncio.Redis, namespace: str) -> None:
    with pytest.raises(TimeoutError):
        await kept.blpop([namespace], 2)
    assert await kept.echo("mine") == b"mine"


async def test_a_question_that_is_broken_off_leaves_no_answer_behind(kept: redis.asyncio.Redis, namespace: str) -> None:
    asking = asyncio.create_task(kept.blpop([namespace], 1))
    waiting = asyncio.create_task(kept.echo("mine"))
    await asyncio.sleep(0.05)
    asking.cancel()
    assert await waiting == b"mine"


async def test_an_index_on_a_line_says_that_redis_is_away() -> None:
    nowhere = RedisSettings(url=SecretStr("redis://127.0.0.1:1/0"), timeout_s=0.5)
    async with line(nowhere) as away:
        with pytest.raises(IndexUnavailableError) as told:
            await RedisIndex(away, KeyHasher(b"a secret of the tests"), "t").lookup([Key("vin", "X")])
    assert told.value.reason == "unreachable"
