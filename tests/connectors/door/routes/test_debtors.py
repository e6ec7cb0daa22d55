"""The list of dishonest judgment debtors over the door (S2.1.2)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from connectors.kafka.topics import HITS, INBOX
from tests.connectors.door.routes.conftest import CLERK, ELSEWHERE, HANDLER, POLICE, STATION, SUPERVISOR, Platforms
from tests.connectors.door.running import OTHER, OURS, Answered
from tests.factory import resident_id
from tests.stream.core.cases import CODE, debtor_facts, organisation_fields, party_fields

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def put(platforms: Platforms, number: str, who: str = OURS, **changes: Any) -> str:
    id_ = str(uuid.uuid4())
    taken = await platforms.put(f"/v1/debtors/{id_}", debtor_facts(party=party_fields(None, number), **changes), who)
    assert taken.status == 202, taken.body
    return id_


async def find(platforms: Platforms, number: str, who: str = OURS, type_: str = "resident_id", query: str = "") -> Answered:
    return await platforms.post(f"/v1/debtors/search{query}", {"party": {"type": type_, "number": number}}, who)


async def test_S2_1_2_a_debtor_is_listed_found_with_the_conduct_and_removed(platforms: Platforms) -> None:
    number = resident_id(101)
    id_ = await put(platforms, number)
    (found,) = (await find(platforms, number)).body["items"]
    assert (found["id"], found["conduct"], found["claim_amount"]) == (id_, "有履行能力而拒不履行", "350000.00")
    assert (found["number"], found["filed_on"], found["status"]) == ("(2026)粤0106执1234号", "2026-03-02", "open")
    gone = await platforms.door.ask("DELETE", f"/v1/debtors/{id_}", OURS, None, {"If-Match": '"1"'})
    assert (gone.status, gone.body["version"]) == (202, 2)
    assert (await find(platforms, number)).body == {"items": [], "next": None}
    again = await platforms.door.ask("DELETE", f"/v1/debtors/{id_}", OURS, None, {"If-Match": '"2"'})
    assert again.status == 404
    facts = debtor_facts(party=party_fields(None, number))
    assert (await platforms.put(f"/v1/debtors/{id_}", facts)).status == 409
    assert (await platforms.put(f"/v1/debtors/{id_}", facts | {"version": 3})).status == 202
    assert len((await find(platforms, number)).body["items"]) == 1


async def test_S2_1_2_an_organisation_is_found_by_its_code(platforms: Platforms) -> None:
    id_ = str(uuid.uuid4())
    await platforms.put(f"/v1/debtors/{id_}", debtor_facts(party=organisation_fields(None)))
    found = await find(platforms, CODE.lower(), type_="organisation_code")
    assert [one["id"] for one in found.body["items"]] == [id_]


async def test_S2_1_2_each_sees_as_far_as_the_matrix_reaches(platforms: Platforms) -> None:
    number = resident_id(102)
    ours = await put(platforms, number)
    theirs = await put(platforms, number, OTHER, court={"code": OTHER, "province": "31"})
    seen = {
        who: {one["id"] for one in (await find(platforms, number, who)).body["items"]}
        for who in (OURS, OTHER, CLERK, HANDLER, POLICE, SUPERVISOR, ELSEWHERE)
    }
    both = {ours, theirs}
    assert seen == {
        OURS: {ours},
        OTHER: {theirs},
        CLERK: {ours},
        HANDLER: {ours},
        POLICE: both,
        SUPERVISOR: {ours},
        ELSEWHERE: {theirs},
    }
    assert (await find(platforms, number, STATION)).status == 403
    others = debtor_facts(court={"code": OTHER}, version=5)
    assert (await platforms.put(f"/v1/debtors/{ours}", others, OTHER)).status == 404


async def test_many_entries_come_in_pages(platforms: Platforms) -> None:
    number = resident_id(103)
    ids = sorted([await put(platforms, number) for _ in range(5)])
    read, query = [], "?limit=2"
    while True:
        page = (await find(platforms, number, query=query)).body
        read += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        query = f"?limit=2&after={page['next']}"
    assert read == ids


async def test_S2_1_2_the_list_raises_no_hit_and_tells_no_court(platforms: Platforms) -> None:
    number = resident_id(104)
    await put(platforms, number)
    await find(platforms, number)
    assert platforms.count(HITS) == platforms.count(INBOX) == 0


async def test_whom_somebody_looked_for_is_in_no_log_and_no_url(platforms: Platforms) -> None:
    number = resident_id(105)
    await find(platforms, number)
    assert number not in str(platforms.door.told)
    (searched, *_) = [entry for entry in reversed(platforms.door.audited()) if entry.operation == "find_debtors"]
    assert number not in searched.model_dump_json()
    assert searched.detail == "0 entries"
