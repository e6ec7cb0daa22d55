"""However many entries a map has, its buckets stay small and compact, and each entry lies where it is looked for."""

from __future__ import annotations

from collections import Counter

import pytest
import redis.asyncio

from connectors.redis.index import RedisIndex
from connectors.redis.index_scripts import KEYS_A_BUCKET, ORDERS_A_BUCKET
from matchers.keys import Key, KeyHasher
from tests.watchlists.orders import order, release
from watchlists.index import Logged


def number(tag: bytes, buckets: int) -> int:
    """Where linear hashing puts a tag, among so many buckets."""
    low = 1 << (buckets.bit_length() - 1)
    n = int.from_bytes(tag[2:6], "big") % (2 * low)
    return n if n < buckets else n - low


def of_a_court_of_its_own(n: int) -> Logged:
    return order(f"A{n}", 1, [f"E{n}", f"F{n}"], court=f"{n:06}", case=f"(2026)粤{n}执1号")


@pytest.fixture
def index(client: redis.asyncio.Redis, namespace: str) -> RedisIndex:
    return RedisIndex(client, KeyHasher(b"a secret of the tests"), namespace)


@pytest.mark.parametrize(("count", "batch"), [(1, 1), (8, 8), (9, 1), (200, 7), (4000, 4000), (6000, 200)])
async def test_buckets_hold_at_any_size(
    index: RedisIndex, client: redis.asyncio.Redis, namespace: str, count: int, batch: int
) -> None:
    for at in range(0, count, batch):
        end = min(count, at + batch)
        await index.apply(0, at, end, [of_a_court_of_its_own(n) for n in range(at, end)])
    sizes = {kind: await bucket_sizes(client, namespace, kind) for kind in ("order", "key")}
    assert sizes["order"].total() == count
    assert sizes["key"].total() == 4 * count  # two passports, its court and its case
    assert max(sizes["order"].values()) <= 4 * ORDERS_A_BUCKET
    assert max(sizes["key"].values()) <= 4 * KEYS_A_BUCKET
    found = await index.lookup([Key("passport", f"E{n}") for n in range(0, count, 97)])
    assert sorted(held.id for held in found.orders) == sorted(f"A{n}" for n in range(0, count, 97))


async def test_what_is_released_is_counted_off(index: RedisIndex, client: redis.asyncio.Redis, namespace: str) -> None:
    await index.apply(0, 0, 1, [order(f"A{n}", 1, [f"E{n}", "SHARED"]) for n in range(2000)])
    await index.apply(0, 1, 2, [release(f"A{n}", 2) for n in range(2000)])
    assert (await bucket_sizes(client, namespace, "order", compact=False)).total() == 2000
    assert await bucket_sizes(client, namespace, "key") == Counter()


async def test_an_order_of_any_length_is_found(index: RedisIndex) -> None:
    """Beyond what one compact run may hold, Redis keeps the same list in another form."""
    long = order("LONG", 1, [f"E{n}" for n in range(9000)])
    assert await index.apply(0, 0, 1, [long, *(order(f"A{n}", 1, [f"F{n}"]) for n in range(50))])
    assert (await index.lookup([Key("passport", "E8999")])).orders == [long.record]
    await index.apply(0, 1, 2, [release("LONG", 2)])
    assert (await index.lookup([Key("passport", f"E{n}") for n in range(9000)])).orders == []


async def test_a_server_with_limits_of_its_own_holds_the_same(index: RedisIndex, client: redis.asyncio.Redis, namespace: str):
    """Only compactness is lost."""
    kept = await client.config_get("hash-max-listpack-value")
    await client.config_set("hash-max-listpack-value", 8)
    try:
        await index.apply(0, 0, 1, [order(f"A{n}", 1, [f"E{n}"]) for n in range(500)])
        assert (await bucket_sizes(client, namespace, "order", compact=False)).total() == 500
        assert len((await index.lookup([Key("passport", f"E{n}") for n in range(500)])).orders) == 500
    finally:
        await client.config_set("hash-max-listpack-value", kept["hash-max-listpack-value"])


async def bucket_sizes(client: redis.asyncio.Redis, namespace: str, kind: str, compact: bool = True) -> Counter[int]:
    """Entries in each bucket, after each has been checked: whether it is one of the map's, compact, and its entries its own."""
    about = await client.hgetall(f"{namespace}:positions")
    buckets, entries = int(about[f"{kind}.buckets".encode()]), int(about[f"{kind}.entries".encode()])
    sizes: Counter[int] = Counter()
    async for name in client.scan_iter(match=f"{namespace}:{kind}:*"):
        bucket = int(name.rpartition(b":")[2])
        tags = await client.hkeys(name)
        assert {number(tag, buckets) for tag in tags} == {bucket}
        if compact:
            assert await client.object("encoding", name) == b"listpack"
        sizes[bucket] = len(tags)
    assert sizes.total() == entries
    return sizes
