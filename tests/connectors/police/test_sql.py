"""The SQL adapter on real SQLite and PostgreSQL: each source's records of whoever has a document, and nothing is written."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from connectors.police.adapter import SourceUnavailableError, Subject
from connectors.police.sql import SqlRegistry, populate
from connectors.police.tables import TABLE_OF
from stream.core.fast_query import GRANTS, ORGANISATION_CODE, SOURCES
from synthetic.population import PIXEL, organisation, population
from tests.connectors.police.conftest import PEOPLE, SEED, WITHIN_S

ROWS: dict[str, list[dict[str, Any]]] = defaultdict(list)
for _table, _fields in population(SEED, PEOPLE):
    ROWS[_table].append(_fields)


@pytest.mark.parametrize("source", SOURCES)
async def test_a_source_has_all_records_of_whoever_has_any_of_the_documents(registry: SqlRegistry, source: str) -> None:
    table = TABLE_OF[source].name
    for subject in ROWS["subjects"][:60]:
        found = await registry.find(source, Subject(subject["type"], subject["number"]))
        wanted = [row for row in ROWS[table] if row["person"] == subject["person"]]
        if source == "travel_documents":
            documents = [row for row in ROWS["travel_documents"] if row["person"] == subject["person"]]
            pairs = sorted((one["type"], one["number"]) for one in documents)
            wanted = [row | {"documents": [{"type": a, "number": b} for a, b in pairs]} for row in wanted]
        key = next(iter(TABLE_OF[source].primary_key)).name
        assert list(found) == sorted(wanted, key=lambda row: row[key])


async def test_times_come_back_as_the_same_moments(registry: SqlRegistry) -> None:
    stay = ROWS["hotel_stays"][0]
    (subject, *_) = [one for one in ROWS["subjects"] if one["person"] == stay["person"]]
    found = await registry.find("hotel_stays", Subject(subject["type"], subject["number"]))
    moments = {record["check_in"] for record in found}
    assert stay["check_in"] in moments
    assert all(moment.tzinfo is not None for moment in moments)
    assert isinstance(stay["check_in"], dt.datetime)


async def test_an_organisation_is_found_by_its_code(registry: SqlRegistry) -> None:
    (vehicle,) = await registry.find("vehicles", Subject(ORGANISATION_CODE, organisation(50)))
    assert vehicle["person"] == "o50"
    assert await registry.find("vehicles", Subject("resident_id", organisation(50))) == []


async def test_nobody_has_no_records_and_no_photo(registry: SqlRegistry) -> None:
    for source in SOURCES:
        assert await registry.find(source, Subject("resident_id", "nobody' or 1=1 --")) == []
    assert await registry.photo("identity", "none") is None
    photo = await registry.photo("identity", "photo-p3")
    assert photo == ("image/png", PIXEL)


def test_every_field_that_an_article_lists_has_a_column() -> None:
    for article in GRANTS.values():
        for source, fields in article.fields.items():
            columns = {column.name for column in TABLE_OF[source].columns} | {"documents"}
            assert {name.partition(".")[0] for name in fields} <= columns


async def test_a_connection_of_the_adapter_only_reads(registry: SqlRegistry) -> None:
    engine = registry._engines["vehicles"]
    with engine.connect() as connection, pytest.raises(SQLAlchemyError):
        connection.execute(text("delete from vehicles"))


async def test_a_database_that_is_not_there_is_said_without_its_address() -> None:
    nowhere = SecretStr("postgresql+psycopg://someone:secret@127.0.0.1:1/nowhere")
    adapter = SqlRegistry({"identity": nowhere}, WITHIN_S)
    with pytest.raises(SourceUnavailableError) as refused:
        await adapter.find("identity", Subject("passport", "E1"))
    assert "secret" not in str(refused.value)
    adapter.close()


@pytest.mark.parametrize("url", ["mysql://a@b/c", "nonsense", "postgresql+nothing://a@b/c"])
def test_a_url_of_another_kind_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="of the source identity is none of PostgreSQL or SQLite") as refused:
        SqlRegistry({"identity": SecretStr(url)}, WITHIN_S)
    assert url not in str(refused.value)


def test_a_population_is_added_whole_or_not_at_all(database: SecretStr) -> None:
    def count() -> int:
        engine = create_engine(database.get_secret_value())
        with engine.connect() as connection:
            found: int = connection.execute(text("select count(*) from subjects")).scalar_one()
        engine.dispose()
        return found

    before = count()
    new = ("subjects", {"type": "passport", "number": "E-new", "person": "new"})
    with pytest.raises(ValueError, match="cannot be filled"):
        populate(database, [new, new])
    assert count() == before == len(ROWS["subjects"])
