"""What the index in Redis must do beyond the contract: see tests/watchlists/test_index.py for that."""

from __future__ import annotations

import random

import pytest
import redis.asyncio

from connectors.redis import bodies, entries
from connectors.redis.errors import ForeignIndexError, IndexUnavailableError
from connectors.redis.index import LAYOUT, RECORDS_MAX, RedisIndex
from matchers.keys import Key, KeyHasher
from tests.watchlists.orders import order, release
from watchlists.index import IndexMovedError, Logged, MemoryIndex
from watchlists.lifecycle import Held
from watchlists.order import Order

HASHER = KeyHasher(b"a secret of the tests")
E1, E2 = Key("passport", "E1"), Key("passport", "E2")


class OneHash(KeyHasher):
    """Every key has the same hash."""

    def hash_key(self, key):
        return 0

    def hash_values(self, kind, values):
        return super().hash_values(kind, values) * 0


async def names(client: redis.asyncio.Redis, namespace: str) -> set[str]:
    return {name.decode().removeprefix(f"{namespace}:") for name in await client.keys(f"{namespace}:*")}


@pytest.fixture
def index(client: redis.asyncio.Redis, namespace: str) -> RedisIndex:
    return RedisIndex(client, HASHER, namespace)


async def test_names_are_as_told_and_tell_nothing(index: RedisIndex, client: redis.asyncio.Redis, namespace: str) -> None:
    await index.apply(3, 0, 5, [order("A", 1, ["E1", "E2"]), order("B", 1, ["E1"])])
    assert await names(client, namespace) == {"positions", "order:0", "key:0"}
    hashes = {HASHER.hash_key(key).to_bytes(8, "big")[2:] for key in (E1, E2)}
    tags = set(await client.hgetall(f"{namespace}:key:0"))
    assert hashes < tags
    assert len(tags - hashes) in (2, 3)  # their case, and one or two drawers of their court


async def test_a_release_leaves_nothing_of_the_subject(index: RedisIndex, client: redis.asyncio.Redis, namespace: str) -> None:
    await index.apply(0, 0, 2, [order("A", 1, ["E12345678"]), order("A", 2, ["E12345678", "E2"], action="amend")])
    await index.apply(0, 2, 3, [release("A", 3)])
    assert await names(client, namespace) == {"positions", "order:0"}
    tag, value = (await client.hgetall(f"{namespace}:order:0")).popitem()
    assert entries.read(value) == {"A": entries.Entry(Held("440106", 3, released=True), b"", b"")}
    assert len(tag + value) < 40


async def test_what_lies_in_redis_shows_no_identifier(index: RedisIndex, client: redis.asyncio.Redis, namespace: str) -> None:
    await index.apply(0, 0, 1, [order("A", 1, ["E12345678"])])
    _, value = (await client.hgetall(f"{namespace}:order:0")).popitem()
    (body,) = entries.bodies(value)
    assert bodies.unpack(body) == order("A", 1, ["E12345678"]).raw
    rest = value.removesuffix(body)
    for name in await client.keys(f"{namespace}:*"):
        for identifier in (b"E12345678", "王伟".encode()):
            assert identifier not in name + rest


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


async def test_orders_that_share_a_tag_are_filed_each(client: redis.asyncio.Redis, namespace: str) -> None:
    index = RedisIndex(client, OneHash(b"x"), namespace)
    await index.apply(
        0, 0, 4, [order(id_, 1, ["E1"], court=court) for id_, court in (*zip("ABC", "111", strict=True), ("D", "2"))]
    )
    assert [one.id for one in (await index.filed("1", None, None, 2)).orders] == ["A", "B", "C"]
    assert [one.id for one in (await index.filed("2", None, None, 2)).orders] == ["D"]
    await index.apply(0, 4, 5, [release("B", 2, court="1")])
    assert [one.id for one in (await index.filed("1", None, None, 9)).orders] == ["A", "C"]


@pytest.mark.parametrize("after", ["", "zz", "0" * 11, "0" * 13, "A" * 12])
async def test_what_no_page_ended_with_is_no_cursor(index: RedisIndex, after: str) -> None:
    with pytest.raises(ValueError, match="page"):
        await index.filed("440106", None, after, 2)


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
    read = index._stored

    async def read_and_be_overtaken(ids):
        stored = await read(ids)
        monkeypatch.undo()
        await index.apply(1, 0, 1, [order("A", 5, ["E2"])])
        return stored

    monkeypatch.setattr(index, "_stored", read_and_be_overtaken)
    with pytest.raises(IndexMovedError, match="another writer"):
        await index.apply(0, 0, 1, [order("A", 1, ["E1"], action="amend")])
    assert await index.positions() == {1: 1}
    await index.apply(0, 0, 1, [order("A", 1, ["E1"], action="amend")])
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
    await client.delete(f"{namespace}:order:0")
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


def test_another_dictionary_is_another_layout() -> None:
    assert LAYOUT.endswith(bodies.FINGERPRINT)


@pytest.mark.parametrize("seed", range(3))
async def test_any_history_of_many_orders_ends_as_in_memory(index: RedisIndex, seed: int) -> None:
    """Thousands of ids and few passports: buckets split and split again, and keys are shared by dozens of orders."""
    dice, memory = random.Random(seed), MemoryIndex()
    ids = [f"A{number}" for number in range(1500)]
    passports = [f"E{number}" for number in range(dice.choice((40, 3000)))]
    at = 0
    for _ in range(12):
        batch = [_any_record(dice, ids, passports) for _ in range(dice.choice((1, 40, 900)))]
        end = at + len(batch)
        assert await index.apply(0, at, end, batch) == await memory.apply(0, at, end, batch)
        at = end
    assert await index.standings(ids) == await memory.standings(ids)
    for passport in dice.sample(passports, 20):
        mine, theirs = [await held.lookup([Key("passport", passport)]) for held in (index, memory)]
        assert sorted(mine.orders, key=_id) == sorted(theirs.orders, key=_id)


def _any_record(dice: random.Random, ids: list[str], passports: list[str]) -> Logged:
    id_, version, court = dice.choice(ids), dice.randint(1, 6), dice.choice("12")
    if dice.random() < 0.25:
        return release(id_, version, court=court)
    action = dice.choice(("place", "amend"))
    return order(id_, version, dice.sample(passports, dice.randint(1, 3)), court=court, action=action)


def _id(held: Order) -> str:
    return held.id
