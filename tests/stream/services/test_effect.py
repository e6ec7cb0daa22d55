"""Effect, on a real Redis: the legs of an order's way, who was the last, and the last withdrawal."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from prometheus_client import REGISTRY
from pydantic import SecretStr

from connectors.redis.client import connect
from connectors.redis.leases import InForce, InForceMark, Leases, LeaseState, Legs
from connectors.redis.settings import RedisSettings
from stream.services.effect import UNMEASURED_S_MAX, Effect
from stream.services.index_view import Applied
from tests.watchlists import orders
from watchlists.index import MemoryIndex

AT = dt.datetime(2026, 11, 24, 14, 0, tzinfo=dt.UTC)


def moment(milliseconds: int) -> dt.datetime:
    return AT + dt.timedelta(milliseconds=milliseconds)


class World:
    """Two workers' leases, an index, and a clock that one sets."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        space = f"t{uuid.uuid4().hex[:12]}"
        self.now = AT
        self.leases, self.index, self.in_force = Leases(client, space), MemoryIndex(), InForce(client, space)
        self.effect = Effect(self.leases, self.index, self.in_force, clock=lambda: self.now)

    async def index_holds(self, end: int) -> None:
        await self.index.apply(0, (await self.index.positions()).get(0, 0), end, [])

    async def worker_holds(self, worker: str, end: int, since: int) -> None:
        await self.leases.renew(
            worker, LeaseState(applied={0: end}, state="screening", at=moment(9999), moved_at=moment(since))
        )

    async def marks(self, order: str) -> dict[int, InForceMark]:
        return (await self.in_force.of([order]))[order]


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    async with connect(RedisSettings(url=SecretStr(redis_url))) as client:
        yield World(client)


def applied(offset: int, version: int, action: str) -> Applied:
    return Applied(0, offset, "A", version, action, AT, moment(30))


def told(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_an_order_is_in_force_when_the_last_worker_has_it_and_its_legs_are_told(world: World) -> None:
    count = told("chakong_slowest_worker_total", worker="slow")
    in_filters = told("chakong_in_filters_seconds_sum", action="release")
    await world.index_holds(2)
    world.effect.applied([applied(1, 1, "place"), applied(2, 2, "release")])
    await world.worker_holds("quick", 2, 40)
    await world.worker_holds("slow", 1, 40)
    world.now = moment(60)
    await world.effect.look()
    assert await world.marks("A") == {1: InForceMark("A", 1, moment(60), 0.06)}
    await world.worker_holds("slow", 2, 70)
    world.now = moment(80)
    await world.effect.look()
    assert (await world.marks("A"))[2] == InForceMark("A", 2, moment(80), 0.08, Legs(0.03, 0.07, "slow"))
    assert told("chakong_slowest_worker_total", worker="slow") >= count + 1
    assert told("chakong_in_filters_seconds_sum", action="release") == pytest.approx(in_filters + 0.07)


async def test_a_worker_that_is_gone_is_waited_for_no_more(world: World) -> None:
    await world.index_holds(1)
    world.effect.applied([applied(1, 2, "release")])
    await world.worker_holds("quick", 1, 40)
    await world.worker_holds("dead", 0, 0)
    await world.effect.look()
    assert await world.marks("A") == {}
    await world.leases.drop("dead")
    world.now = moment(90)
    await world.effect.look()
    assert (await world.marks("A"))[2].legs == Legs(0.03, 0.04, "quick")


async def test_the_last_withdrawal_is_noted_and_timed_once_the_release_is_in_force(world: World) -> None:
    count = told("chakong_release_withdrawn_seconds_count")
    await world.index_holds(1)
    await world.worker_holds("quick", 1, 40)
    await world.effect.withdrawn("A", 2, moment(500))
    await world.effect.withdrawn("A", 2, moment(400))
    await world.effect.withdrawn("B", 9, moment(400))
    world.now = moment(600)
    await world.effect.look()
    assert told("chakong_release_withdrawn_seconds_count") == count
    world.effect.applied([applied(1, 2, "release")])
    await world.effect.look()
    assert told("chakong_release_withdrawn_seconds_count") == count + 2
    assert (await world.marks("A"))[2].withdrawn_at == moment(500)
    world.now = moment(500) + dt.timedelta(seconds=UNMEASURED_S_MAX)
    await world.effect.look()  # that of B, whose release nobody knows, is given up
    assert told("chakong_release_withdrawn_seconds_count") == count + 2


async def test_it_watches_until_it_is_stopped(world: World) -> None:
    watching = asyncio.create_task(world.effect.watch_force())
    await world.index.apply(0, 0, 1, [orders.release("A", 2)])
    await world.worker_holds("quick", 1, 40)
    world.effect.applied([applied(1, 2, "release")])
    while 2 not in await world.marks("A"):
        await asyncio.sleep(0.01)
    world.effect.stop()
    await asyncio.wait_for(watching, 10)
