"""The door over real HTTP: who comes in, what they may say, and that it is on record before they are told so."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.connectors.door.running import ANSWERS_ONLY, NOW, OTHER, OURS, Door, KnownHits, opened
from tests.stream.core.confirmations import HIT

OTHERS_HIT, NOBODYS_HIT = "1b671a64-40d5-591e-99b0-da01ff1f3341", "2b671a64-40d5-591e-99b0-da01ff1f3341"
HITS = KnownHits({HIT: OURS, OTHERS_HIT: OTHER})


@pytest.fixture
async def door(kafka: str, topic_prefix: str) -> AsyncIterator[Door]:
    async with opened(kafka, topic_prefix, HITS) as door:
        yield door


async def test_an_answer_is_on_record_with_the_court_of_its_token(door: Door) -> None:
    sent = {
        "answer": "needs_minutes",
        "minutes": 20,
        "note": "在途",
        "by": {"name": "李法官", "role": "承办法官", "court": OTHER},
        "id": "mine",
        "at": "1999-01-01",
        "later": {"a": 1},
    }
    taken = await door.post(HIT.upper(), sent)
    assert taken.status == 202
    (stored,) = door.confirmations()
    assert (stored.id, stored.hit_id, stored.at) == (taken.body["id"], HIT, NOW)
    assert (stored.by.court, stored.by.name, stored.minutes) == (OURS, "李法官", 20)
    assert stored.model_extra == {"later": {"a": 1}}


async def test_a_repeat_under_the_same_key_is_the_same_answer_and_another_content_is_refused(door: Door) -> None:
    first, again = await door.post(HIT, {"answer": "executed"}), await door.post(HIT, {"answer": "executed"})
    assert first.body == again.body
    assert (await door.post(HIT, {"answer": "not_same"})).status == 422
    other = await door.post(HIT, {"answer": "not_same"}, key="k-2")
    assert other.body["id"] != first.body["id"]
    assert {stored.id for stored in door.confirmations()} == {first.body["id"], other.body["id"]}


async def test_another_courts_hit_and_one_that_is_none_answer_alike(door: Door) -> None:
    answers = [
        await door.post(hit, {"answer": "executed"}, **{"X-Request-Id": "r"}) for hit in (OTHERS_HIT, NOBODYS_HIT, "no-hit")
    ]
    assert {answer.status for answer in answers} == {404}
    assert answers[0].body == answers[1].body == answers[2].body
    assert door.confirmations() == []
    assert (await door.post(OTHERS_HIT, {"answer": "executed"}, OTHER)).status == 202


async def test_whoever_asks_is_told_who_they_are_and_what_is_open_to_them(door: Door) -> None:
    ours, answers = await door.get("/v1/me"), await door.get("/v1/me", ANSWERS_ONLY)
    assert (ours.body["id"], ours.body["operations"]["put_order"]) == (OURS, "court")
    assert answers.body["grants"] == [{"role": "court_reply", "court": ANSWERS_ONLY, "province": None, "station": None}]
    assert answers.body["operations"] == {"confirm_hit": "court", "who_am_i": "all"}


@pytest.mark.parametrize("court", [None, "wrong", "ours-" * 7, "", "é"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_without_a_valid_token_nobody_comes_in(door: Door, court: str | None, method: str) -> None:
    path = "/v1/inbox" if method == "GET" else f"/v1/hits/{HIT}/confirmations"
    refused = await door.ask(method, path, court, None if method == "GET" else {"answer": "executed"}, {"Idempotency-Key": "k"})
    assert (refused.status, refused.headers["content-type"]) == (401, "application/problem+json")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert door.confirmations() == []


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ({"answer": "王伟"}, "body.answer: "),
        ({}, "body.answer: Field required"),
        ({"answer": "needs_minutes"}, "body: Value error, minutes are given with needs_minutes"),
        ({"answer": "executed", "minutes": 5}, "body: Value error, minutes are given with needs_minutes"),
        ({"answer": "executed", "note": "王伟" * 1001}, "body.note: "),
        ({"answer": "executed", "by": "王伟"}, "body.by: "),
        (b"{", "body.1: JSON decode error"),
        (b"\xff", ""),
        (b"[" * 10_000, ""),
        ([], "body: "),
        (b'{"answer": "executed", "note": "\\ud800"}', "body: a text in it has an unpaired surrogate"),
        (b"", "body: Field required"),
    ],
)
async def test_what_is_no_answer_is_told_why_and_not_repeated(door: Door, content: Any, detail: str) -> None:
    refused = await door.post(HIT, content)
    assert (refused.status, refused.headers["content-type"]) == (422, "application/problem+json")
    assert refused.body.get("detail", "").startswith(detail)
    assert "王伟" not in json.dumps(refused.body, ensure_ascii=False)


@pytest.mark.parametrize("key", ["", "x" * 129, "a b"])
async def test_a_write_needs_a_key(door: Door, key: str) -> None:
    refused = await door.post(HIT, {"answer": "executed"}, key=key)
    assert (refused.status, "Idempotency-Key" in refused.body["detail"]) == (422, True)


async def test_a_body_has_a_bound_whether_it_says_its_length_or_not(door: Door) -> None:
    large = b'{"answer": "executed", "later": "' + b"x" * 20_000 + b'"}'
    assert (await door.post(HIT, large)).status == 413

    async def drop_by_drop() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 1000):
            yield large[start : start + 1000]

    headers = {"Authorization": "Bearer " + "ours-" * 8, "Content-Type": "application/json", "Idempotency-Key": "k"}
    async with door.session.post(f"{door.url}/v1/hits/{HIT}/confirmations", data=drop_by_drop(), headers=headers) as response:
        assert response.status == 413
    assert door.confirmations() == []


async def test_problems_are_in_chinese_first_and_carry_the_requests_id(door: Door) -> None:
    chinese = await door.get("/v1/nothing", **{"X-Request-Id": "r-7"})
    assert (chinese.status, chinese.body["title"], chinese.body["request_id"]) == (404, "没有此资源", "r-7")
    assert (chinese.headers["x-request-id"], chinese.headers["content-language"]) == ("r-7", "zh")
    english = await door.get("/v1/nothing", **{"Accept-Language": "en-GB", "X-Request-Id": "not an id"})
    assert english.body["title"] == "There is no such thing here"
    assert re.fullmatch(r"[0-9a-f-]{36}", english.headers["x-request-id"])
    assert (await door.ask("DELETE", "/v1/inbox", OURS, None, {})).status == 405
    for hidden in ("/docs", "/redoc", "/openapi.json", "/v1/openapi.json"):
        assert (await door.get(hidden)).status == 404


async def test_a_court_that_asks_too_often_waits_and_no_other_does(kafka: str, topic_prefix: str) -> None:
    async with opened(kafka, topic_prefix, HITS, rate_per_s=0.01, rate_burst=2) as door:
        statuses = [(await door.post(HIT, {"answer": "executed"})).status for _ in range(3)]
        assert statuses == [202, 202, 429]
        waiting = await door.post(HIT, {"answer": "executed"})
        assert int(waiting.headers["retry-after"]) >= 1
        assert [(await door.get("/v1/inbox", "stranger" * 5)).status for _ in range(3)] == [401, 401, 429]
        assert (await door.post(OTHERS_HIT, {"answer": "executed"}, OTHER)).status == 202


async def test_what_is_told_of_a_request_holds_its_operation_and_nothing_that_was_sent(door: Door) -> None:
    await door.post(HIT, {"answer": "executed", "note": "王伟"})
    await door.get("/v1/inbox", "a-wrong-token")
    await door.get("/v1/王伟")
    assert [(one.operation, one.court, one.status, one.error) for one in door.told] == [
        ("confirm_hit", OURS, 202, None),
        ("fetch_inbox", None, 401, None),
        (None, None, 404, None),
    ]
    assert "王伟" not in repr(door.told)


async def test_an_error_that_nobody_foresaw_is_a_problem_without_its_words(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_hit_id: str) -> str:
        raise ZeroDivisionError("王伟")

    monkeypatch.setattr(HITS, "owner_of", broken)
    failed = await door.post(HIT, {"answer": "executed"})
    assert (failed.status, failed.body["title"]) == (500, "内部错误，已记录")
    assert door.told[-1].error == "ZeroDivisionError"
    assert "王伟" not in json.dumps(failed.body, ensure_ascii=False)


async def test_many_courts_answer_at_once_and_each_answer_is_on_record(door: Door) -> None:
    taken = await asyncio.gather(*(door.post(HIT, {"answer": "executed"}, key=f"k-{number}") for number in range(60)))
    assert {answer.status for answer in taken} == {202}
    assert {stored.id for stored in door.confirmations()} == {answer.body["id"] for answer in taken}
