"""The inbox, from a real Kafka over real HTTP: its own notifications, all of them, in order, once a cursor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from kafka import KafkaAdminClient, TopicPartition

from connectors.door.cursors import read_cursor, write_cursor
from connectors.kafka.records import Record
from connectors.kafka.topics import INBOX
from stream.core.notification import Notification
from tests.connectors.door.running import ANSWERS_ONLY, OTHER, OURS, Door, notification, opened


@pytest.fixture
async def door(kafka: str, topic_prefix: str) -> AsyncIterator[Door]:
    async with opened(kafka, topic_prefix) as door:
        yield door


async def test_a_court_reads_its_own_in_order_page_by_page_and_no_others(door: Door) -> None:
    ours = [notification(number) for number in range(7)]
    theirs = [notification(number) for number in range(100, 103)]
    for number, one in enumerate(ours):
        await door.store(one)
        await door.store(*theirs[number : number + 1], court=OTHER)
    read, path = [], "/v1/inbox?limit=3"
    for _ in range(3):
        page = await door.get(path)
        assert page.status == 200
        read += page.body["events"]
        path = f"/v1/inbox?limit=3&after={page.body['next']}"
    assert [event["id"] for event in read] == [one.id for one in ours]
    assert Notification.model_validate(read[0]) == ours[0]
    assert json.loads(ours[0].body()) == read[0]
    end = await door.get(path)
    assert (end.body["events"], end.body["more"]) == ([], False)
    others = await door.get("/v1/inbox", OTHER)
    assert [event["id"] for event in others.body["events"]] == [one.id for one in theirs]


async def test_another_courts_cursor_shows_ones_own_only(door: Door) -> None:
    await door.store(notification(1), notification(2))
    await door.store(notification(3), court=OTHER)
    theirs = (await door.get("/v1/inbox?limit=1", OTHER)).body["next"]
    start = write_cursor(dict.fromkeys(read_cursor(theirs), 0))
    page = await door.get(f"/v1/inbox?after={start}")
    assert [event["id"] for event in page.body["events"]] == [notification(1).id, notification(2).id]


async def test_who_waits_is_told_as_soon_as_something_comes(door: Door) -> None:
    cursor = (await door.get("/v1/inbox")).body["next"]
    waiting = asyncio.create_task(door.get(f"/v1/inbox?after={cursor}&wait=30"))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await door.store(notification(5), court=OTHER)
    await door.store(notification(6))
    page = await asyncio.wait_for(waiting, 15)
    assert [event["id"] for event in page.body["events"]] == [notification(6).id]


async def test_a_wait_for_nothing_ends_with_an_empty_page(door: Door) -> None:
    page = await door.get("/v1/inbox?wait=0.3")
    assert (page.status, page.body["events"]) == (200, [])
    await door.store(notification(1))
    assert len((await door.get(f"/v1/inbox?after={page.body['next']}")).body["events"]) == 1


async def test_more_may_wait_than_read_at_once(door: Door) -> None:
    waiting = [asyncio.create_task(door.get("/v1/inbox?wait=30")) for _ in range(30)]
    await asyncio.sleep(0.3)
    await door.store(notification(1))
    pages = await asyncio.wait_for(asyncio.gather(*waiting), 25)
    assert {len(page.body["events"]) for page in pages} == {1}


async def test_what_is_not_kept_any_more_is_said_with_where_to_go_on(door: Door) -> None:
    first = (await door.get("/v1/inbox")).body["next"]
    await door.store(*(notification(number) for number in range(5)))
    admin = KafkaAdminClient(bootstrap_servers=door.kafka.bootstrap)
    topic = door.kafka.topic(INBOX)
    read = read_cursor((await door.get("/v1/inbox?limit=3")).body["next"])
    cut = {TopicPartition(topic, partition): offset for partition, offset in read.items() if offset}
    await asyncio.to_thread(admin.delete_records, cut)
    admin.close()
    gone = await door.get(f"/v1/inbox?after={first}", **{"Accept-Language": "en"})
    assert (gone.status, gone.headers["content-type"]) == (410, "application/problem+json")
    assert "no longer kept" in gone.body["title"]
    page = await door.get(f"/v1/inbox?after={gone.body['resume_after']}")
    assert [event["id"] for event in page.body["events"]] == [notification(number).id for number in (3, 4)]
    beyond = await door.get(f"/v1/inbox?after={write_cursor({0: 10**9, 1: 0})}")
    assert beyond.status == 410


async def test_what_is_no_event_bars_nothing(door: Door) -> None:
    await door.store(notification(1))
    await door.records.send_soon([Record(INBOX, OURS.encode(), b"{"), Record(INBOX, OURS.encode(), b"[1]")])
    await door.store(notification(2))
    page = await door.get("/v1/inbox")
    assert [event["id"] for event in page.body["events"]] == [notification(number).id for number in (1, 2)]


@pytest.mark.parametrize(
    "query", ["after=x", "after=v1.e30x", "limit=0", "limit=1001", "wait=-1", "wait=61", "limit=many", "wait=nan"]
)
async def test_a_question_that_is_not_right_is_told_why(door: Door, query: str) -> None:
    refused = await door.get(f"/v1/inbox?{query}")
    assert refused.status == 422
    assert refused.body["detail"].startswith(f"query.{query.partition('=')[0]}: ")


async def test_who_may_only_answer_fetches_nothing(door: Door) -> None:
    assert (await door.get("/v1/inbox", ANSWERS_ONLY)).status == 403
