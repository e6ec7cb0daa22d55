"""Endpoints are tested, answer or do not, and their orders are flagged: real Kafka, real Redis, a real receiving court.

Only the clock is ours.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from connectors.courts.channels import Channels
from connectors.courts.endpoints import Endpoints
from connectors.courts.misbehaviour import Misbehaviour
from connectors.courts.receiver import Receiver
from connectors.courts.settings import CourtsSettings
from connectors.courts.signature import new_secret
from connectors.kafka.records import Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ensure_topics
from connectors.redis.client import connect
from connectors.redis.reachability import ReachabilityView
from connectors.redis.settings import RedisSettings
from deploy.local.addresses import Addresses
from matchers.wire import UnreadableError
from stream.commands.reachability import courts
from stream.core.authority import Owner
from stream.core.confirmation import Confirmation, Respondent
from stream.core.delivery import Reason
from stream.core.memory import MemoryLedger
from stream.core.notification import Notification
from stream.core.reachability import Reach, Rhythm, reach
from stream.services import confirming as confirming_module
from stream.services.bodies import Bodies
from stream.services.confirming import Confirming
from stream.services.courier import Courier
from stream.services.lacks import Lacks
from stream.services.listing import Listing
from stream.services.reaching import MOST, Reaching
from stream.services.rebuilding import rebuild_reachability
from stream.services.scribe import Scribe
from stream.services.whose import LedgerHits
from tests.watchlists import orders
from watchlists.index import Logged, MemoryIndex

HOUR = dt.timedelta(hours=1)
RHYTHM = Rhythm(24 * HOUR, 24 * HOUR)
ANSWERS, SILENT, FAILS, NOWHERE = "440106", "440107", "440108", "440109"


class UnopenedPlaces:
    """No hit is read here."""

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class World:
    """What one worker tests with, and a clock that one moves."""

    court: Receiver
    view: ReachabilityView
    kafka: KafkaSettings
    endpoints: Endpoints
    courier: Courier
    records: Records
    now: dt.datetime

    def __post_init__(self) -> None:
        self.reaching = self.worker()
        scribe = Scribe(self.records, MemoryLedger(), lambda: self.now)
        self.confirming = Confirming(MemoryLedger(), Bodies(UnopenedPlaces()), scribe, self.reaching, self.view)  # type: ignore[arg-type]

    def worker(self) -> Reaching:
        return Reaching(self.endpoints, self.courier, self.records, self.view, RHYTHM, lambda: self.now)

    async def look(self) -> int:
        begun = await self.reaching.look(RHYTHM)
        await self.reaching.under_way.settled()
        return begun

    async def states(self) -> dict[str, Reach]:
        seen = await self.view.seen()
        return {one.court: reach(seen[one.digest], self.now) for one in self.endpoints if one.level == "handler"}

    def test_of(self, court: str) -> str:
        """A test that a court was sent."""
        return next(id_ for id_, got in self.court.received.items() if (got.court, got.type) == (court, "chakong.test.v1"))

    async def answer(self, test_id: str, court: str, at: dt.datetime | None = None) -> None:
        said = Confirmation(id="c-1", hit_id=test_id, at=at or self.now, by=Respondent(court=court), answer="acknowledged")
        await self.confirming.take(said.model_dump_json(exclude_none=True).encode())

    async def index(self, *logged: Logged) -> MemoryIndex:
        index = MemoryIndex()
        await index.apply(0, 0, len(logged), list(logged))
        return index


@pytest.fixture
async def world(stack: Addresses, redis_url: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(confirming_module, "UNKNOWN_S", 0.0)
    kafka = KafkaSettings(bootstrap=stack.kafka, topic_prefix=topic_prefix, partitions=2, sighting_partitions=1)
    ensure_topics(kafka)
    async with AsyncExitStack() as cleanup:
        court = await cleanup.enter_async_context(Receiver(new_secret(os.urandom(32))))
        desk = court.endpoint(SILENT).model_copy(update={"level": "duty_desk"})
        endpoints = Endpoints([*(court.endpoint(code) for code in (ANSWERS, SILENT, FAILS)), desk])
        channels = await cleanup.enter_async_context(Channels(CourtsSettings()))
        client = await cleanup.enter_async_context(connect(RedisSettings(url=SecretStr(redis_url))))
        records = Records(kafka, "tests")
        cleanup.callback(records.close)
        view = ReachabilityView(client, topic_prefix)
        now = dt.datetime.now(dt.UTC)
        yield World(court, view, kafka, endpoints, Courier(channels), records, now)


async def test_who_answers_is_shown_as_answered_and_who_does_not_is_flagged_with_the_orders(world: World) -> None:
    world.court.misbehave(f"/courts/{FAILS}", Misbehaviour(500))
    assert await world.look() == 4
    assert await world.states() == {ANSWERS: Reach.TAKEN_ONLY, SILENT: Reach.TAKEN_ONLY, FAILS: Reach.FAILING}
    world.now += HOUR
    await world.answer(world.test_of(ANSWERS), ANSWERS)
    assert (await world.states())[ANSWERS] is Reach.ANSWERED
    world.now += 23 * HOUR
    assert await world.states() == {ANSWERS: Reach.ANSWERED, SILENT: Reach.UNANSWERED, FAILS: Reach.FAILING}

    places = (ANSWERS, SILENT, FAILS, NOWHERE)
    index = await world.index(*(orders.order(f"ZX-{court}", 1, ["E1"], court=court) for court in places))
    told = await courts(Lacks(world.endpoints, await world.view.seen(), world.now), index.in_place())
    assert {one["court"]: (one["orders"], one["unreachable"]) for one in told} == {
        ANSWERS: (1, 0),
        SILENT: (1, 1),
        FAILS: (1, 1),
        NOWHERE: (1, 1),
    }


async def test_a_test_is_signed_names_no_order_and_is_the_same_when_it_is_sent_again(world: World) -> None:
    world.court.misbehave(f"/courts/{ANSWERS}", Misbehaviour(503, times=1))
    await world.look()
    assert ANSWERS not in {got.court for got in world.court.received.values()}
    first = (await world.view.seen())[world.endpoints.of(_Court(ANSWERS))[0].digest].asked[0].test_id
    assert await world.look() == 0
    world.now += dt.timedelta(minutes=15)
    assert await world.look() == 1
    got = world.court.received[first]
    assert (got.type, got.order_id, got.times) == ("chakong.test.v1", "", 1)
    assert not [name for name in world.court.counts if name.startswith("bad_")]


async def test_two_workers_send_each_test_once(world: World) -> None:
    workers = [world.worker() for _ in range(4)]
    begun = [await one.look(RHYTHM) for one in workers]
    for one in workers:
        await one.under_way.settled()
    assert sum(begun) >= 4
    assert {got.times for got in world.court.received.values()} == {1}
    assert len(world.court.received) == 4


async def test_a_look_begins_no_more_than_a_trickle(world: World) -> None:
    world.endpoints = Endpoints(world.court.endpoint(f"{number}") for number in range(3 * MOST))
    world.reaching = world.worker()
    assert [await world.look() for _ in range(4)] == [MOST, MOST, MOST, 0]


async def test_only_the_court_that_was_asked_may_answer_and_nobody_puts_an_answer_later_than_now(world: World) -> None:
    await world.look()
    test_id = world.test_of(SILENT)
    for court, wrong, reason in ((ANSWERS, test_id, "other_court"), (SILENT, test_id[::-1], "unknown_hit")):
        with pytest.raises(UnreadableError) as refused:
            await world.answer(wrong, court)
        assert refused.value.reason == reason
    await world.answer(test_id, SILENT, at=world.now + 1000 * HOUR)
    (answered,) = [seen.answered for seen in (await world.view.seen()).values() if seen.answered]
    assert (answered.test_id, answered.at, answered.outcome) == (test_id, world.now, Reason.ACKNOWLEDGED)


async def test_the_door_knows_whose_a_test_is(world: World) -> None:
    await world.look()
    hits = LedgerHits(MemoryLedger(), Bodies(UnopenedPlaces()), world.view)  # type: ignore[arg-type]
    assert await hits.owner_of(world.test_of(FAILS)) == Owner(court=FAILS)
    assert await hits.owner_of("00000000-0000-5000-8000-000000000000") is None


async def test_the_view_is_rebuilt_from_the_log(world: World) -> None:
    await world.look()
    await world.answer(world.test_of(ANSWERS), ANSWERS)
    before = await world.view.seen()
    await world.view.wipe()
    assert await rebuild_reachability(world.kafka, world.view) == 9
    assert await world.view.seen() == before
    assert await rebuild_reachability(world.kafka, world.view) == 0
    world.now += 2 * HOUR
    await world.answer(world.test_of(SILENT), SILENT)
    after = await world.view.seen()
    assert await rebuild_reachability(world.kafka, world.view) == 1
    assert await world.view.seen() == after


async def test_orders_that_lack_something_are_listed_to_their_court_once_a_day(world: World) -> None:
    told: list[Notification] = []
    world.court.misbehave(f"/courts/{FAILS}", Misbehaviour(500))
    await world.look()
    world.now += 24 * HOUR
    index = await world.index(
        *(orders.order(f"ZX-{number:02}", 1, ["E1"], court=SILENT) for number in range(60)),
        *(orders.order(f"ZX-{court}", 1, ["E1"], court=court) for court in (ANSWERS, FAILS, NOWHERE)),
    )
    listing, other = (
        Listing(name, index.in_place, world.endpoints, _Watched(world.courier, told), world.view, lambda: world.now)
        for name in ("one", "two")
    )
    assert await listing.look() == 2  # one fails, one has no endpoint
    assert await other.look() is None
    lists = {one.data["court"]["code"]: one.data for one in told}
    assert set(lists) == {SILENT, ANSWERS, FAILS}
    assert lists[SILENT]["total"] == len(lists[SILENT]["orders"]) == 60
    assert lists[SILENT]["orders"][0] == {"order_id": "ZX-00", "reasons": ["handler_unreachable"]}
    assert lists[FAILS]["orders"] == [{"order_id": f"ZX-{FAILS}", "reasons": ["handler_unreachable", "no_escalation"]}]
    assert "李法官" not in "".join(one.body().decode() for one in told)
    world.now += 24 * HOUR
    assert await other.look() == 2
    assert len({one.id for one in told}) == len(told) == 6


@dataclass
class _Court:
    code: str
    province: str | None = None


class _Watched(Courier):
    """A courier whose news one may look at."""

    def __init__(self, courier: Courier, told: list[Notification]) -> None:
        super().__init__(courier._channels)
        self._told = told

    async def round(self, notification, endpoints, *more):
        self._told.append(notification)
        return await super().round(notification, endpoints, *more)
