"""What the index in Redis must do beyond the contract: see tests/watchlists/test_index.py for that."""

from __future__ import annotations

import pytest
import redis.asyncio

from connectors.redis.errors import ForeignIndexError, IndexUnavailableError
from connectors.redis.index import RECORDS_MAX, RedisIndex
from matchers.keys import Key, KeyHasher
from tests.watchlists.orders import order, release
from watchlists.index import IndexMovedError, Logged

HASHER = KeyHasher(b"a secret of the tests")
E1, E2 = Key("passport", "E1"), Key("passport", "E2")


class OneHash(KeyHasher):
    """Every key has the same hash."""

    def hash_values(self, kind, values):
        return super().hash_values(kind, values) * 0


@pytest.fixture
def index(client: redis.asyncio.Redis, namespace: str) -> RedisIndex:
    return RedisIndex(client, HASHER, namespace)


async def test_names_and_entries_are_as_told(index: RedisIndex, client: redis.asyncio.Redis, namespace: str) -> None:
    await index.apply(3, 0, 5, [order("A", 1, ["E1", "E2"]), order("B", 1, ["E1"])])
    hashes = [HASHER.hash_key(key) for key in (E1, E2)]
    assert {name.decode() for name in await client.keys(f"{namespace}:*")} == {
        f"{namespace}:positions",
        f"{namespace}:order:A",
        f"{namespace}:order:B",
        *(f"{namespace}:key:{value:016x}" for value in hashes),
    }


async def test_a_release_leaves_no_personal_data(index: RedisIndex, client: redis.asyncio.Redis, namespace: str) -> None:
    await index.apply(0, 0, 1, [order("A", 1, ["E12345678"])])
    await index.apply(0, 1, 2, [release("A", 2)])
    assert {name.decode() for name in await client.keys(f"{namespace}:*")} == {
        f"{namespace}:positions",
        f"{namespace}:order:A",
    }
    entry = await client.get(f"{namespace}:order:A")
    assert b"E12345678" not in entry
    assert "王伟".encode() not in entry
    assert len(entry) < 40


async def test_keys_that_share_a_hash_cost_no_order_and_make_none_up(client: redis.asyncio.Redis, namespace: str) -> None:
    index = RedisIndex(client, OneHash(b"x"), namespace)
    await index.apply(0, 0, 2, [order("A", 1, ["E1", "E2"]), order("B", 1, ["E3"])])
    assert [found.id for found in (await index.lookup([E1])).orders] == ["A"]
    await index.apply(0, 2, 3, [order("A", 2, ["E2"], action="amend")])
    assert (await index.lookup([E1])).orders == []
    assert [found.id for found in (await index.lookup([E2])).orders] == ["A"]
    await index.apply(0, 3, 4, [release("A", 3)])
    assert (await index.lookup([E2])).orders == []
    assert [found.id for found in (await index.lookup([Key("passport", "E3")])).orders] == ["B"]


async def test_an_index_of_another_secret_is_refused_at_once(index: RedisIndex, client: redis.asyncio.Redis, namespace: str):
    await index.claim_fingerprint()
    await index.claim_fingerprint()
    other = RedisIndex(client, KeyHasher(b"another secret"), namespace)
    with pytest.raises(ForeignIndexError, match="another key secret"):
        await other.claim_fingerprint()
    for asked in (other.lookup([E1]), other.positions(), other.standings(["A"]), other.apply(0, 0, 1, [])):
        with pytest.raises(ForeignIndexError):
            await asked
    await other.wipe()
    await other.claim_fingerprint()
    assert await other.positions() == {}


async def test_an_order_changed_by_another_partition_s_writer_is_decided_again(index: RedisIndex, monkeypatch) -> None:
    """A producer that sends an order without its key may put it into two partitions."""
    read = index._entries

    async def read_and_be_overtaken(ids):
        stored = await read(ids)
        monkeypatch.undo()
        await index.apply(1, 0, 1, [order("A", 5, ["E2"])])
        return stored

    monkeypatch.setattr(index, "_entries", read_and_be_overtaken)
    with pytest.raises(IndexMovedError, match="another writer"):
        await index.apply(0, 0, 1, [order("A", 1, ["E1"])])
    assert await index.positions() == {1: 1}
    await index.apply(0, 0, 1, [order("A", 1, ["E1"])])
    assert (await index.standings(["A"])).of["A"].held.version == 5


async def test_wipe_deletes_the_index_and_nothing_else(index: RedisIndex, client: redis.asyncio.Redis, namespace: str) -> None:
    others = (f"{namespace}:leases", f"{namespace}x:order:A", f"{namespace}:hit:H")
    for name in others:
        await client.set(name, "1")
    await index.apply(0, 0, 9, [order(f"A{number}", 1, [f"E{number}"]) for number in range(2500)])
    await index.wipe()
    assert {name.decode() for name in await client.keys(f"{namespace}*")} == set(others)
    assert await index.positions() == {}
    await index.apply(0, 0, 1, [order("A1", 1, ["E1"])])
    assert [found.id for found in (await index.lookup([E1])).orders] == ["A1"]


async def test_a_wipe_that_broke_off_refuses_everybody_until_it_is_repeated(
    index: RedisIndex, client: redis.asyncio.Redis, namespace: str
) -> None:
    await index.apply(0, 0, 1, [order("A", 1, ["E1"])])
    await client.hset(f"{namespace}:positions", "wiping", "1")
    for asked in (index.lookup([E1]), index.positions(), index.standings(["A"]), index.apply(0, 1, 2, [])):
        with pytest.raises(IndexUnavailableError, match="being wiped") as raised:
            await asked
        assert raised.value.reason == "wiping"
    await index.wipe()
    assert await index.positions() == {}


async def test_a_missing_entry_is_damage_and_never_no_match(index: RedisIndex, client: redis.asyncio.Redis, namespace: str):
    await index.apply(0, 0, 1, [order("A", 1, ["E1"])])
    await client.delete(f"{namespace}:order:A")
    with pytest.raises(IndexUnavailableError) as raised:
        await index.lookup([E1])
    assert raised.value.reason == "damaged"


async def test_an_order_that_cannot_be_read_again_is_damage(index: RedisIndex) -> None:
    readable = order("A", 1, ["E1"])
    await index.apply(0, 0, 1, [Logged(readable.record, b"{}")])
    with pytest.raises(IndexUnavailableError) as raised:
        await index.lookup([E1])
    assert raised.value.reason == "damaged"


async def test_a_step_is_bounded(index: RedisIndex) -> None:
    with pytest.raises(ValueError, match="too many for one step"):
        await index.apply(0, 0, 1, [order("A", 1, ["E1"])] * (RECORDS_MAX + 1))


async def test_an_emptied_redis_is_seen_as_empty_and_filled_again(index: RedisIndex, client: redis.asyncio.Redis) -> None:
    await index.claim_fingerprint()
    await index.apply(0, 0, 1, [order("A", 1, ["E1"])])
    await client.flushdb()
    await client.script_flush()
    assert await index.lookup([E1]) == ([], {})
    with pytest.raises(IndexMovedError):
        await index.apply(0, 1, 2, [])
    await index.apply(0, 0, 1, [order("A", 1, ["E1"])])
    assert len((await index.lookup([E1])).orders) == 1
