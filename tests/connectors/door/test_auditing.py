"""Every request to the door is on the audit record before its answer leaves, and nothing is done that is not."""

from __future__ import annotations

import asyncio

from connectors.audit.log import AuditLog
from deploy.local.stack import Stack
from stream.core.audit.verification import verify
from tests.connectors.door.running import ANSWERS_ONLY, OURS, KnownHits, notification, opened
from tests.stream.core.audit.logs import KEYS
from tests.stream.core.confirmations import HIT


async def test_what_is_done_and_what_is_refused_is_on_record_with_who_what_and_whence(kafka: str, topic_prefix: str) -> None:
    async with opened(kafka, topic_prefix, KnownHits({HIT: OURS}), rate_per_s=0.01, rate_burst=5) as door:
        await door.store(notification(1))
        said = {"X-Request-Id": "r-1", "User-Agent": "court/1.0"}
        assert (await door.get("/v1/inbox", **said)).status == 200
        answer = {"answer": "executed", "by": {"name": "李法官"}}
        assert (await door.post(HIT, answer)).status == 202
        assert (await door.post(HIT.replace("9", "8"), answer)).status == 404
        assert (await door.post(HIT, {"answer": "perhaps"})).status == 422
        assert (await door.get("/v1/inbox", "a-wrong-token")).status == 401
        assert (await door.get("/v1/inbox", ANSWERS_ONLY)).status == 403
        assert (await door.get("/v1/nothing")).status == 404
        assert (await door.post(HIT, b"x" * 20_000)).status == 413
        assert (await door.get("/v1/inbox")).status == 200
        assert (await door.get("/v1/inbox")).status == 429
        entries = await asyncio.to_thread(door.audited)
        log = AuditLog(door.kafka)
    told = [(one.operation, one.who.id, one.outcome, one.status, one.object and one.object.id) for one in entries]
    other = HIT.replace("9", "8")
    assert told == [
        ("fetch_inbox", OURS, "done", 200, OURS),
        ("confirm_hit", OURS, "begun", None, HIT),
        ("confirm_hit", OURS, "done", 202, HIT),
        ("confirm_hit", OURS, "begun", None, other),
        ("confirm_hit", OURS, "refused", 404, other),
        ("confirm_hit", OURS, "begun", None, HIT),
        ("confirm_hit", OURS, "refused", 422, HIT),
        ("fetch_inbox", None, "refused", 401, None),
        ("fetch_inbox", ANSWERS_ONLY, "refused", 403, None),
        ("none", None, "refused", 404, None),
        ("none", None, "refused", 413, None),
        ("fetch_inbox", OURS, "done", 200, OURS),
        ("fetch_inbox", OURS, "refused", 429, None),
    ]
    first, _, done = entries[:3]
    assert (first.who.role, first.who.credential) == ("court_system", f"{OURS}.token")
    assert (first.address, first.user_agent, first.request_id) == ("127.0.0.1", "court/1.0", "r-1")
    assert (first.detail or "").startswith("1 notifications, from the beginning to v1.")
    assert done.who.on_behalf_of == "李法官"
    assert entries[7].who.kind == "stranger"
    result = await asyncio.to_thread(verify, log.records, KEYS)
    assert (result.faults, result.checkpoints, result.uncovered) == ((), 1, 0)


async def test_while_the_log_is_frozen_the_door_refuses_and_does_nothing(private_stack: Stack, topic_prefix: str) -> None:
    addresses = private_stack.find()
    assert addresses is not None
    async with opened(addresses.kafka, topic_prefix) as door:
        await door.store(notification(1))
        assert (await door.get("/v1/inbox")).status == 200
        await asyncio.to_thread(private_stack.kafka.pause)
        answers = await asyncio.gather(
            door.post(HIT, {"answer": "executed"}), door.get("/v1/inbox", "a-wrong-token"), door.get("/v1/nothing")
        )
        assert [(one.status, one.headers["content-type"]) for one in answers] == [(503, "application/problem+json")] * 3
        assert all(one.headers["retry-after"] == "5" and one.headers["x-request-id"] for one in answers)
        await asyncio.to_thread(private_stack.kafka.resume)
        for _ in range(30):
            back = await door.get("/v1/nothing")
            if back.status == 404:
                break
        assert back.status == 404
        assert door.confirmations() == []
        result = await asyncio.to_thread(verify, AuditLog(door.kafka).records, KEYS)
        assert result.faults == ()
        assert len(result.heads) >= 2
