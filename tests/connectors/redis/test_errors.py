"""Whatever Redis says or fails to say becomes an error of ours that says what to do, and never "no match"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import redis.asyncio
from pydantic import SecretStr, ValidationError

from connectors.redis.client import connect
from connectors.redis.errors import IndexUnavailableError, ViewUnavailableError
from connectors.redis.index import RedisIndex
from connectors.redis.leases import InForce, Leases
from connectors.redis.ledger import RedisLedger
from connectors.redis.settings import RedisSettings
from matchers.keys import Key, KeyHasher
from tests.watchlists.orders import order

HASHER = KeyHasher(b"a secret of the tests")
E1 = Key("passport", "E1")


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[str]:
    """A server that says the same to everything, or nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            if answer is not None:
                writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"redis://someone:topsecret@127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    server.close()


async def index_reason(url: str, timeout_s: float = 2.0) -> str:
    """Why the index cannot be asked; its text must give no secret away."""
    async with connect(RedisSettings(url=SecretStr(url), timeout_s=timeout_s)) as client:
        with pytest.raises(IndexUnavailableError) as raised:
            await RedisIndex(client, HASHER, "t").lookup([E1])
        assert "topsecret" not in str(raised.value)
        assert "Redis at 127.0.0.1:" in str(raised.value)
        assert raised.value.__cause__ is None
        return raised.value.reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "loading"),
        (b"-WRONGPASS invalid username-password pair\r\n", "denied"),
        (b"-NOAUTH Authentication required.\r\n", "denied"),
        (b"nonsense\r\n", "failed"),
        (None, "timed_out"),
    ],
)
async def test_a_server_that_will_not_answer(answer: bytes | None, reason: str) -> None:
    async with answering(answer) as url:
        assert await index_reason(url, 0.2) == reason


async def test_no_server_at_all() -> None:
    assert await index_reason("redis://someone:topsecret@127.0.0.1:1/0") == "unreachable"


async def test_every_view_says_so_too() -> None:
    async with connect(RedisSettings(url=SecretStr("redis://127.0.0.1:1/0"))) as client:
        ledger = RedisLedger(client, "t")
        for asked in (
            ledger.stories(["h"]),
            ledger.positions(),
            ledger.summary(),
            ledger.recent(5),
            ledger.wipe(),
            ledger.record_from(0, 0, 1, []),
            Leases(client, "t").live(),
            Leases(client, "t").drop("w"),
            InForce(client, "t").of(["A"]),
            InForce(client, "t").mark([]),
        ):
            with pytest.raises(ViewUnavailableError):
                await asked
        for asked in (RedisIndex(client, HASHER, "t").wipe(), RedisIndex(client, HASHER, "t").claim_fingerprint()):
            with pytest.raises(IndexUnavailableError):
                await asked


async def test_a_full_redis_changes_nothing_and_still_answers(client: redis.asyncio.Redis, namespace: str) -> None:
    index = RedisIndex(client, HASHER, namespace)
    await index.apply(0, 0, 1, [order("A", 1, ["E1"])])
    await client.config_set("maxmemory", 1)
    try:
        with pytest.raises(IndexUnavailableError) as raised:
            await index.apply(0, 1, 2, [order("A", 2, ["E2"], action="amend"), order("B", 1, ["E1"])])
        assert raised.value.reason == "out_of_memory"
        found = await index.lookup([E1])
    finally:
        await client.config_set("maxmemory", 0)
    assert [(held.id, held.version) for held in found.orders] == [("A", 1)]
    assert found.positions == {0: 1}


async def test_a_redis_that_may_forget_is_refused(client: redis.asyncio.Redis, namespace: str) -> None:
    index = RedisIndex(client, HASHER, namespace)
    kept = await client.config_get("maxmemory-policy")
    try:
        await client.config_set("maxmemory-policy", "allkeys-lru")
        await index.claim_fingerprint()  # without a bound on its memory nothing is ever evicted
        await client.config_set("maxmemory", 1 << 40)
        with pytest.raises(IndexUnavailableError, match="noeviction") as raised:
            await index.claim_fingerprint()
        assert raised.value.reason == "evicts"
    finally:
        await client.config_set("maxmemory", 0)
        await client.config_set("maxmemory-policy", kept["maxmemory-policy"])


async def test_a_replica_takes_no_writes(client: redis.asyncio.Redis, namespace: str) -> None:
    index = RedisIndex(client, HASHER, namespace)
    await client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(IndexUnavailableError) as raised:
            await index.apply(0, 0, 1, [order("A", 1, ["E1"])])
    finally:
        await client.execute_command("REPLICAOF", "NO", "ONE")
    assert raised.value.reason == "read_only"
    assert await index.positions() == {}


@pytest.mark.parametrize("url", ["http://u:topsecret@h/", "topsecret", "redis", "redis://[u:topsecret/0"])
def test_settings_refuse_what_is_no_redis_and_show_no_secret(url: str) -> None:
    with pytest.raises(ValidationError) as raised:
        RedisSettings(url=SecretStr(url))
    assert "topsecret" not in str(raised.value)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAKONG_REDIS", "rediss://u:topsecret@example.test:7000/3")
    monkeypatch.setenv("CHAKONG_REDIS_NAMESPACE", "{court}")
    monkeypatch.setenv("CHAKONG_REDIS_TIMEOUT_S", "0.5")
    settings = RedisSettings()
    assert settings.url.get_secret_value() == "rediss://u:topsecret@example.test:7000/3"
    assert (settings.namespace, settings.timeout_s) == ("{court}", 0.5)
    assert "topsecret" not in repr(settings)
