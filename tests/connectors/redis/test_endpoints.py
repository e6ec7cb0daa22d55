"""Gone endpoints are remembered in Redis, each once; resting ones while a worker says so; outages by all workers together."""

import asyncio
import datetime as dt
import time

import pytest
import redis.asyncio

from connectors.redis.endpoints import GoneEndpoints, Outages, RestingEndpoints
from connectors.redis.errors import ViewUnavailableError
from stream.core.delivery import Reason
from stream.core.health import Health, State
from stream.core.notice import Kind
from stream.core.outage import Outage, claimed, told

AT = dt.datetime(2026, 11, 24, 14, tzinfo=dt.UTC)


async def test_what_is_gone_is_gone_for_whoever_asks_next(client: redis.asyncio.Redis, namespace: str) -> None:
    gone = GoneEndpoints(client, namespace)
    assert await gone.disabled() == frozenset()
    await gone.disable("aa", AT)
    await gone.disable("aa", AT + dt.timedelta(hours=1))
    await gone.disable("bb", AT)
    assert await GoneEndpoints(client, namespace).disabled() == {"aa", "bb"}
    assert await gone.since() == {"aa": AT, "bb": AT}
    assert await client.hget(f"{namespace}:endpoints", "aa") == AT.isoformat().encode()  # type: ignore[misc]


async def test_a_redis_that_is_away_is_said_so(namespace: str) -> None:
    async with redis.asyncio.Redis(host="127.0.0.1", port=1) as nobody:
        with pytest.raises(ViewUnavailableError):
            await GoneEndpoints(nobody, namespace).disabled()


OPEN = Health(State.OPEN, AT, 5, Reason.TIMED_OUT)
OUTAGE = Outage(kind=Kind.DOWN, since=AT, noted_at=AT, failures=5, reason=Reason.REFUSED)


async def test_each_worker_says_what_rests_there_until_it_says_otherwise(client: redis.asyncio.Redis, namespace: str) -> None:
    resting = RestingEndpoints(client, namespace)
    half = Health(State.HALF_OPEN, AT, 7, Reason.REFUSED)
    await resting.say("w-1", {"aa": OPEN})
    await resting.say("w-2", {"aa": half, "bb": OPEN})
    assert await resting.said() == {"w-1": {"aa": OPEN}, "w-2": {"aa": half, "bb": OPEN}}
    await resting.say("w-1", {})
    assert set(await resting.said()) == {"w-2"}


async def test_what_a_worker_that_died_said_ends_by_itself(client: redis.asyncio.Redis, namespace: str) -> None:
    await RestingEndpoints(client, namespace, ttl_s=0.05).say("w-1", {"aa": OPEN})
    ends_at = time.monotonic() + 5
    while await RestingEndpoints(client, namespace).said():
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.01)


async def test_an_outage_is_replaced_whole_and_by_nothing(client: redis.asyncio.Redis, namespace: str) -> None:
    outages = Outages(client, namespace)
    assert await outages.update("aa", lambda stands: stands) is None
    both = told(told(OUTAGE, Kind.RECOVERED, AT), Kind.DOWN, AT)
    assert await outages.update("aa", lambda _: both) == both
    assert await Outages(client, namespace).all() == {"aa": both}
    assert await outages.update("aa", lambda _: None) is None
    assert await outages.all() == {}


async def test_of_many_that_claim_at_once_one_does(client: redis.asyncio.Redis, namespace: str) -> None:
    won: list[int] = []

    async def claim(worker: int) -> None:
        claims = False

        def change(stands: Outage | None) -> Outage | None:
            nonlocal claims
            claims = stands is not None and stands.claimed_until is None
            return claimed(stands, AT) if stands is not None and claims else stands

        await Outages(client, namespace).update("aa", change)
        if claims:
            won.append(worker)

    await Outages(client, namespace).update("aa", lambda _: OUTAGE)
    await asyncio.gather(*(claim(worker) for worker in range(8)))
    assert len(won) == 1


async def test_a_redis_that_is_away_costs_no_outage_in_silence(namespace: str) -> None:
    async with redis.asyncio.Redis(host="127.0.0.1", port=1) as nobody:
        for asked in (Outages(nobody, namespace).all(), RestingEndpoints(nobody, namespace).said()):
            with pytest.raises(ViewUnavailableError):
                await asked
