"""The police's side: the matrix asked again, answers cut to their article, sources that hang or fail told of."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from connectors.police.adapter import RegistryAdapter, SourceUnavailableError, StoredPhoto, Subject
from connectors.police.answering import NATURAL_PERSON, NO_PURPOSE, NOT_GRANTED, PHOTO_BYTES_MAX, Answering, Told
from connectors.police.sql import SqlRegistry, populate
from stream.core.fast_query import GRANTS, ORGANISATION_CODE, SOURCES, Category
from stream.core.feeds import Role
from stream.core.question import About, Question
from synthetic.population import PIXEL, organisation, population
from tests.connectors.police.conftest import PEOPLE, SEED, WITHIN_S
from tests.stream.core.cases import AT, question

SUBJECTS = [fields for table, fields in population(SEED, PEOPLE) if table == "subjects"]


def about(person: str) -> About:
    (subject, *_) = [one for one in SUBJECTS if one["person"] == person]
    return About(type=subject["type"], number=subject["number"])


def asked(category: str, role: str, person: str = "p3", **changes: Any) -> Question:
    article = GRANTS.get((Category(category), Role(role)))
    of = {"about": about(person), **changes}
    return question(Category(category), Role(role), article.id if article else "S2.2.5", **of)


def answering(adapter: RegistryAdapter, **changes: float) -> Answering:
    return Answering(adapter, {**WITHIN_S, **changes}, lambda: AT)


@pytest.mark.parametrize("role", [role.value for role in Role])
@pytest.mark.parametrize("category", [category.value for category in Category])
async def test_S2_2_every_cell_is_answered_with_its_fields_or_refused(registry: SqlRegistry, category: str, role: str) -> None:
    answer = await answering(registry).answer(asked(category, role))
    article = GRANTS.get((Category(category), Role(role)))
    if article is None:
        assert (answer.outcome, answer.refusal, answer.records) == ("refused", NOT_GRANTED, {})
        return
    assert (answer.outcome, answer.refusal) == ("complete", None)
    assert set(answer.records) == set(article.fields)
    for source, fields in article.fields.items():
        for record in answer.records[source]:
            assert set(record) == {name.partition(".")[0] for name in fields}


async def test_S2_2_1_an_identity_comes_with_a_photo_by_reference(registry: SqlRegistry) -> None:
    answer = await answering(registry).answer(asked("identity", "defendant"))
    (record,) = answer.records["identity"]
    assert record["photo"] == "photo-p3"
    assert record["name"]
    assert answer.photo is None
    written = answer.model_dump_json()
    assert "person" not in record
    assert PIXEL.hex() not in written


async def test_S2_2_1_the_photo_comes_as_bytes_where_the_article_lists_one(registry: SqlRegistry) -> None:
    photo = await answering(registry).answer(asked("identity", "defendant", asks="photo"))
    assert photo.photo is not None
    assert (photo.photo.media_type, photo.photo.data, photo.records) == ("image/png", PIXEL, {})
    none = await answering(registry).answer(asked("hotel_stays", "judgment_debtor", asks="photo"))
    assert (none.outcome, none.refusal) == ("refused", NOT_GRANTED)


async def test_a_question_under_another_article_is_refused_on_this_side_too(registry: SqlRegistry) -> None:
    forged = asked("border_crossings", "preservation_defendant").model_copy(update={"article": "S2.2.3"})
    assert (await answering(registry).answer(forged)).refusal == NOT_GRANTED
    no_purpose = asked("identity", "defendant").model_copy(update={"purpose": " "})
    assert (await answering(registry).answer(no_purpose)).refusal == NO_PURPOSE
    company = About(type=ORGANISATION_CODE, number=organisation(0))
    assert (await answering(registry).answer(asked("identity", "defendant", about=company))).refusal == NATURAL_PERSON


async def test_S2_2_4_an_organisations_vehicles_are_told(registry: SqlRegistry) -> None:
    company = About(type=ORGANISATION_CODE, number=organisation(0))
    answer = await answering(registry).answer(asked("vehicles", "judgment_debtor", about=company))
    assert len(answer.records["vehicles"]) == 1


async def test_nobody_by_that_document_is_an_answer(registry: SqlRegistry) -> None:
    nobody = About(type="passport", number="E-nobody")
    answer = await answering(registry).answer(asked("identity", "defendant", about=nobody))
    assert (answer.outcome, answer.records, answer.sources[0].records) == ("complete", {"identity": []}, 0)


class Misbehaving:
    """An adapter whose sources do as they are told: what a platform's own may do."""

    def __init__(self, ways: Mapping[str, Any]) -> None:
        self._ways = ways

    async def find(self, source: str, subject: Subject) -> Sequence[Mapping[str, Any]]:
        way = self._ways[source]
        if isinstance(way, float):
            await asyncio.sleep(way)
        if isinstance(way, Exception):
            raise way
        return way if isinstance(way, list) else []

    async def photo(self, source: str, reference: str) -> StoredPhoto | None:
        photo: StoredPhoto | None = self._ways[f"{source}.{reference}"]
        return photo


