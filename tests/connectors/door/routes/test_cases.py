"""Cases in and out over the door (S2.1.1): whole, by versions, and each court its own."""

from __future__ import annotations

import pytest

from tests.connectors.door.routes.conftest import (
    AUDITOR,
    CLERK,
    ELSEWHERE,
    HANDLER,
    OTHER_HANDLER,
    POLICE,
    STATION,
    SUPERVISOR,
    Platforms,
)
from tests.connectors.door.running import OTHER, OURS
from tests.factory import ID
from tests.stream.core.cases import CASE_ID, case_facts

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_S2_1_1_a_case_is_put_and_got_with_all_that_the_article_lists(platforms: Platforms) -> None:
    facts = case_facts()
    taken = await platforms.put(f"/v1/cases/{CASE_ID}", facts)
    assert (taken.status, taken.body, taken.headers["etag"]) == (
        202,
        {"id": CASE_ID, "version": 1, "status": "accepted"},
        '"1"',
    )
    got = await platforms.door.get(f"/v1/cases/{CASE_ID}")
    assert (got.status, got.headers["etag"], got.headers["cache-control"]) == (200, '"1"', "no-store")
    for name in ("number", "filed_on", "status", "claim_amount", "version"):
        assert got.body[name] == facts[name]
    assert (got.body["court"]["code"], got.body["parties"][0]["name"], got.body["parties"][0]["number"]) == (OURS, "王伟", ID)


async def test_a_case_is_changed_only_by_whoever_knows_its_version_and_only_upwards(platforms: Platforms) -> None:
    id_ = await platforms.put_case(version=3)
    facts = (await platforms.door.get(f"/v1/cases/{id_}")).body
    path, newer = f"/v1/cases/{id_}", {**facts, "version": 4}
    refused = [
        await platforms.door.ask("PUT", path, OURS, newer, {}),
        await platforms.put(path, newer),
        await platforms.put(path, newer, **{"If-Match": '"2"'}),
        await platforms.put(path, facts, **{"If-Match": '"3"'}),
        await platforms.put(path, {**facts, "version": 2}, **{"If-Match": '"3"'}),
    ]
    assert [(one.status, one.body["type"].rpartition(":")[2]) for one in refused] == [
        (428, "precondition_required"),
        (412, "precondition_failed"),
        (412, "precondition_failed"),
        (409, "stale_version"),
        (409, "stale_version"),
    ]
    assert (await platforms.put(path, newer, **{"If-Match": '"3"'})).status == 202
    assert (await platforms.door.get(path)).headers["etag"] == '"4"'


async def test_who_may_see_a_case(platforms: Platforms) -> None:
    id_ = await platforms.put_case()
    statuses = {
        who: (await platforms.door.get(f"/v1/cases/{id_}", who)).status
        for who in (CLERK, HANDLER, OTHER_HANDLER, POLICE, SUPERVISOR, ELSEWHERE, STATION, AUDITOR, OTHER)
    }
    assert statuses == {
        CLERK: 200,
        HANDLER: 200,
        OTHER_HANDLER: 404,
        POLICE: 200,
        SUPERVISOR: 200,
        ELSEWHERE: 404,
        STATION: 403,
        AUDITOR: 403,
        OTHER: 404,
    }


async def test_nobody_puts_a_case_of_another_court(platforms: Platforms) -> None:
    facts = case_facts(number="(2026)粤0106执7号")
    for who, status in ((OTHER, 404), (HANDLER, 403), (POLICE, 403)):
        assert (await platforms.put(f"/v1/cases/{CASE_ID}", facts, who)).status == status


async def test_the_path_and_the_body_name_one_case(platforms: Platforms) -> None:
    refused = await platforms.put(f"/v1/cases/{CASE_ID}", case_facts(number="(2026)粤0106执8号"))
    assert (refused.status, refused.body["detail"].startswith("path.case_id")) == (422, True)
    assert (await platforms.door.get("/v1/cases/not-an-id")).status == 404
    incomplete = await platforms.put(f"/v1/cases/{CASE_ID}", {"number": "x", "parties": [{"number": ID}]})
    assert incomplete.status == 422
    assert ID not in str(incomplete.body)
