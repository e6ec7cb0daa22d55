"""Documents through the door: kept only as the caller's own court sealed them, and fetched by whoever may see their order."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.documents.verifier import PdfSealVerifier
from stream.core.audit.record import What
from stream.core.seal_verdict import SealReason
from stream.core.seals import SEAL_WORDS
from synthetic.seals import YEAR, pdf
from tests.connectors.documents.sealed import (
    AT,
    extended,
    province,
    range_moved,
    range_narrowed,
    saved_again,
    text_altered,
)
from tests.connectors.door.office import (
    AUDITOR,
    CLERK,
    COURT,
    DIGESTS,
    DOCUMENTS,
    HANDLER,
    NEIGHBOUR,
    OTHER,
    SUPERVISOR,
    Office,
    office,
    order_fields,
)
from tests.connectors.door.running import ANSWERS_ONLY, opened

LARGE = b"%PDF-1.7\n" + bytes(300_000)


@pytest.fixture
async def here(kafka: str, topic_prefix: str, tmp_path: Path, verifier: PdfSealVerifier) -> AsyncIterator[Office]:
    async with office(kafka, topic_prefix, tmp_path, verifier, document_bytes_max=250_000) as opened:
        yield opened


def forged() -> dict[str, bytes]:
    """What a forger, or an accident, makes of a sealed document."""
    good, seal = province().sealed, province().seal
    expired = province().authority.seal(COURT, "合成法院", AT - YEAR, AT - YEAR / 2)
    return {
        "truncated": good[: len(good) // 2],
        "cut at the end": good[:-40],
        "saved again": saved_again(good),
        "another court's": province().other.put_on(pdf(["拘留决定书"]), AT),
        "expired": expired.put_on(pdf(["拘留决定书"]), AT),
        "appended": good + b"\n%% more",
        "added to after the seal": extended(good),
        "altered": text_altered(good),
        "wrapped": range_moved(good),
        "a range that leaves out the end": range_narrowed(good),
        "a second seal over another court's": seal.put_on(text_altered(good), AT, field="Second"),
        "no seal": pdf(["拘留决定书"]),
        "nothing": b"",
        "no PDF": b"\x00\xff" * 1000,
    }


async def test_S4_3_a_document_of_the_callers_own_court_is_kept_once(here: Office) -> None:
    for _ in range(2):
        kept = await here.put_document(DOCUMENTS[0])
        assert (kept.status, kept.body) == (200, {"sha256": DIGESTS[0], "status": "kept"})
    assert here.store.get(DIGESTS[0]) == DOCUMENTS[0]
    begun, done, *_ = here.door.audited()
    assert (begun.operation, begun.outcome, done.outcome) == ("put_document", "begun", "done")
    assert (done.object, done.detail) == (What(kind="document", id=DIGESTS[0]), f"{len(DOCUMENTS[0])} bytes, court {COURT}")


async def test_S3_2_S3_3_no_forgery_is_kept_and_none_costs_a_5xx(here: Office) -> None:
    for what, data in (await asyncio.to_thread(forged)).items():
        refused = await here.put_document(data)
        assert (what, refused.status) == (what, 422)
        assert refused.body["type"] == "urn:chakong:problem:document_refused"
        assert refused.body["en"] == SEAL_WORDS[SealReason(refused.body["reason"])].en
        assert refused.body["zh"]
        assert not list((here.store._folder).rglob(hashlib.sha256(data).hexdigest()))


async def test_S4_3_another_courts_seal_and_another_digest_are_told_apart(here: Office) -> None:
    others = await asyncio.to_thread(province().other.put_on, pdf(["拘留决定书"]), AT)
    assert (await here.put_document(others)).body["reason"] == "other_court"
    assert (await here.put_document(others, NEIGHBOUR)).status == 200
    assert (await here.put_document(DOCUMENTS[0], digest=DIGESTS[1])).body["reason"] == "other_digest"
    assert (await here.put_document(DOCUMENTS[0], digest="no-digest")).status == 404


async def test_a_stranger_makes_nobody_hold_a_large_body_and_a_caller_has_a_bound(here: Office) -> None:
    for who, status in ((None, 401), (ANSWERS_ONLY, 403), (AUDITOR, 403)):
        assert (await here.put_document(LARGE[:200_000], who)).status == status
    assert (await here.put_document(LARGE)).status == 413
    assert (await here.put_document(LARGE[:200_000])).status == 422
    assert (await here.door.ask("POST", "/v1/documents/" + "a" * 64, COURT, LARGE[:200_000], {})).status == 413

    async def drop_by_drop() -> AsyncIterator[bytes]:
        for start in range(0, len(LARGE), 50_000):
            yield LARGE[start : start + 50_000]

    headers = {"Authorization": "Bearer " + "ours-" * 8}
    async with here.door.session.put(f"{here.door.url}/v1/documents/{'a' * 64}", data=drop_by_drop(), headers=headers) as said:
        assert said.status == 413


async def test_several_documents_of_one_court_come_one_after_the_other(here: Office) -> None:
    answers = await asyncio.gather(*(here.put_document(data) for data in (*DOCUMENTS, province().sealed)))
    assert {one.status for one in answers} == {200}


async def test_S2_1_3_S5_2_a_document_is_fetched_by_who_may_see_its_order_and_each_fetch_is_on_record(here: Office) -> None:
    await here.placed(order_fields())
    path = f"/v1/orders/ZX-1/documents/{DIGESTS[0]}"
    await here.door.get("/v1/orders/ZX-1", CLERK)

    async def fetched(who: str, path: str = path) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {'ours-' * 8 if who == COURT else who}"}
        async with here.door.session.get(here.door.url + path, headers=headers) as answer:
            return answer.status, await answer.read()

    for who in (COURT, CLERK, HANDLER, SUPERVISOR):
        assert await fetched(who) == (200, DOCUMENTS[0])
    for who, status in ((NEIGHBOUR, 404), (AUDITOR, 403), ("stranger" * 5, 401)):
        assert (await fetched(who))[0] == status
    here.store.add(province().sealed)
    unlisted = hashlib.sha256(province().sealed).hexdigest()
    assert (await fetched(CLERK, f"/v1/orders/ZX-1/documents/{unlisted}"))[0] == 404
    assert (await fetched(CLERK, f"/v1/orders/ZX-2/documents/{DIGESTS[0]}"))[0] == 404
    told = [one for one in here.door.audited() if one.operation == "get_document"]
    assert [(one.who.id, one.outcome) for one in told][:4] == [
        (who, "done") for who in (COURT, "clerk", "handler", "supervisor")
    ]
    assert all(one.object == What(kind="document", id=DIGESTS[0]) for one in told[:4])
    assert told[0].detail == f"detention_decision of order ZX-1, court {COURT}"
    assert (told[4].who.id, told[4].outcome) == (OTHER, "refused")


async def test_without_a_store_the_door_says_so(kafka: str, topic_prefix: str) -> None:
    async with opened(kafka, topic_prefix) as door:
        refused = await door.ask("PUT", f"/v1/documents/{DIGESTS[0]}", COURT, DOCUMENTS[0], {"Accept-Language": "en"})
        assert (refused.status, refused.body["type"]) == (501, "urn:chakong:problem:not_offered")
        assert (await door.get("/v1/orders/ZX-1")).status == 501
