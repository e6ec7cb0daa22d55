"""Kafka goes away: nobody is told that an answer is on record, and it goes on by itself."""

from __future__ import annotations

import asyncio

from deploy.local.stack import Stack
from tests.connectors.door.running import OURS, KnownHits, notification, opened
from tests.stream.core.confirmations import HIT


async def test_while_kafka_is_away_the_door_says_so_and_a_repeat_is_the_same_answer(
    private_stack: Stack, topic_prefix: str
) -> None:
    addresses = private_stack.find()
    assert addresses is not None
    async with opened(addresses.kafka, topic_prefix, KnownHits({HIT: OURS}), request_s_max=2.0) as door:
        await door.store(notification(1))
        before = await door.get("/v1/inbox")
        await asyncio.to_thread(private_stack.kafka.kill)
        away = await door.post(HIT, {"answer": "executed"})
        assert (away.status, away.headers["retry-after"]) == (503, "5")
        assert (await door.get(f"/v1/inbox?after={before.body['next']}")).status == 503
        await asyncio.to_thread(private_stack.up, lambda _: None)
        for _ in range(30):
            back = await door.post(HIT, {"answer": "executed"})
            if back.status == 202:
                break
        assert back.status == 202
        assert {stored.id for stored in door.confirmations()} == {back.body["id"]}
        await door.store(notification(2))
        page = await door.get(f"/v1/inbox?after={before.body['next']}&wait=20")
        assert [event["id"] for event in page.body["events"]] == [notification(2).id]
