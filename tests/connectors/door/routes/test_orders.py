"""Orders through the door: placed with their sealed documents or not at all, amended as they were seen, released for good."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors.documents.verifier import PdfSealVerifier
from connectors.door import orders as orders_part
from connectors.redis.leases import InForceMark, Legs
from synthetic.seals import pdf
from tests.connectors.documents.sealed import AT, OTHER, province
from tests.connectors.door.office import (
    AUDITOR,
    CLERK,
    COURT,
    DIGESTS,
    DOCUMENTS,
    HANDLER,
    NEIGHBOUR,
    PLACE,
    SUPERVISOR,
    Office,
    office,
    order_fields,
)
from tests.connectors.door.running import ANSWERS_ONLY

HELD_1 = {"If-Match": '"1"'}


@pytest.fixture
async def here(kafka: str, topic_prefix: str, tmp_path: Path, verifier: PdfSealVerifier) -> AsyncIterator[Office]:
    async with office(kafka, topic_prefix, tmp_path, verifier) as opened:
        yield opened


def kind(answered: Any) -> str:
    return str(answered.body["type"].removeprefix("urn:chakong:problem:"))


async def test_S3_3_a_detention_goes_to_the_log_as_it_was_written_and_takes_effect_from_there(here: Office) -> None:
    fields = order_fields(unknown={"来源": 1})
    for data in DOCUMENTS:
        await here.put_document(data)
    placed = await here.put_order(fields, CLERK, **PLACE)
    assert (placed.status, placed.headers["location"]) == (202, "/v1/orders/ZX-1")
    assert placed.body == {"order_id": "ZX-1", "version": 1, "status": "accepted"}
    assert here.sent() == [fields]
    seen = await here.door.get("/v1/orders/ZX-1", CLERK)
    assert (seen.status, seen.headers["etag"], seen.body["state"], seen.body["version"]) == (200, '"1"', "in_place", 1)
    assert seen.body["order"] == fields | {
        "issued_at": seen.body["order"]["issued_at"],
        "control": seen.body["order"]["control"],
    }
    assert dt.datetime.fromisoformat(seen.body["order"]["issued_at"]) == dt.datetime.fromisoformat(fields["issued_at"])
    told = [one for one in here.door.audited() if one.operation == "put_order"]
    assert [one.outcome for one in told] == ["begun", "done"]
    assert told[1].detail == f"place judicial_detention version 1, court {COURT}"


@pytest.mark.parametrize("measure", ["vehicle_seizure", "judicial_detention", "exit_restriction"])
async def test_S3_1_S3_2_S3_3_no_measure_is_placed_without_its_sealed_documents(here: Office, measure: str) -> None:
    """S3_2: a seizure without a sealed ruling; S3_3: a detention without a sealed decision; S3_1: ours."""
    kinds = {
        "vehicle_seizure": ("sealing_ruling", "assistance_notice"),
        "judicial_detention": ("detention_decision", "assistance_notice"),
        "exit_restriction": ("restriction_decision",),
    }[measure]
    await here.put_document(DOCUMENTS[1])
    here.store.add(others := await asyncio.to_thread(province().other.put_on, pdf(["裁定书"]), AT))
    sealed_by_others = hashlib.sha256(others).hexdigest()
    subject = {"vehicle": {"plate": "粤A12345", "plate_class": "02"}} if measure == "vehicle_seizure" else {}
    control = {"from": "2026-11-20T00:00:00+08:00", "until": "2027-11-20T00:00:00+08:00", "requirement": "deny_exit"}
    for digest, reason in ((DIGESTS[0], "missing"), (sealed_by_others, "other_court")):
        listed = [{"kind": one, "sha256": DIGESTS[1]} for one in kinds]
        listed[0]["sha256"] = digest
        fields = order_fields(measure=measure, control=control, documents=listed, **subject)
        refused = await here.put_order(fields, **PLACE)
        assert (refused.status, kind(refused)) == (422, "documents_refused")
        (one,) = refused.body["documents"]
        assert (one["kind"], one["sha256"], one["reason"]) == (kinds[0], digest, reason)
        assert one["zh"]
        assert one["en"]
    without = await here.put_order(order_fields(measure=measure, control=control, documents=listed[1:], **subject), **PLACE)
    assert (without.status, kind(without)) == (422, "invalid")
    assert here.sent() == []


async def test_a_precondition_is_asked_for_and_must_hold(here: Office) -> None:
    await here.placed(order_fields())
    amended = order_fields(version=2, handler={"name": "李法官", "phone": "020-00000001"})
    for headers in ({}, {"If-None-Match": '"1"'}, HELD_1):
        assert (await here.put_order(order_fields("ZX-2"), **headers)).status == 428
    for headers in ({}, PLACE):
        assert (await here.put_order(amended, **headers)).status == 428
    for tag in ('"2"', "*", "1", ""):
        assert (await here.put_order(amended, **{"If-Match": tag})).status == 412
    assert (await here.put_order(order_fields("ZX-2", version=2), **HELD_1)).status == 404
    assert (await here.put_order(order_fields(case={"number": "2", "party_role": "judgment_debtor"}), **PLACE)).status == 412
    assert (await here.put_order(order_fields(action="amend", issued_at="2026-11-21T09:00:00Z"), **HELD_1)).status == 422
    assert (await here.put_order(amended, **{"If-Match": '"7", "1"'})).status == 202
    assert [one["version"] for one in here.sent()] == [1, 2]
    assert (await here.door.get("/v1/orders/ZX-1")).headers["etag"] == '"2"'


async def test_what_was_sent_and_is_sent_again_is_answered_alike_and_not_sent_twice(here: Office) -> None:
    await here.placed(order_fields())
    assert (await here.put_order(order_fields(), **PLACE)).status == 202
    assert (await here.put_order(order_fields(version=2), **HELD_1)).status == 202
    assert (await here.put_order(order_fields(version=2), **HELD_1)).status == 202
    assert len(here.sent()) == 2


async def test_S5_2_nobody_touches_another_courts_or_handlers_order(here: Office) -> None:
    await here.placed(order_fields())
    theirs = order_fields("ZX-9", court={"code": OTHER})
    other_handler = order_fields("ZX-8", handler={"name": "王法官", "phone": "020-00000000"})
    for fields, who, status in (
        (theirs, COURT, 404),
        (theirs, CLERK, 404),
        (other_handler, HANDLER, 404),
        (order_fields("ZX-7"), NEIGHBOUR, 404),
        (order_fields("ZX-7"), SUPERVISOR, 403),
        (order_fields("ZX-7"), AUDITOR, 403),
        (order_fields("ZX-7"), ANSWERS_ONLY, 403),
    ):
        assert (await here.put_order(fields, who, **PLACE)).status == status
    usurped = order_fields(version=2, court={"code": OTHER})
    assert (await here.put_order(usurped, NEIGHBOUR, **HELD_1)).status == 404
    taken_over = order_fields(version=2, handler={"name": "王法官", "phone": "020-00000000"})
    assert (await here.put_order(taken_over, HANDLER, **HELD_1)).status == 404
    assert (await here.release("ZX-1", NEIGHBOUR)).status == 404
    assert (await here.put_order(taken_over, CLERK, **HELD_1)).status == 202
    assert (await here.door.get("/v1/orders/ZX-1", CLERK)).status == 200
    assert (await here.release("ZX-1", HANDLER)).status == 404
    for who, status in ((COURT, 200), (SUPERVISOR, 200), (HANDLER, 404), (NEIGHBOUR, 404), (AUDITOR, 403)):
        assert (await here.door.get("/v1/orders/ZX-1", who)).status == status


async def test_S3_3b_a_release_is_final_and_asking_again_changes_nothing(here: Office) -> None:
    await here.placed(order_fields())
    released = await here.release("ZX-1", HANDLER, "executed")
    assert (released.status, released.body["version"]) == (202, 1 + orders_part.ROOM)
    again = await here.release("ZX-1", CLERK, "executed", key="k-2")
    assert (again.status, again.body) == (202, released.body)
    _, record = here.sent()
    assert (record["action"], record["reason"], record["court"]) == ("release", "executed", {"code": COURT})
    seen = await here.door.get("/v1/orders/ZX-1")
    assert (seen.body["state"], seen.body["order"], seen.headers["etag"]) == ("released", None, f'"{record["version"]}"')
    for version in (2, record["version"] + 1):
        revived = await here.put_order(order_fields(version=version), **{"If-Match": seen.headers["etag"]})
        assert (revived.status, kind(revived)) == (409, "ended")
    assert (await here.put_order(order_fields(), **PLACE)).status == 409
    assert (await here.release("ZX-0")).status == 404
    assert (await here.release("ZX-1", reason="because")).status == 422
    assert (await here.release("ZX-1", CLERK, "revoked", key="k-2")).body["type"].endswith("key_reused")


async def test_S3_3b_a_release_is_not_overtaken_by_an_amendment_on_its_way(here: Office) -> None:
    await here.placed(order_fields())
    answers = await asyncio.gather(
        *(here.put_order(order_fields(version=version), **HELD_1) for version in range(2, 6)), here.release("ZX-1")
    )
    assert answers[-1].status == 202
    seen = await here.door.get("/v1/orders/ZX-1")
    while seen.body["version"] < orders_part.ROOM:
        await asyncio.sleep(0.02)
        seen = await here.door.get("/v1/orders/ZX-1")
    assert seen.body["state"] == "released"


async def test_it_is_told_since_when_it_is_in_force_everywhere_and_what_it_lacks(here: Office) -> None:
    await here.placed(order_fields(court={"code": COURT}))
    at = dt.datetime(2026, 11, 24, 10, tzinfo=dt.UTC)
    here.marks["ZX-1"] = {1: InForceMark("ZX-1", 1, at, 0.25, Legs(0.1, 0.25, "w-1"))}
    (version,) = (seen := (await here.door.get("/v1/orders/ZX-1")).body)["versions"]
    assert (version["in_force_everywhere_at"], version["everywhere_ms"]) == ("2026-11-24T10:00:00Z", 250)
    assert seen["lacks"] == ["no_court_province"]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"{", "not JSON"),
        (b"[]", "not an object"),
        (b"\xff", ""),
        (json.dumps(order_fields(documents=[])).encode(), "documents: "),
        (json.dumps(order_fields("ZX-2")).encode(), "body.id: "),
        (
            b'{"id":"ZX-1","version":1,"action":"release","issued_at":"2026-11-21T09:00:00Z","court":{"code":"440106"},'
            b'"reason":"fulfilled"}',
            "body.action: ",
        ),
        (
            json.dumps(order_fields(person={"name": "王伟", "documents": "王伟"}), ensure_ascii=False).encode(),
            "person.documents",
        ),
    ],
)
async def test_what_is_no_order_is_told_why_and_not_repeated(here: Office, raw: bytes, says: str) -> None:
    refused = await here.door.ask("PUT", "/v1/orders/ZX-1", COURT, raw, PLACE)
    assert (refused.status, kind(refused)) == (422, "invalid")
    assert says in refused.body["detail"]
    assert "王伟" not in json.dumps(refused.body, ensure_ascii=False)


async def test_an_index_that_is_behind_the_log_answers_nothing_that_it_does_not_know(
    here: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders_part, "CATCH_UP_S_MAX", 0.1)

    async def refuses(*_: object) -> list[object]:
        await asyncio.Event().wait()
        return []

    await here.placed(order_fields())
    await here.door.get("/v1/orders/ZX-1")
    monkeypatch.setattr(here.index, "apply", refuses)
    assert (await here.put_order(order_fields("ZX-2"), **PLACE)).status == 202
    for answered in (
        await here.door.get("/v1/orders/ZX-2"),
        await here.put_order(order_fields("ZX-2"), **PLACE),
        await here.release("ZX-2"),
    ):
        assert (answered.status, "retry-after" in answered.headers) == (503, True)
    assert (await here.door.get("/v1/orders/ZX-1")).status == 200


async def test_lists_are_of_ones_own_in_pages_and_show_no_subject(here: Office) -> None:
    await here.placed(order_fields("ZX-0", case={"number": "(2026)粤0106执9号", "party_role": "judgment_debtor"}))
    for number in range(1, 5):
        name = "李法官" if number % 2 else "王法官"
        await here.put_order(order_fields(f"ZX-{number}", handler={"name": name, "phone": "020-00000000"}), **PLACE)
    while len(here.index._watchlist) < 5:
        await asyncio.sleep(0.02)

    async def listed(who: str, query: str = "") -> list[str]:
        ids, following = [], ""
        while True:
            page = await here.door.get(f"/v1/orders?limit=2{query}{following}", who)
            assert page.status == 200
            assert "王伟" not in json.dumps(page.body, ensure_ascii=False)
            ids += [one["order_id"] for one in page.body["items"]]
            if page.body["next"] is None:
                return ids
            following = f"&after={page.body['next']}"

    everything = [f"ZX-{number}" for number in range(5)]
    assert await listed(COURT) == await listed(CLERK) == await listed(SUPERVISOR, f"&court={COURT}") == everything
    assert await listed(HANDLER) == ["ZX-0", "ZX-1", "ZX-3"]
    assert await listed(NEIGHBOUR) == await listed(NEIGHBOUR, f"&court={COURT}") == []
    assert await listed(CLERK, "&case_number=（2026）粤0106执9号") == ["ZX-0"]
    assert (await here.door.get("/v1/orders", SUPERVISOR)).status == 422
    assert (await here.door.get("/v1/orders", AUDITOR)).status == 403
    assert (await here.door.get("/v1/orders?limit=1001")).status == 422
    await here.release("ZX-0")
    while len(here.index._watchlist) > 4:
        await asyncio.sleep(0.02)
    assert await listed(COURT) == everything[1:]
