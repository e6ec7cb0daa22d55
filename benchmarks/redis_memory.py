"""What an order costs in Redis, in bytes and in time, and what asking for it costs: on a real Redis of the benchmark's own.

``RedisIndex`` is filled as the index writer fills it, in batches of 200, and every order is marked as in force. Making the
orders, and reading their records, is no part of the times. Asked is for orders by chance, so that nearly every one comes from
Redis and is read anew, and none from the client's cache.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import redis.asyncio
from pydantic import SecretStr

from connectors.redis.client import connect
from connectors.redis.index import RedisIndex
from connectors.redis.leases import InForce, InForceMark
from connectors.redis.settings import RedisSettings
from deploy.local.ports import free_port
from deploy.local.redis import RedisProcess
from matchers.keys import Key, KeyHasher
from stream.services.views import BATCH
from synthetic.world import World
from watchlists.glance import glance
from watchlists.index import Logged
from watchlists.order import Release

NAMESPACE: Final = "chakong"
AT: Final = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
SIZES: Final = (1, 100, 1000)
CALLS: Final = {1: 2000, 100: 300, 1000: 50}
SAMPLES: Final = 500
TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Filled:
    """A Redis that holds every order of the world, and what it took."""

    client: redis.asyncio.Redis
    index: RedisIndex
    world: World
    result: dict[str, Any]


def measure(orders: int) -> dict[str, Any]:
    """Bytes an order, and microseconds: to apply an order, to look up keys, to ask for standings."""
    return asyncio.run(_measure(orders))


async def _measure(orders: int) -> dict[str, Any]:
    async with filled(orders) as full:
        return {**full.result, **await asked(full)}


@asynccontextmanager
async def filled(orders: int) -> AsyncIterator[Filled]:
    """Start a Redis, apply so many orders and mark them, and say what they cost."""
    with tempfile.TemporaryDirectory() as folder:
        server = RedisProcess(Path(folder), free_port())
        await asyncio.to_thread(server.start, lambda _: None)
        client = connect(RedisSettings(url=SecretStr(server.url), timeout_s=TIMEOUT_S))
        try:
            index = RedisIndex(client, KeyHasher(b"a secret of the benchmark"), NAMESPACE)
            await index.claim_fingerprint()
            world = World(7, orders=orders, at=AT)
            yield Filled(client, index, world, await _fill(client, index, world))
        finally:
            await client.aclose()
            await asyncio.to_thread(server.kill)


async def asked(full: Filled) -> dict[str, Any]:
    """Microseconds of a lookup, and of a question for standings, by how many keys or ids there are in one call."""
    dice = random.Random(1)

    def by_chance(count: int) -> list[Logged]:
        numbers = [dice.randrange(len(full.world)) for _ in range(count)]
        return _logged(record.value for n in numbers for record in full.world.orders(n, n + 1))

    async def look_up(records: list[Logged]) -> None:
        keys = [_keys(record)[0] for record in records]
        assert len((await full.index.lookup(keys)).orders) >= len(set(keys))

    async def stand(records: list[Logged]) -> None:
        standings = (await full.index.standings([record.record.id for record in records])).of
        assert all(standing.order for standing in standings.values())

    return {
        "lookup_us": {str(size): await _times(full, look_up, by_chance, size) for size in SIZES},
        "standings_us": {str(size): await _times(full, stand, by_chance, size) for size in SIZES},
    }


async def _times(
    full: Filled, ask: Callable[[list[Logged]], Awaitable[None]], by_chance: Callable[[int], list[Logged]], size: int
) -> dict[str, float]:
    took, spent = [], await _server_cpu_s(full.client)
    for _ in range(CALLS[size]):
        records = by_chance(size)
        began = time.perf_counter()
        await ask(records)
        took.append((time.perf_counter() - began) * 1e6)
    spent = await _server_cpu_s(full.client) - spent
    p50, p99 = np.percentile(took, (50, 99))
    return {"p50": float(p50), "p99": float(p99), "server_cpu_each": spent / CALLS[size] / size * 1e6}


async def _fill(client: redis.asyncio.Redis, index: RedisIndex, world: World) -> dict[str, Any]:
    in_force, orders = InForce(client, NAMESPACE), len(world)
    begin, server = await _used(client), await _server_cpu_s(client)
    wall = cpu = 0.0
    keys = 0
    for at in range(0, orders, BATCH):
        records = _logged(record.value for record in world.orders(at, min(orders, at + BATCH)))
        began, spent = time.perf_counter(), time.process_time()
        await index.apply(0, at, at + len(records), records)
        wall, cpu = wall + time.perf_counter() - began, cpu + time.process_time() - spent
        keys += sum(len(_keys(record)) for record in records)
    server = await _server_cpu_s(client) - server
    for at in range(0, orders, BATCH):
        ids = [world.order(n).id for n in range(at, min(orders, at + BATCH))]
        await in_force.mark([InForceMark(id_, 1, AT, 0.05) for id_ in ids])
    total = (await _used(client) - begin) / orders
    parts = {part: size / orders for part, size in (await _parts(client)).items()}
    return {
        "orders": orders,
        "keys": keys,
        "bytes_an_order": total,
        "bytes_by_part": {**parts, "hash_tables": total - sum(parts.values())},
        "resident_bytes_an_order": (await client.info("memory"))["used_memory_rss"] / orders,
        "batch": BATCH,
        "orders_a_second": orders / wall,
        "client_cpu_us_an_order": cpu / orders * 1e6,
        "server_cpu_us_an_order": server / orders * 1e6,
    }


def _logged(raws: Iterable[bytes]) -> list[Logged]:
    return [Logged(glance(raw), raw) for raw in raws]


def _keys(logged: Logged) -> tuple[Key, ...]:
    """The keys of a record that places an order."""
    if isinstance(logged.record, Release):
        raise TypeError
    return logged.record.keys()


async def _parts(client: redis.asyncio.Redis) -> dict[str, float]:
    """Bytes of each kind of name, from a sample of its buckets."""
    about = await client.hgetall(f"{NAMESPACE}:positions")
    maps = {"orders": ("order", int(about[b"order.buckets"])), "keys": ("key", int(about[b"key.buckets"]))}
    (effect,) = [name async for name in client.scan_iter(f"{NAMESPACE}:effect:*", 10_000) if name.count(b":") == 2]
    maps["times_of_effect"] = (effect.decode().removeprefix(f"{NAMESPACE}:"), int(await client.hget(effect, "buckets") or 0))
    return {part: await _size(client, kind, buckets) for part, (kind, buckets) in maps.items()}


async def _size(client: redis.asyncio.Redis, kind: str, buckets: int) -> float:
    chosen: Sequence[int] = random.Random(1).sample(range(buckets), min(SAMPLES, buckets))
    sizes = [await client.memory_usage(f"{NAMESPACE}:{kind}:{n}", samples=0) or 0 for n in chosen]
    return sum(sizes) / len(sizes) * buckets


async def _used(client: redis.asyncio.Redis) -> int:
    return int((await client.info("memory"))["used_memory"])


async def _server_cpu_s(client: redis.asyncio.Redis) -> float:
    cpu = await client.info("cpu")
    return float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"])
