"""Judgments in electronic form over the door (S2.1.3): by digest, of a case, to whoever may see that case."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import pytest

from tests.connectors.door.routes.conftest import CLERK, ELSEWHERE, HANDLER, OTHER_HANDLER, POLICE, STATION, Platforms
from tests.connectors.door.running import OTHER, OURS
from tests.stream.core.cases import COURT
from tests.stream.core.cases import HANDLER as IN_CHARGE

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def stored(platforms: Platforms) -> tuple[str, bytes]:
    document = f"%PDF-1.7 {uuid.uuid4()}".encode()
    return platforms.documents.add(document), document


def facts(case_id: str, **changes: Any) -> dict[str, Any]:
    return {"version": 1, "court": COURT, "handler": IN_CHARGE, "case_id": case_id, "kind": "civil_judgment", **changes}


async def test_S2_1_3_a_judgment_is_fetched_by_its_digest_as_it_was_sealed(platforms: Platforms) -> None:
    case_id, (digest, document) = await platforms.put_case(), await stored(platforms)
    assert (await platforms.put(f"/v1/judgments/{digest}", facts(case_id))).status == 202
    headers = {"Authorization": f"Bearer {CLERK}"}
    async with platforms.door.session.get(f"{platforms.door.url}/v1/judgments/{digest}", headers=headers) as got:
        assert (got.status, got.headers["content-type"], await got.read()) == (200, "application/pdf", document)
        assert (got.headers["cache-control"], got.headers["etag"]) == ("no-store", '"1"')
    said = await platforms.door.get(f"/v1/judgments/{digest}", Accept="application/json")
    assert (said.body["case_id"], said.body["sha256"], said.body["kind"]) == (case_id, digest, "civil_judgment")
    fetched = [one for one in platforms.door.audited() if one.operation == "get_judgment" and one.detail is not None]
    assert fetched[-1].object is not None
    assert (fetched[-1].object.kind, fetched[-1].object.id) == ("judgment", digest)


async def test_S2_1_3_only_who_may_see_the_case_may_fetch_it(platforms: Platforms) -> None:
    case_id, (digest, _) = await platforms.put_case(), await stored(platforms)
    await platforms.put(f"/v1/judgments/{digest}", facts(case_id))
    statuses = {
        who: (await platforms.door.get(f"/v1/judgments/{digest}", who, Accept="application/json")).status
        for who in (HANDLER, OTHER_HANDLER, POLICE, ELSEWHERE, STATION, OTHER)
    }
    assert statuses == {HANDLER: 200, OTHER_HANDLER: 404, POLICE: 200, ELSEWHERE: 404, STATION: 403, OTHER: 404}


async def test_a_judgment_is_of_a_case_of_the_same_court_and_of_a_document_that_is_there(platforms: Platforms) -> None:
    case_id, (digest, _) = await platforms.put_case(), await stored(platforms)
    nothing = hashlib.sha256(b"nothing").hexdigest()
    assert (await platforms.put(f"/v1/judgments/{nothing}", facts(case_id))).body["type"].endswith("document_missing")
    assert (await platforms.put(f"/v1/judgments/{digest}", facts(str(uuid.uuid4())))).status == 404
    theirs = facts(case_id, court={"code": OTHER, "province": "31"})
    assert (await platforms.put(f"/v1/judgments/{digest}", theirs, OTHER)).status == 404
    assert (await platforms.put(f"/v1/judgments/{digest.upper()}", facts(case_id))).status == 404
    assert (await platforms.put(f"/v1/judgments/{digest}", facts(case_id), OURS)).status == 202
    assert (await platforms.put(f"/v1/judgments/{digest}", facts(case_id), **{"If-Match": '"1"'})).status == 409
