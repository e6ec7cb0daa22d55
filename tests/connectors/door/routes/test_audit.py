"""Auditors at the door: they seek, have records proved and the log verified, and what they do is on the log."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from connectors.door.tokens import Entry, Tokens
from stream.core.audit.proof import Proof, refutation
from stream.core.authority import Grant, Principal, Role
from tests.connectors.door.running import OURS, Answered, Door, opened
from tests.stream.core.audit.logs import KEYS

AUDITOR, COURT = "auditor-" * 5, "court-" * 6
WHO = Tokens(
    [
        Entry(AUDITOR, Principal("auditor", (Grant(Role.AUDITOR),))),
        Entry(COURT, Principal(OURS, (Grant(Role.COURT_SYSTEM, OURS),))),
    ]
)


@pytest.fixture
async def door(kafka: str, topic_prefix: str) -> AsyncIterator[Door]:
    async with opened(kafka, topic_prefix, identities=WHO, audit_s_max=20.0) as door:
        yield door


async def seek(door: Door, query: str = "") -> Answered:
    return await door.get(f"/v1/audit{query}", AUDITOR)


async def test_S5_2_an_auditor_finds_what_was_done_and_is_found_too(door: Door) -> None:
    for path in ("/v1/me", "/v1/inbox", "/v1/audit"):
        await door.get(path, COURT)
    await door.get("/v1/me", "nobody" * 8)
    refused = await seek(door, f"?who={OURS}&outcome=refused")
    assert [(one["operation"]["operation"], one["operation"]["status"]) for one in refused.body["items"]] == [
        ("search_audit", 403)
    ]
    inbox = await seek(door, f"?object={OURS}&operation=fetch_inbox")
    assert [one["operation"]["object"] for one in inbox.body["items"]] == [{"kind": "inbox", "id": OURS}]
    own = await seek(door, "?who=auditor")
    assert [one["operation"]["detail"] for one in own.body["items"]] == [
        f"1 records of who {OURS}, outcome refused",
        f"1 records of operation fetch_inbox, object {OURS}",
    ]


async def test_S5_2_pages_follow_their_cursor_to_the_end(door: Door) -> None:
    for _ in range(7):
        await door.get("/v1/me", COURT)
    first = await seek(door, "?limit=3&operation=who_am_i")
    names = [(one["writer"], one["sequence"]) for one in first.body["items"]]
    after = first.body["next"]
    while after is not None:
        page = await seek(door, f"?limit=3&operation=who_am_i&after={after}")
        names += [(one["writer"], one["sequence"]) for one in page.body["items"]]
        after = page.body["next"]
    assert len(names) == len(set(names)) == 7


async def test_S5_2_a_record_is_proved_over_the_api_and_checked_without_it(door: Door) -> None:
    await door.get("/v1/me", COURT)
    (record,) = (await seek(door, "?operation=who_am_i")).body["items"]
    path = f"/v1/audit/{record['writer']}/{record['sequence']}/proof"
    not_yet = await door.get(path, AUDITOR)
    assert (not_yet.status, not_yet.body["type"]) == (409, "urn:chakong:problem:not_covered")
    for wrong in (
        path.replace(str(record["sequence"]) + "/proof", "999/proof"),
        f"/v1/audit/{'0' * 32}/0/proof",
        "/v1/audit/x/0/proof",
    ):
        assert (await door.get(wrong, AUDITOR)).status == 404
    assert (await door.get(path, COURT)).status == 403


async def test_S5_2_a_covered_record_has_a_proof(kafka: str, topic_prefix: str) -> None:
    async with opened(kafka, topic_prefix, identities=WHO, audit_s_max=20.0) as door:
        await door.get("/v1/me", COURT)
    async with opened(kafka, topic_prefix, identities=WHO, audit_s_max=20.0) as door:
        (record,) = (await seek(door, "?operation=who_am_i")).body["items"]
        answer = await door.get(f"/v1/audit/{record['writer']}/{record['sequence']}/proof", AUDITOR)
        assert answer.status == 200
        proof = Proof.model_validate(answer.body)
        assert refutation(proof, KEYS) is None
        assert json.loads(proof.record) == record
        (entry,) = [one for one in door.audited() if one.operation == "prove_audit"]
        assert entry.object is not None
        assert (entry.object.kind, entry.object.id) == ("audit record", f"{record['writer']}/{record['sequence']}")


async def test_S5_2_the_log_is_verified_over_the_api(door: Door) -> None:
    await door.get("/v1/me", COURT)
    found = await door.ask("POST", "/v1/audit/verifications", AUDITOR, {}, {})
    assert (found.status, found.body["whole"], found.body["faults"]) == (200, True, [])
    again = await door.ask("POST", "/v1/audit/verifications", AUDITOR, {"known": found.body["heads"]}, {})
    assert again.body["faults"] == []
    gone = {"writer": "0" * 32, "sequence": 5, "sha256": "0" * 64}
    missed = await door.ask("POST", "/v1/audit/verifications", AUDITOR, {"known": [gone]}, {})
    assert [(one["fault"], one["writer"]) for one in missed.body["faults"]] == [("truncated", "0" * 32)]
    part = await door.ask("POST", "/v1/audit/verifications", AUDITOR, {"since": "2026-11-24T00:00:00+08:00"}, {})
    assert (part.status, part.body["whole"]) == (200, False)


async def test_S5_2_what_cannot_be_sought_is_refused(door: Door) -> None:
    wrong = ("limit=0", "limit=1001", "after=x", "since=2026-11-24", "outcome=perhaps", f"who={'x' * 257}", "object=")
    assert [(await seek(door, f"?{query}")).status for query in wrong] == [422] * len(wrong)


async def test_S5_2_times_have_an_offset(door: Door) -> None:
    await door.get("/v1/me", COURT)
    since = quote("2026-11-24T00:00:00+08:00")
    assert (await seek(door, f"?since={since}&operation=who_am_i")).status == 200
    assert (await seek(door, f"?until={quote('2020-01-01T00:00:00+00:00')}")).body == {"items": [], "next": None}
