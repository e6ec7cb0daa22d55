"""Hits over the API, from a real Kafka over real HTTP: one with its story, and lists of whoever's they are, newest first."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec
import pytest

from connectors.door.cursors import write_cursor
from connectors.kafka.places import Places
from connectors.kafka.records import Record
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.through import Through
from connectors.kafka.topics import HITS
from stream.core.authority import Grant, Principal, Role
from stream.core.delivery import Reason, Receipt, Step
from stream.core.hit import Hit, hit_id
from stream.core.memory import MemoryLedger
from stream.services.bodies import Bodies
from stream.services.instructing import facts_of
from stream.services.resolving import hit_record
from stream.services.whose import LedgerStories
from tests.connectors.door.running import ANSWERS_ONLY, OTHER, OURS, Door, opened
from tests.stream.core.hits import AT, hit

HANDLER, GUANGDONG, NATION, POLICE = (f"{name}-" * 8 for name in ("handler", "guangdong", "nation", "police"))
PEOPLE = {
    HANDLER: Principal("h", (Grant(Role.HANDLER, OURS),), name="张法官", machine=False),
    GUANGDONG: Principal("s", (Grant(Role.SUPERVISOR, province="44"),), machine=False),
    NATION: Principal("c", (Grant(Role.COMMAND),), machine=False),
    POLICE: Principal("p", (Grant(Role.POLICE, province="44"),)),
}


class Served(NamedTuple):
    """A door, and the ledger behind it."""

    door: Door
    ledger: MemoryLedger

    async def items(self, path: str, who: str = OURS) -> list[str]:
        """The ids of all pages, one after another."""
        found, after = [], ""
        while True:
            page = await self.door.get(f"{path}{after}", who)
            assert page.status == 200, page.body
            found += [item["id"] for item in page.body["items"]]
            if page.body["next"] is None:
                return found
            after = f"&after={page.body['next']}"


@pytest.fixture
async def served(kafka: str, topic_prefix: str) -> AsyncIterator[Served]:
    ledger = MemoryLedger()
    bodies = Bodies(Places(KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix), HITS))
    async with opened(kafka, topic_prefix, stories=LedgerStories(ledger, bodies), people=PEOPLE) as door:
        yield Served(door, ledger)
    bodies.close()


def found(number: int, court: str = OURS, handler: str = "李法官", order: str | None = None) -> Hit:
    order = order or f"ZX-{number}"
    whose = {"court": {"code": court, "province": court[:2]}, "handler": {"name": handler, "phone": "020-00000000"}}
    return hit(order, id=hit_id(order, "440106-H-0012", str(number)), **whose)


async def store(served: Served, *hits: Hit) -> None:
    """Hits that are on their way to their courts."""
    for one in hits:
        await served.door.records.send_soon([hit_record(one)])
    places = _places(served)
    for one in hits:
        await served.ledger.record([step(one, "planned", Reason.NEW, 0, facts=facts_of(one, places[one.id]))])


def step(of: Hit, name: Step, outcome: Reason, after_s: int, **more: Any) -> Receipt:
    at = AT + dt.timedelta(seconds=after_s)
    return Receipt(hit_id=of.id, order_id=of.order_id, order_version=1, at=at, step=name, outcome=outcome, **more)


async def test_each_sees_the_hits_that_are_open_to_them_newest_first(served: Served) -> None:
    ours = [found(number) for number in range(5)]
    mine = found(10, handler="张法官")
    theirs, neighbours = found(20, OTHER), found(30, "440300")
    everything = [*ours[:3], theirs, mine, neighbours, *ours[3:]]
    await store(served, *everything)
    expected = {
        OURS: [*ours[:3], mine, *ours[3:]],
        OTHER: [theirs],
        HANDLER: [mine],
        GUANGDONG: [one for one in everything if one is not theirs],
        NATION: everything,
    }
    for who, hits in expected.items():
        wanted = [one.id for one in reversed(hits)]
        for limit in (2, 100):
            assert await served.items(f"/v1/hits?limit={limit}", who) == wanted
    for nobody in (ANSWERS_ONLY, POLICE):
        assert (await served.door.get("/v1/hits", nobody)).status == 403
    assert [entry.detail for entry in served.door.audited() if entry.who.id == OTHER][-1] == "1 hits"


async def test_a_hit_that_stands_there_twice_is_on_a_page_once_and_what_is_none_bars_nothing(served: Served) -> None:
    one, two = found(1), found(2)
    await store(served, one, two, one)
    await served.door.records.send_soon([Record(HITS, OURS.encode(), raw) for raw in (b"{", b"[1]", b'{"id": 1}')])
    assert await served.items("/v1/hits?limit=5") == [one.id, two.id]


async def test_a_new_hit_does_not_move_the_pages_behind_a_cursor(served: Served) -> None:
    hits = [found(number) for number in range(4)]
    await store(served, *hits)
    first = await served.door.get("/v1/hits?limit=2")
    await store(served, found(9))
    second = await served.door.get(f"/v1/hits?limit=2&after={first.body['next']}")
    ids = [item["id"] for page in (first, second) for item in page.body["items"]]
    assert ids == [one.id for one in reversed(hits)]
    beyond = await served.door.get(f"/v1/hits?after={write_cursor({0: 10**9, 1: 10**9})}")
    assert len(beyond.body["items"]) == 5


async def test_the_hits_of_an_order_are_listed_to_its_own_only(served: Served) -> None:
    hits = sorted((found(number, order="ZX-7") for number in range(5)), key=lambda one: one.id)
    await store(served, *hits, found(1))
    assert await served.items("/v1/hits?order_id=ZX-7&limit=2") == [one.id for one in hits]
    assert await served.items("/v1/hits?order_id=ZX-7", OTHER) == []
    assert await served.items("/v1/hits?order_id=ZX-none") == []


async def test_a_hit_is_told_with_who_was_told_when_and_what_was_answered(served: Served) -> None:
    one = found(1)
    await store(served, one)
    receipts = [
        step(one, "attempted", Reason.TIMED_OUT, 2, attempt=1, may_have_arrived=True),
        step(one, "delivered", Reason.DELIVERED, 5, attempt=2, notification=one.id),
        step(one, "escalated", Reason.DELIVERED, 700, attempt=1, level="duty_desk"),
        step(one, "confirmed", Reason.EXECUTED, 900, attempt=1_764_000_000_000),
    ]
    await served.ledger.record(receipts)
    told = await served.door.get(f"/v1/hits/{one.id.upper()}")
    assert told.status == 200
    assert Hit.model_validate(told.body["hit"]) == one
    story = told.body["story"]
    assert [(row["step"], row["outcome"], row["attempt"]) for row in story["steps"]] == [
        ("planned", "new", 0),
        ("attempted", "timed_out", 1),
        ("delivered", "delivered", 2),
        ("escalated", "delivered", 0),
        ("confirmed", "executed", 0),
    ]
    assert [(row["level"], row["step"], row["at"]) for row in story["told"]] == [
        ("handler", "delivered", "2026-11-24T14:14:09Z"),
        ("duty_desk", "escalated", "2026-11-24T14:25:44Z"),
    ]
    assert (story["void"], [row["answer"] for row in story["answers"]]) == (False, ["executed"])
    await served.ledger.record([step(one, "withdrawing", Reason.ORDER_RELEASED, 950, attempt=1)])
    assert (await served.door.get(f"/v1/hits/{one.id}")).body["story"]["void"] is True
    refused = [
        await served.door.get(f"/v1/hits/{id_}", who) for id_, who in ((one.id, OTHER), (found(9).id, OURS), ("x", OURS))
    ]
    assert {answer.status for answer in refused} == {404}
    assert {answer.body["title"] for answer in refused} == {refused[0].body["title"]}


async def test_no_hit_is_told_that_was_released_before_its_court_heard_of_it(served: Served) -> None:
    heard, unheard, unplanned = found(1), found(2), found(3)
    await store(served, heard, unheard)
    await served.door.records.send_soon([hit_record(unplanned)])
    await served.ledger.record([step(heard, "delivered", Reason.DELIVERED, 1, attempt=1)])
    for one in (heard, unheard):
        await served.ledger.record([step(one, "skipped", Reason.ORDER_RELEASED, 2)])
    assert await served.items("/v1/hits?limit=2") == [heard.id]
    assert await served.items("/v1/hits?order_id=ZX-2") == []
    asked = [await served.door.get(f"/v1/hits/{one.id}") for one in (heard, unheard, unplanned)]
    assert [answer.status for answer in asked] == [200, 404, 404]
    assert asked[0].body["story"]["void"] is True


def _places(served: Served) -> dict[str, tuple[int, int]]:
    """Where the hits lie on the topic."""
    log = Through(served.door.kafka, HITS, "test")
    records = [record for batch in log.read(*log.window()) for record in batch]
    log.close()
    named = [(msgspec.json.decode(record.value() or b"", type=dict[str, Any]), record) for record in records]
    return {fields["id"]: (record.partition(), record.offset()) for fields, record in named}


@pytest.mark.parametrize("query", ["after=x", "limit=0", "limit=1001", "order_id="])
async def test_a_question_that_is_not_right_is_told_why(served: Served, query: str) -> None:
    refused = await served.door.get(f"/v1/hits?{query}")
    assert (refused.status, refused.body["detail"].startswith(f"query.{query.partition('=')[0]}: ")) == (422, True)
