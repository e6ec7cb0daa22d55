"""Provincial rules at the door: each side of a province changes its own, by what it read, and nobody widens."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stream.core.authority import Grant, Principal, Role
from tests.connectors.door.running import OURS, Answered, Door, now, opened
from watchlists.rules import MARGIN

COURTS, POLICE, NEIGHBOUR = "supervisor-44-" * 4, "police-44-" * 4, "supervisor-31-" * 4
RULES = {"narrow": [{"rule": "return"}], "response": {"urgent_minutes": 5, "routine_minutes": 30}}
FIRST = {"If-None-Match": "*"}


def _of(role: Role, province: str) -> Principal:
    return Principal(f"{role}-{province}", (Grant(role, province=province),), machine=False)


WHO = {COURTS: _of(Role.SUPERVISOR, "44"), NEIGHBOUR: _of(Role.SUPERVISOR, "31"), POLICE: _of(Role.POLICE, "44")}


@pytest.fixture
async def door(kafka: str, topic_prefix: str) -> AsyncIterator[Door]:
    async with opened(kafka, topic_prefix, people=WHO, clock=now) as door:
        yield door


async def put(door: Door, who: str, side: str, rules: Any, province: str = "44", **headers: str) -> Answered:
    return await door.ask("PUT", f"/v1/rules/{province}/{side}", who, {"reason": "值班调整", "rules": rules}, headers)


async def test_S5_3_a_version_is_on_record_with_who_made_it_and_when_it_counts(door: Door) -> None:
    made = await put(door, COURTS, "court", RULES, **FIRST)
    assert (made.status, made.headers["etag"]) == (200, '"44.court.1"')
    assert (made.body["by"], made.body["reason"]) == ({"id": "supervisor-44", "role": "supervisor"}, "值班调整")
    counts_from = dt.datetime.fromisoformat(made.body["counts_from"])
    assert counts_from > dt.datetime.fromisoformat(made.body["at"]) + MARGIN
    shown = await door.get(f"/v1/rules/44?at={(counts_from + dt.timedelta(days=1)).isoformat().replace('+', '%2B')}")
    effective = shown.body["effective"]
    assert effective["version"].endswith("+44.court.1")
    rules = {rule["id"]: rule for rule in effective["rules"]}
    assert [taken["side"] for taken in rules["return"]["taken_away"]] == ["court"]
    assert (rules["exit"]["taken_away"], rules["exit"]["respond_within_minutes"]) == ([], 5)
    assert shown.body["court"]["counting"] == shown.body["court"]["newest"] == made.body
    before = await door.get("/v1/rules/44")
    assert before.body["court"]["counting"] is None
    assert "+" not in before.body["effective"]["version"]
    begun, done = [entry for entry in door.audited() if entry.operation == "change_court_rules"]
    assert begun.outcome == "begun"
    assert (done.who.id, done.outcome, done.object and done.object.id) == ("supervisor-44", "done", "44.court")
    assert done.detail == f"version 1, counts from {counts_from.isoformat()}"


async def test_S5_3_each_side_changes_its_own_and_nobody_another_provinces(door: Door) -> None:
    assert (await put(door, POLICE, "police", {"narrow": []}, **FIRST)).status == 200
    assert (await put(door, POLICE, "court", RULES, **FIRST)).status == 403
    assert (await put(door, COURTS, "police", {"narrow": []}, **FIRST)).status == 403
    assert (await put(door, OURS, "court", RULES, **FIRST)).status == 403
    assert (await put(door, NEIGHBOUR, "court", RULES, **FIRST)).status == 404
    assert (await put(door, COURTS, "court", RULES, province="00", **FIRST)).status == 404
    assert [one["side"] for one in (await door.get("/v1/rules/44/history")).body["items"]] == ["police"]


async def test_S5_3_what_would_widen_is_refused_with_every_place_and_nothing_is_stored(door: Door) -> None:
    wide = {"narrow": [{"rule": "hotel"}], "response": {"urgent_minutes": 60, "routine_minutes": 60}, "escalation": []}
    refused = await put(door, COURTS, "court", wide, **FIRST)
    assert (refused.status, refused.body["type"]) == (422, "urn:chakong:problem:widens")
    places = [place.partition(": ")[0] for place in refused.body["widens"]]
    assert places == ["body.rules.narrow[0].rule", "body.rules.response.urgent_minutes", "body.rules.escalation"]
    others = await put(door, POLICE, "police", {"narrow": [], "group_minutes": 0}, **FIRST)
    assert (others.status, len(others.body["widens"])) == (422, 1)
    for said in ({"narrow": [], "rule": []}, {}, {"narrow": [{"rule": "exit", "instruction": "report_only"}]}):
        assert (await put(door, COURTS, "court", said, **FIRST)).body["type"] == "urn:chakong:problem:invalid"
    assert (await door.get("/v1/rules/44/history")).body == {"items": [], "next": None}


async def test_S5_3_a_change_is_of_the_version_that_was_read(door: Door) -> None:
    assert (await put(door, COURTS, "court", RULES)).status == 428
    both = await asyncio.gather(*(put(door, COURTS, "court", RULES, **FIRST) for _ in range(2)))
    assert sorted(answer.status for answer in both) == [200, 412]
    assert (await put(door, COURTS, "court", RULES, **{"If-Match": '"44.court.7"'})).status == 412
    second = await put(door, COURTS, "court", {"narrow": []}, **{"If-Match": '"44.court.1"'})
    assert (second.status, second.headers["etag"]) == (200, '"44.court.2"')
    first_page = (await door.get("/v1/rules/44/history?limit=1")).body
    last_page = (await door.get(f"/v1/rules/44/history?limit=1&after={first_page['next']}")).body
    assert [one["version"] for page in (first_page, last_page) for one in page["items"]] == [1, 2]
    assert last_page["next"] is None


async def test_S5_3_nothing_counts_for_what_was_judged_already(door: Door) -> None:
    past = {"reason": "r", "rules": RULES, "effective_from": (now() - dt.timedelta(seconds=1)).isoformat()}
    refused = await door.ask("PUT", "/v1/rules/44/court", COURTS, past, FIRST)
    assert (refused.status, "effective_from" in refused.body["detail"]) == (422, True)


async def test_S3_1_a_liaison_is_shown_to_whoever_may_read_the_rules_and_stands_in_no_log(door: Door) -> None:
    contact = {"court": OURS, "station": None, "name": "王联络", "phone": "020-00000001"}
    made = await put(door, COURTS, "court", {"narrow": [], "liaison": [contact]}, **FIRST)
    later = (dt.datetime.fromisoformat(made.body["counts_from"])).isoformat().replace("+", "%2B")
    assert (await door.get(f"/v1/rules/44?at={later}")).body["effective"]["liaison"] == [contact]
    assert "王联络" not in repr((door.told, door.audited()))
