"""The fast query from a court's question to the registry's answer, over both platforms (S2.2)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from stream.core.fast_query import GRANTS, Category
from stream.core.feeds import Role
from synthetic.people import Person
from synthetic.population import PIXEL
from tests.connectors.door.feeding import party_of
from tests.connectors.door.routes.conftest import (
    AUDITOR,
    CLERK,
    HANDLER,
    OTHER_HANDLER,
    POLICE,
    STATION,
    SUPERVISOR,
    Platforms,
)
from tests.connectors.door.running import OTHER, OURS, Answered
from tests.factory import Fields

pytestmark = pytest.mark.asyncio(loop_scope="session")
WAIT = "?wait=20"
PURPOSE = "查找被执行人可供执行的财产"


def body(case_id: str, person: Person, category: str, **changes: Any) -> Fields:
    type_, number = person.documents[0]
    return {"case": case_id, "party": {"type": type_, "number": number}, "category": category, "purpose": PURPOSE, **changes}


async def ask(platforms: Platforms, sent: Fields, who: str = OURS, query: str = WAIT, **headers: str) -> Answered:
    headers = {"Idempotency-Key": uuid.uuid4().hex, "Accept-Language": "en", **headers}
    return await platforms.door.ask("POST", f"/v1/queries{query}", who, sent, headers)


async def asked_about(platforms: Platforms, category: str, role: str, number: int = 3) -> Answered:
    person = platforms.person(number)
    return await ask(platforms, body(await platforms.put_case(party_of(person, role)), person, category))


@pytest.mark.parametrize(("category", "role"), [(category.value, role.value) for category, role in GRANTS])
async def test_S2_2_a_question_that_an_article_grants_is_answered_with_its_fields_alone(
    platforms: Platforms, category: str, role: str
) -> None:
    answered = await asked_about(platforms, category, role)
    article = GRANTS[Category(category), Role(role)]
    assert (answered.status, answered.body["status"], answered.body["article"]) == (200, "answered", article.id)
    answer = answered.body["answer"]
    assert (answer["outcome"], set(answer["records"])) == ("complete", set(article.fields))
    assert [one["outcome"] for one in answer["sources"]] == ["answered"] * len(article.fields)
    for source, fields in article.fields.items():
        for record in answer["records"][source]:
            assert set(record) == {name.partition(".")[0] for name in fields}


@pytest.mark.parametrize(
    ("category", "role"),
    [(category.value, role.value) for category in Category for role in Role if (category, role) not in GRANTS],
)
async def test_S2_2_one_that_none_grants_is_refused_with_rule_and_article(
    platforms: Platforms, category: str, role: str
) -> None:
    refused = await asked_about(platforms, category, role)
    assert (refused.status, refused.body["type"]) == (403, "urn:chakong:problem:query_refused")
    assert refused.body["rule"] == "role_not_granted"
    assert all(article.startswith("S2.2.") for article in refused.body["articles"])
    assert refused.body["says"]["zh"]


async def test_S2_2_1_an_identity_is_the_persons_own_and_its_photo_is_fetched_apart(platforms: Platforms) -> None:
    person = platforms.person(3)
    answered = await asked_about(platforms, "identity", "defendant")
    (record,) = answered.body["answer"]["records"]["identity"]
    assert (record["name"], record["former_names"], record["birth_date"]) == (
        person.name,
        list(person.former),
        person.birth.isoformat(),
    )
    assert record["photo"] == f"/v1/queries/{answered.body['id']}/photo"
    url, headers = platforms.door.url + record["photo"] + WAIT, {"Authorization": f"Bearer {CLERK}"}
    async with platforms.door.session.get(url, headers=headers) as photo:
        assert (photo.status, photo.headers["content-type"], await photo.read()) == (200, "image/png", PIXEL)
        assert photo.headers["cache-control"] == "no-store"
    entries = [one for one in platforms.door.audited() if one.operation == "get_registry_photo"]
    assert [(one.outcome, one.purpose) for one in entries][-2:] == [("begun", PURPOSE), ("done", PURPOSE)]


async def test_S2_2_5_where_no_photo_is_listed_none_is_to_be_had(platforms: Platforms) -> None:
    answered = await asked_about(platforms, "hotel_stays", "judgment_debtor")
    assert (await platforms.door.get(f"/v1/queries/{answered.body['id']}/photo")).status == 404


async def test_S2_1_1_a_cases_closing_ends_its_rights_at_once_fetched_answers_included(platforms: Platforms) -> None:
    person = platforms.person(4)
    case_id = await platforms.put_case(party_of(person, "judgment_debtor"))
    answered = await ask(platforms, body(case_id, person, "identity"))
    assert answered.status == 200
    facts = (await platforms.door.get(f"/v1/cases/{case_id}")).body
    closing = {**facts, "version": 2, "status": "closed"}
    assert (await platforms.put(f"/v1/cases/{case_id}", closing, **{"If-Match": '"1"'})).status == 202
    path = f"/v1/queries/{answered.body['id']}"
    for refused in (
        await ask(platforms, body(case_id, person, "identity")),
        await platforms.door.get(path),
        await platforms.door.get(f"{path}/photo"),
    ):
        assert (refused.status, refused.body["rule"], refused.body["articles"]) == (403, "case_closed", ["S2.2.1"])


async def test_S5_1_a_question_needs_a_purpose_which_is_on_record_before_it_leaves(platforms: Platforms) -> None:
    person = platforms.person(5)
    case_id = await platforms.put_case(party_of(person, "judgment_debtor"))
    refused = await ask(platforms, body(case_id, person, "vehicles", purpose="  "))
    assert (refused.status, refused.body["rule"], refused.body["articles"]) == (403, "purpose_missing", ["S5.1"])
    answered = await ask(platforms, body(case_id, person, "vehicles", by={"name": "李法官"}))
    entries = [one for one in platforms.door.audited() if answered.body["id"] in f"{one.detail} {one.object}"]
    assert sorted((one.operation, one.outcome, one.purpose) for one in entries) == [
        ("answer_query", "begun", PURPOSE),
        ("ask_registry", "begun", PURPOSE),
        ("ask_registry", "done", PURPOSE),
    ]
    assert {one.who.on_behalf_of for one in entries} == {"李法官"}
    assert person.documents[0].number not in json.dumps([one.model_dump(mode="json") for one in entries])


async def test_S5_1_who_may_ask_about_a_case(platforms: Platforms) -> None:
    person = platforms.person(6)
    case_id = await platforms.put_case(party_of(person, "judgment_debtor"))
    statuses = {
        who: (await ask(platforms, body(case_id, person, "vehicles"), who)).status
        for who in (OURS, CLERK, HANDLER, OTHER_HANDLER, OTHER, POLICE, SUPERVISOR, STATION, AUDITOR)
    }
    assert statuses == {
        OURS: 200,
        CLERK: 200,
        HANDLER: 200,
        OTHER_HANDLER: 404,
        OTHER: 404,
        POLICE: 403,
        SUPERVISOR: 403,
        STATION: 403,
        AUDITOR: 403,
    }


async def test_S5_1_an_answer_is_its_courts_alone_and_no_case_is_like_anothers(platforms: Platforms) -> None:
    answered = await asked_about(platforms, "vehicles", "judgment_debtor")
    path = f"/v1/queries/{answered.body['id']}"
    assert (await platforms.door.get(path)).body == answered.body
    assert (await platforms.door.get(path, HANDLER)).body == answered.body
    for refused in (
        await platforms.door.get(path, OTHER),
        await platforms.door.get(path, OTHER_HANDLER),
        await platforms.door.get(f"/v1/queries/{uuid.uuid4()}"),
        await ask(platforms, body(str(uuid.uuid4()), platforms.person(1), "vehicles")),
    ):
        assert refused.status == 404


async def test_nobody_is_asked_about_who_is_no_party(platforms: Platforms) -> None:
    case_id = await platforms.put_case(party_of(platforms.person(7), "judgment_debtor"))
    refused = await ask(platforms, body(case_id, platforms.person(8), "identity"))
    assert (refused.status, refused.body["rule"]) == (403, "not_a_party")
    assert platforms.person(8).documents[0].number not in json.dumps(refused.body)


async def test_without_a_wait_the_answer_is_fetched_later(platforms: Platforms) -> None:
    person = platforms.person(9)
    case_id = await platforms.put_case(party_of(person, "judgment_debtor"))
    asked = await ask(platforms, body(case_id, person, "hotel_stays"), query="")
    assert (asked.status, asked.body["status"], asked.body["answer"]) == (202, "pending", None)
    got = await platforms.door.get(asked.headers["location"], Prefer="wait=20")
    assert (got.status, got.body["answer"]["outcome"]) == (200, "complete")


async def test_the_same_key_is_the_same_question_and_another_content_is_refused(platforms: Platforms) -> None:
    person = platforms.person(10)
    case_id = await platforms.put_case(party_of(person, "judgment_debtor"))
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first = await ask(platforms, body(case_id, person, "vehicles"), **key)
    assert (await ask(platforms, body(case_id, person, "vehicles"), **key)).body == first.body
    other = await ask(platforms, body(case_id, person, "hotel_stays"), **key)
    assert (other.status, other.body["type"]) == (422, "urn:chakong:problem:key_reused")


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"category": "secrets"}, "body.category"),
        ({"case": "(2026)粤0106执1234号"}, "body.case"),
        ({"party": {"number": "11010519491231002X"}}, "body.party.type"),
        ({"purpose": "x" * 201}, "body.purpose"),
        ({"purpose": 5}, "body.purpose"),
    ],
)
async def test_what_is_no_question_is_told_why_and_not_repeated(platforms: Platforms, change: Fields, detail: str) -> None:
    refused = await ask(platforms, body(str(uuid.uuid4()), platforms.person(1), "vehicles") | change)
    assert (refused.status, refused.body["detail"].startswith(detail)) == (422, True)
    assert "11010519491231002X" not in json.dumps(refused.body)
