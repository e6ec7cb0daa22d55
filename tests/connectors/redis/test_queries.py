"""Where questions and answers stand, in a real Redis: in any order, again, and nothing of whom they are about."""

from __future__ import annotations

import itertools

import pytest
import redis.asyncio

from connectors.kafka.topics import QUERIES, QUERY_ANSWERS
from connectors.redis.queries import QueriesView
from stream.core.question import ANSWERED_WITHIN, Answer
from tests.factory import ID
from tests.stream.core.cases import AT, CASE_ID, question

ANSWER = Answer(query_id=question().id, answered_at=AT, court="440106", outcome="complete")


@pytest.fixture
def view(client: redis.asyncio.Redis, namespace: str) -> QueriesView:
    return QueriesView(client, namespace)


async def test_in_any_order_and_again_the_first_of_each_counts(client: redis.asyncio.Redis, namespace: str) -> None:
    for number, order in enumerate(itertools.permutations("qaqa")):
        view, seen = QueriesView(client, f"{namespace}{number}"), {"q": 0, "a": 0}
        for one in order:
            seen[one] += 1
            place = (1, seen[one])
            if one == "q":
                await view.take(QUERIES, 1, seen[one] + 1, [(question(), "content", place)], [])
            else:
                await view.take(QUERY_ANSWERS, 1, seen[one] + 1, [], [(ANSWER, place)])
        asked, answer = await view.known(question().id)
        assert asked is not None
        assert (asked.place, asked.case_id, asked.content, answer) == ((1, 1), CASE_ID, "content", (1, 1))
        assert asked.owner == ("440106", "44", None, "李法官")
        assert (await view.positions(QUERIES), await view.positions(QUERY_ANSWERS)) == ({1: 3}, {1: 3})


async def test_nothing_personal_stands_there_and_it_goes_when_the_log_lets_go(
    view: QueriesView, client: redis.asyncio.Redis, namespace: str
) -> None:
    await view.take(QUERIES, 0, 1, [(question(), "content", (0, 0))], [])
    name = f"{namespace}:queries:of:{question().id}"
    assert ID.encode() not in b"".join((await client.hgetall(name)).values())
    assert 0 < await client.ttl(name) <= ANSWERED_WITHIN.total_seconds()
    assert await view.known("another") == (None, None)


async def test_a_wiped_view_holds_nothing(view: QueriesView, client: redis.asyncio.Redis, namespace: str) -> None:
    await view.take(QUERIES, 0, 1, [(question(), "content", (0, 0))], [])
    await view.wipe()
    assert await client.keys(f"{namespace}:*") == []
