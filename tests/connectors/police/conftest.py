"""A registry of made-up people in each kind of database, filled once for the module."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from connectors.police.sql import SqlRegistry, populate
from stream.core.fast_query import SOURCES
from synthetic.population import population

SEED, PEOPLE = 7, 120
WITHIN_S = dict.fromkeys(SOURCES, 5.0)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SecretStr:
    """The address of one that holds the people."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("registry")
        url = SecretStr(f"sqlite:///{folder / 'people.sqlite'}")
    else:
        server = make_url(request.getfixturevalue("postgres_url"))
        name = f"t{uuid.uuid4().hex[:10]}"
        plain = server.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as client:
            client.execute(f"create database {name}")
        url = SecretStr(server.set(database=name).render_as_string(hide_password=False))
    populate(url, population(SEED, PEOPLE))
    return url


@pytest.fixture
def registry(database: SecretStr) -> Iterator[SqlRegistry]:
    adapter = SqlRegistry(dict.fromkeys(SOURCES, database), WITHIN_S)
    yield adapter
    adapter.close()
