"""The tables that the SQL adapter reads (``docs/registry.md``): views over a platform's own, or the embedded ones.

Each source may lie in a database of its own: then ``subjects`` is there, too.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from sqlalchemy import JSON, Column, Date, DateTime, Dialect, Index, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.types import TypeDecorator

METADATA: Final = MetaData()


class Moment(TypeDecorator[dt.datetime]):
    """A moment, aware in Python. A database without time zones holds it in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=value.tzinfo or dt.UTC)


def _texts(*names: str) -> list[Column[str]]:
    return [Column(name, Text) for name in names]


SUBJECTS: Final = Table(
    "subjects",
    METADATA,
    Column("type", String(40), primary_key=True),
    Column("number", String(128), primary_key=True),
    Column("person", String(64), nullable=False),
)
IDENTITIES: Final = Table(
    "identities",
    METADATA,
    Column("person", String(64), primary_key=True),
    Column("former_names", JSON),
    Column("birth_date", Date),
    *_texts("name", "registered_residence", "address", "id_number", "photo"),
)
TRAVELLERS: Final = Table(
    "travellers",
    METADATA,
    Column("person", String(64), primary_key=True),
    Column("birth_date", Date),
    *_texts("name", "sex", "photo"),
)
TRAVEL_DOCUMENTS: Final = Table(
    "travel_documents",
    METADATA,
    Column("person", String(64), primary_key=True),
    Column("type", String(40), primary_key=True),
    Column("number", String(128), primary_key=True),
)
BORDER_CROSSINGS: Final = Table(
    "border_crossings",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("exited_at", Moment),
    Column("entered_at", Moment),
    *_texts("destination", "phone"),
)
VEHICLES: Final = Table(
    "vehicles",
    METADATA,
    Column("vin", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("registered_on", Date),
    *_texts("plate", "brand", "model", "type", "registration_office", "mortgagee", "sealing_authority", "sealing_document"),
)
HOTEL_STAYS: Final = Table(
    "hotel_stays",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("check_in", Moment),
    Column("check_out", Moment),
    *_texts("hotel", "address", "phone"),
)
PHOTOS: Final = Table(
    "photos",
    METADATA,
    Column("reference", String(128), primary_key=True),
    Column("media_type", String(60), nullable=False),
    Column("data", LargeBinary, nullable=False),
)
TABLE_OF: Final = {
    "identity": IDENTITIES,
    "travel_documents": TRAVELLERS,
    "border_crossings": BORDER_CROSSINGS,
    "vehicles": VEHICLES,
    "hotel_stays": HOTEL_STAYS,
}
"""The table that a source's records stand in; a traveller's documents stand in ``travel_documents``."""
for _table in (BORDER_CROSSINGS, VEHICLES, HOTEL_STAYS):
    Index(f"{_table.name}_person", _table.c.person)