async def test_S2_2_3_a_source_that_does_not_answer_is_named_and_the_other_one_told() -> None:
    told: list[Told] = []
    ways = {"travel_documents": [{"name": "王伟", "phone": "1"}], "border_crossings": 60.0}
    slow = Answering(Misbehaving(ways), {**WITHIN_S, "border_crossings": 0.05}, lambda: AT, told.append)
    answer = await slow.answer(asked("border_crossings", "judgment_debtor"))
    assert answer.outcome == "partial"
    assert [(one.source, one.outcome, one.detail) for one in answer.sources] == [
        ("travel_documents", "answered", None),
        ("border_crossings", "timed_out", "no answer within 0.05 s"),
    ]
    assert set(answer.records) == {"travel_documents"}
    assert "phone" not in answer.records["travel_documents"][0]
    assert {(one.source, one.outcome) for one in told} == {("travel_documents", "answered"), ("border_crossings", "timed_out")}


async def test_S2_2_3_one_that_fails_says_why() -> None:
    ways = {"travel_documents": SourceUnavailableError("under repair"), "border_crossings": SourceUnavailableError("away")}
    answer = await answering(Misbehaving(ways)).answer(asked("border_crossings", "judgment_debtor"))
    assert (answer.outcome, answer.records) == ("failed", {})
    assert [one.detail for one in answer.sources] == ["under repair", "away"]


async def test_whatever_an_adapter_returns_besides_never_leaves() -> None:
    record = {"check_in": None, "room": "1203", "companions": [{"name": "李四"}], "hotel": {"hidden": 1}, "phone": "1160"}
    answer = await answering(Misbehaving({"hotel_stays": [record]})).answer(asked("hotel_stays", "judgment_debtor"))
    assert answer.records == {
        "hotel_stays": [{"check_in": None, "check_out": None, "hotel": None, "address": None, "phone": "1160"}]
    }


async def test_too_many_records_are_cut_and_said() -> None:
    answer = await answering(Misbehaving({"hotel_stays": [{}] * 1001})).answer(asked("hotel_stays", "judgment_debtor"))
    assert (len(answer.records["hotel_stays"]), answer.sources[0].detail) == (1000, "only the first 1000 of 1001 records")


@pytest.mark.parametrize(
    "photo", [StoredPhoto("text/html", b"<script>"), StoredPhoto("image/png", b"x" * (PHOTO_BYTES_MAX + 1))]
)
async def test_what_is_no_photo_is_not_sent(photo: StoredPhoto) -> None:
    ways = {"identity": [{"photo": "r"}], "identity.r": photo}
    answer = await answering(Misbehaving(ways)).answer(asked("identity", "defendant", asks="photo"))
    assert (answer.outcome, answer.photo) == ("failed", None)


@pytest.fixture
def locked(tmp_path: Path, postgres_url: str) -> Iterator[SecretStr]:
    """A PostgreSQL whose table of hotel stays somebody holds a lock on."""
    server = make_url(postgres_url)
    plain = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as client:
        client.execute("drop database if exists locked")
        client.execute("create database locked")
    url = server.set(database="locked")
    address = SecretStr(url.render_as_string(hide_password=False))
    populate(address, population(SEED, 10))
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as client:
        client.execute("lock table hotel_stays in access exclusive mode")
        yield address


async def test_a_table_that_hangs_costs_its_own_time_and_no_other_sources(locked: SecretStr) -> None:
    within = WITHIN_S | {"hotel_stays": 0.3}
    adapter = SqlRegistry(dict.fromkeys(SOURCES, locked), within)
    both = Answering(adapter, within, lambda: dt.datetime.now(dt.UTC))
    stays, identity = await asyncio.gather(
        *(both.answer(asked(category, "judgment_debtor")) for category in ("hotel_stays", "identity"))
    )
    assert (stays.outcome, identity.outcome) == ("failed", "complete")
    assert stays.sources[0].outcome in ("timed_out", "unavailable")
    adapter.close()
