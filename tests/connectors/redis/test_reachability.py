"""The view of endpoints' tests in a real Redis: what the pure words say, whatever the order; claims; and the lease of lists."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools

import pytest
import redis.asyncio

from connectors.redis.errors import ViewUnavailableError
from connectors.redis.reachability import ReachabilityView
from stream.core.delivery import Reason
from stream.core.reachability import CLAIM, Seen, seen_of
from tests.stream.core.test_reachability import ENDPOINT, record

NOW = dt.datetime.now(dt.UTC).replace(microsecond=123456)
STORY = [
    record("asked", 0, "a", at=NOW, answer_by=NOW + dt.timedelta(hours=24)),
    record("failed", 1, "a", at=NOW + dt.timedelta(minutes=1)),
    record("asked", 2, "a", at=NOW + dt.timedelta(minutes=16), answer_by=NOW + dt.timedelta(hours=25)),
    record("taken", 3, "a", at=NOW + dt.timedelta(minutes=17)),
    record("asked", 4, "b", at=NOW + dt.timedelta(hours=24), answer_by=NOW + dt.timedelta(hours=48)),
    record("answered", 5, "b", at=NOW + dt.timedelta(hours=25), outcome=Reason.ACKNOWLEDGED),
]


@pytest.fixture
def view(client: redis.asyncio.Redis, namespace: str) -> ReachabilityView:
    return ReachabilityView(client, namespace)


async def test_the_view_says_what_the_records_say_in_any_order_and_repeated(
    client: redis.asyncio.Redis, namespace: str
) -> None:
    for number, order in enumerate(itertools.islice(itertools.permutations(STORY), 0, 720, 37)):
        view = ReachabilityView(client, f"{namespace}{number}")
        for one in (*order, *order[:3]):
            await view.record([one])
        assert await view.seen() == {ENDPOINT: seen_of(STORY)}
        assert await view.seen_of(ENDPOINT) == seen_of(STORY)
    assert await view.seen_of("another") == Seen()


async def test_only_the_last_two_tests_of_an_endpoint_are_kept(view: ReachabilityView) -> None:
    asked = [record("asked", 0, test, at=NOW + dt.timedelta(days=day)) for day, test in enumerate("abc")]
    await view.record([asked[1], asked[2], asked[0]])
    assert [one.test_id for one in (await view.seen())[ENDPOINT].asked] == ["c", "b"]


async def test_a_test_is_known_by_its_id_for_as_long_as_it_may_be_answered(
    view: ReachabilityView, client: redis.asyncio.Redis, namespace: str
) -> None:
    await view.record(STORY)
    known = await view.test("a")
    assert known is not None
    assert (known.endpoint, known.court, known.level, known.channel) == (ENDPOINT, "440106", "handler", "webhook")
    assert 0 < await client.ttl(f"{namespace}:reach:test:a") <= 30 * 24 * 3600 + 16 * 60
    assert await view.test("c") is None


async def test_one_worker_at_a_time_tests_an_endpoint(
    view: ReachabilityView, client: redis.asyncio.Redis, namespace: str
) -> None:
    claims = await asyncio.gather(*(view.claim(ENDPOINT) for _ in range(20)))
    assert sorted(claims) == [False] * 19 + [True]
    assert 0 < await client.pttl(f"{namespace}:reach:claim:{ENDPOINT}") <= CLAIM.total_seconds() * 1000
    await view.let_go(ENDPOINT)
    assert await view.claim(ENDPOINT)


async def test_one_worker_at_a_time_lists_and_a_day_is_listed_once(view: ReachabilityView) -> None:
    assert await view.take_listing("one")
    assert not await view.take_listing("two")
    await view.drop_listing("two")
    assert not await view.take_listing("two")
    await view.drop_listing("one")
    assert await view.take_listing("two")
    assert await view.listed() is None
    await view.set_listed("2026-11-24")
    assert await view.listed() == "2026-11-24"


async def test_a_wiped_view_holds_nothing(view: ReachabilityView, client: redis.asyncio.Redis, namespace: str) -> None:
    await view.record(STORY)
    await view.moved(0, 7)
    assert await view.positions() == {0: 7}
    await client.set(f"{namespace}:other", "1")
    await view.wipe()
    assert await client.keys(f"{namespace}:*") == [f"{namespace}:other".encode()]
    assert await view.seen() == {}


async def test_a_redis_that_is_away_is_said_so(namespace: str) -> None:
    async with redis.asyncio.Redis(host="127.0.0.1", port=1) as nobody:
        with pytest.raises(ViewUnavailableError):
            await ReachabilityView(nobody, namespace).seen()
