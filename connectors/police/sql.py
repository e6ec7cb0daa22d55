"""A ``RegistryAdapter`` over SQL databases, by SQLAlchemy: PostgreSQL in service, SQLite embedded.

Questions run in threads, so many at once for each source; a source that hangs takes no other's. PostgreSQL is told to give up a
statement when its source's time is over, and every connection only reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from pydantic import SecretStr
from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from connectors.police.adapter import SourceUnavailableError, StoredPhoto, Subject
from connectors.police.tables import METADATA, PHOTOS, SUBJECTS, TABLE_OF, TRAVEL_DOCUMENTS, TRAVELLERS

T = TypeVar("T")
CONNECTIONS: Final = 4
"""Questions to one source at once."""
ROWS_MAX: Final = 1001
"""Rows of one person in one table at most: one more than an answer holds, so that a cut is known."""
_ROWS_A_STATEMENT: Final = 1000


class SqlRegistry:
    """Registries in SQL databases, by source. ``close`` it when done."""

    def __init__(self, urls: Mapping[str, SecretStr], within_s: Mapping[str, float]) -> None:
        """Raises ValueError: a URL is none of a database that can be read here; the text names the source, not the URL."""
        self._engines = {source: _engine(source, url, within_s[source]) for source, url in urls.items()}
        self._threads = {source: ThreadPoolExecutor(CONNECTIONS, f"registry-{source}") for source in urls}

    async def find(self, source: str, subject: Subject) -> Sequence[Mapping[str, Any]]:
        return await self._run(source, lambda connection: _records(connection, source, subject))

    async def photo(self, source: str, reference: str) -> StoredPhoto | None:
        return await self._run(source, lambda connection: _photo(connection, reference))

    def close(self) -> None:
        """Let go of threads and connections; what hangs is left to end by itself."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)
        for engine in self._engines.values():
            engine.dispose()

    async def _run(self, source: str, ask: Callable[[Connection], T]) -> T:
        engine = self._engines[source]

        def asked() -> T:
            try:
                with engine.connect() as connection:
                    return ask(connection)
            except SQLAlchemyError as error:  # its text holds the statement and what was asked for
                raise SourceUnavailableError(f"the database answers with an error ({type(error).__name__})") from None

        return await asyncio.get_running_loop().run_in_executor(self._threads[source], asked)


def _records(connection: Connection, source: str, subject: Subject) -> list[dict[str, Any]]:
    table = TABLE_OF[source]
    person = select(SUBJECTS.c.person).where(SUBJECTS.c.type == subject.type, SUBJECTS.c.number == subject.number)
    rows = connection.execute(select(table).where(table.c.person.in_(person)).order_by(*table.primary_key).limit(ROWS_MAX))
    records = [dict(row._mapping) for row in rows]
    if table is TRAVELLERS:
        for record in records:
            of_person = TRAVEL_DOCUMENTS.c.person == record["person"]
            documents = connection.execute(
                select(TRAVEL_DOCUMENTS.c.type, TRAVEL_DOCUMENTS.c.number)
                .where(of_person)
                .order_by(TRAVEL_DOCUMENTS.c.type, TRAVEL_DOCUMENTS.c.number)
                .limit(ROWS_MAX)
            )
            record["documents"] = [dict(row._mapping) for row in documents]
    return records


def _photo(connection: Connection, reference: str) -> StoredPhoto | None:
    row = connection.execute(select(PHOTOS).where(PHOTOS.c.reference == reference)).one_or_none()
    return None if row is None else StoredPhoto(row.media_type, row.data)


def _engine(source: str, secret: SecretStr, within_s: float) -> Engine:
    try:
        url = make_url(secret.get_secret_value())
        engine = create_engine(url, hide_parameters=True, pool_pre_ping=True, **_options(url, within_s))
    except (ArgumentError, ImportError):
        raise ValueError(f"the URL of the source {source} is none of PostgreSQL or SQLite") from None
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _reads_only)
    return engine


def _options(url: URL, within_s: float) -> dict[str, Any]:
    if url.get_backend_name() == "postgresql":
        limits = f"-c statement_timeout={max(round(within_s * 1000), 1)} -c default_transaction_read_only=on"
        connect = {"options": limits, "connect_timeout": max(round(within_s), 1)}
        return {"pool_size": CONNECTIONS, "max_overflow": 0, "pool_timeout": within_s, "connect_args": connect}
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": within_s, "check_same_thread": False}}
    raise ArgumentError("another database")


def _reads_only(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA query_only = ON")


def populate(url: SecretStr, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
    """Make the tables that are missing, and add rows of (table, fields), all or none; returns how many.

    Raises:
        ValueError: the database cannot be used, or holds such rows already.
    """
    try:
        engine = create_engine(make_url(url.get_secret_value()), hide_parameters=True)
        METADATA.create_all(engine)
        with engine.begin() as connection:
            count = _insert(connection, rows)
    except (SQLAlchemyError, ImportError) as error:
        raise ValueError(f"the registry's database cannot be filled ({type(error).__name__})") from None
    engine.dispose()
    return count


def _insert(connection: Connection, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
    waiting: dict[str, list[dict[str, Any]]] = {}
    count = 0
    for name, fields in rows:
        of_table = waiting.setdefault(name, [])
        of_table.append(dict(fields))
        count += 1
        if len(of_table) == _ROWS_A_STATEMENT:
            connection.execute(METADATA.tables[name].insert(), of_table)
            of_table.clear()
    for name, of_table in waiting.items():
        if of_table:
            connection.execute(METADATA.tables[name].insert(), of_table)
    return count
