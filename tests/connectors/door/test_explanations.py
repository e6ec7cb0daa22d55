"""Explanations over the API: who may ask, what is refused, and that replays are counted. What is told: ``test_explanation``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import msgspec
import pytest

from connectors.door.routes.explanations import Explanation
from connectors.kafka.errors import KafkaError
from stream.core.authority import Grant, Principal, Role
from stream.core.explanation import past_object
from tests.connectors.door.running import OURS, Answered, Door, NothingKnown, opened
from tests.stream.core.test_explanation import DETAINED, STAY, THEIRS, past_of

CLERK, COLLEAGUE, OTHER_CLERK, COMMAND = (f"{name}-" * 8 for name in ("clerk", "colleague", "other", "command"))
PEOPLE = {
    CLERK: Principal("clerk-1", (Grant(Role.CLERK, OURS),), machine=False),
    COLLEAGUE: Principal("clerk-2", (Grant(Role.CLERK, OURS),), machine=False),
    OTHER_CLERK: Principal("clerk-3", (Grant(Role.CLERK, "110101"),), machine=False),
    COMMAND: Principal("command", (Grant(Role.COMMAND),), machine=False),
}
NAMED = {"station_code": STAY.station.code, "sighting_id": STAY.id, "at": "2026-11-24T13:00:00+08:00"}


class AllTold(NothingKnown):
    """Every hit on the log was told."""

    async def tellable(self, hit_ids: Collection[str]) -> frozenset[str]:
        return frozenset(hit_ids)


class Held:
    """Replays of one sighting, which go on when they are let."""

    def __init__(self) -> None:
        self.past: dict[str, Any] | None = msgspec.json.decode(
            msgspec.json.encode(past_object(past_of(STAY, DETAINED, THEIRS)))
        )
        self.questions: list[Mapping[str, Any]] = []
        self.going_on = asyncio.Event()
        self.going_on.set()
        self.trouble: Exception | None = None

    async def replay(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        self.questions.append(question)
        await self.going_on.wait()
        if self.trouble is not None:
            raise self.trouble
        return self.past


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
async def door(kafka: str, topic_prefix: str, held: Held) -> AsyncIterator[Door]:
    async with opened(kafka, topic_prefix, stories=AllTold(), replays=held, people=PEOPLE) as door:
        yield door


async def ask(door: Door, content: object, who: str = CLERK) -> Answered:
    return await door.ask("POST", "/v1/explanations", who, content, {})


async def test_a_clerk_is_told_of_their_own_court_s_orders(door: Door, held: Held) -> None:
    told = await ask(door, NAMED)
    assert told.status == 200
    explained = Explanation.model_validate(told.body)
    assert [(order.order_id, order.is_hit, order.agreement) for order in explained.orders] == [("OURS", True, "agrees")]
    assert told.body.keys() == Explanation.model_fields.keys()
    assert told.body["orders"][0].keys() == type(explained.orders[0]).model_fields.keys()
    assert [order["order_id"] for order in (await ask(door, NAMED, COMMAND)).body["orders"]] == ["OURS", "THEIRS"]
    question = held.questions[0]
    assert (question["station"], question["id"]) == (STAY.station.code, STAY.id)
    (done,) = [entry for entry in door.audited() if entry.who.id == "clerk-1"]  # it reads, though it comes by POST
    assert (done.outcome, done.object and done.object.kind) == ("done", "sighting")


async def test_another_court_s_sighting_and_one_that_is_none_answer_alike(door: Door, held: Held) -> None:
    others = await door.ask("POST", "/v1/explanations", OTHER_CLERK, NAMED, {"X-Request-Id": "r"})
    held.past = None
    nobodys = await door.ask("POST", "/v1/explanations", OTHER_CLERK, NAMED, {"X-Request-Id": "r"})
    assert (others.status, others.body) == (404, nobodys.body)


async def test_a_sighting_that_is_sent_is_explained_as_it_is(door: Door, held: Held) -> None:
    sent = {"sighting": STAY.fields, "at": None}
    told = await ask(door, sent, OTHER_CLERK)
    assert (told.status, told.body["orders"], told.body["hits"]) == (200, [], 0)
    assert held.questions[0]["sighting"] == STAY.fields


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ({}, "body: Value error, give sighting, or station_code and sighting_id"),
        ({**NAMED, "sighting": STAY.fields}, "body: Value error, give sighting, or"),
        ({"station_code": "x"}, "body: Value error, give sighting, or"),
        ({**NAMED, "at": "2026-11-24T13:00:00"}, "body.at: "),
        ({**NAMED, "court": "1"}, "body.court: "),
        ({"sighting": {"id": "王伟"}}, "body.sighting: kind: Field required"),
        (b'{"sighting": {"id": "\\ud800"}}', "body: a text in it has an unpaired surrogate"),
    ],
)
async def test_what_is_no_question_is_told_why_and_not_repeated(door: Door, held: Held, content: Any, detail: str) -> None:
    refused = await ask(door, content)
    assert (refused.status, refused.body["detail"][: len(detail)]) == (422, detail)
    assert "王伟" not in str(refused.body)
    assert held.questions == []


async def test_a_court_s_own_system_asks_nothing(door: Door) -> None:
    assert (await ask(door, NAMED, OURS)).status == 403


async def test_each_has_one_replay_at_a_time_and_there_are_no_more_than_may_be(door: Door, held: Held) -> None:
    held.going_on.clear()
    first = asyncio.create_task(ask(door, NAMED))
    while not held.questions:
        await asyncio.sleep(0.01)
    again, other = await ask(door, NAMED), await ask(door, NAMED, COLLEAGUE)
    assert (again.status, other.status) == (429, 503)
    assert int(again.headers["retry-after"]) == int(other.headers["retry-after"]) >= 1
    held.going_on.set()
    assert (await first).status == 200
    assert (await ask(door, NAMED, COLLEAGUE)).status == 200


@pytest.mark.parametrize("trouble", [TimeoutError("too long"), KafkaError("away")])
async def test_a_replay_that_cannot_be_done_is_not_available_and_holds_up_none(
    door: Door, held: Held, trouble: Exception
) -> None:
    held.trouble = trouble
    assert (await ask(door, NAMED)).status == 503
    held.trouble = None
    assert (await ask(door, NAMED)).status == 200
