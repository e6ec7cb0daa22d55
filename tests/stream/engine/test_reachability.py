"""A worker tests its courts: who answers is shown so, and the orders of who does not are flagged before there is a hit."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from connectors.courts.receiver import Received
from stream.commands.order import as_object
from stream.commands.reachability import courts, endpoints
from stream.wiring import lacks_now, open_index
from tests.stream.engine.running import GOOD, OTHER, SLOW, UNLISTED, Running, order_id, within
from tests.watchlists import orders


def shown(engine: Running) -> dict[str, Any]:
    """What `chakong reachability` shows."""

    async def asked() -> dict[str, Any]:
        lacks = await lacks_now(engine.settings)
        async with open_index(engine.settings) as index:
            return {"endpoints": endpoints(lacks), "courts": await courts(lacks, index.in_place())}

    return asyncio.run(asked())


def state(engine: Running, court: str, level: str = "handler") -> str:
    (one,) = [one for one in shown(engine)["endpoints"] if (one["court"], one["level"]) == (court, level)]
    return str(one["state"])


def flags(engine: Running, order: str) -> list[str]:
    """What `chakong order` says that an order lacks."""

    async def asked() -> Any:
        async with open_index(engine.settings) as index:
            standing = (await index.standings([order])).of[order]
            return as_object(order, standing, {}, await lacks_now(engine.settings))["lacks"]

    return [str(lack) for lack in asyncio.run(asked())]


def asked_of(engine: Running, court: str) -> list[Received]:
    return [one for one in list(engine.courts.received.values()) if (one.court, one.type) == (court, "chakong.test.v1")]


def test_who_answers_is_reachable_and_the_orders_of_who_does_not_are_flagged(testing: Running) -> None:
    placed = {court: order_id() for court in (GOOD, SLOW, UNLISTED)}
    for court, order in placed.items():
        testing.order(orders.order(order, 1, [testing.passport()], court=court).raw)
    (test,) = within(lambda: asked_of(testing, GOOD), "the court is sent a test")
    answer = {
        "id": str(uuid.uuid4()),
        "hit_id": test.id,
        "at": test.at.isoformat(),
        "by": {"court": GOOD, "name": "李法官"},
        "answer": "acknowledged",
    }
    testing.send("confirmations", json.dumps(answer).encode(), test.id.encode())
    within(lambda: state(testing, GOOD) == "answered", "the test is answered")
    within(lambda: state(testing, SLOW) == "unanswered", "nobody answers in time")
    within(lambda: state(testing, OTHER, "duty_desk") == "unanswered", "nor does anybody at the duty desk")
    assert state(testing, GOOD) == "answered"
    assert flags(testing, placed[GOOD]) == ["no_escalation"]
    assert flags(testing, placed[SLOW]) == ["handler_unreachable", "no_escalation"]
    assert flags(testing, placed[UNLISTED]) == ["no_handler_endpoint", "no_escalation"]
    told = {one["court"]: one["unreachable"] for one in shown(testing)["courts"]}
    assert told == {GOOD: 0, SLOW: 1, UNLISTED: 1}
    assert len(asked_of(testing, SLOW)) == 1
