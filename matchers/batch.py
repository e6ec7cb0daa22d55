"""A batch of raw sightings as columns: all that the hot path ever sees of them.

A sighting must cost next to nothing until the filter has said maybe, so it becomes one small struct of the fields that make
keys, is hashed with its whole batch, and is forgotten. The structs are stricter than the contract: what they cannot read is
not refused but listed as *unsure*, and ``read_sighting`` decides on it alone. What they do read, they read as it does; that
is a property in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from matchers.columns import hash_column
from matchers.documents import DOCUMENT_TYPES
from matchers.keys import KEY_KINDS, KeyHasher, KeyHashes, KeyKind
from matchers.sighting import Kind
from matchers.wire import RECORD_BYTES_MAX, AwareTime

_Column = tuple[list[str], list[int]]
"""Identifiers of one kind, and the row that each stands in."""
_CHUNK_ROWS: Final = 1024
"""Rows that are decoded before their keys are taken out: few enough to be still in the cache then."""
_NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]


class _Station(msgspec.Struct, gc=False):
    code: _NonEmpty


class _Document(msgspec.Struct, gc=False):
    type: str
    number: str


class _Person(msgspec.Struct, gc=False):
    document: _Document


class _Vehicle(msgspec.Struct, gc=False):
    plate: str | None = None
    vin: str | None = None


class _Row(msgspec.Struct, gc=False):
    id: _NonEmpty
    kind: Kind
    occurred_at: AwareTime
    station: _Station
    person: _Person | None = None
    vehicle: _Vehicle | None = None


_decode: Final = msgspec.json.Decoder(_Row).decode


class SightingBatch:
    """The keys of a batch of records.

    Attributes:
        count: records in the batch.
        rows: int64 ``(k,)``, the record that each key stands in; a record has as many keys as it carries.
        keys: uint64 ``(k,)``, the keys' hashes.
        unsure: records that the fast reader could not read, ascending; they may be unreadable or merely unusual.
    """

    __slots__ = ("count", "keys", "rows", "unsure")

    def __init__(self, records: Sequence[bytes], hasher: KeyHasher) -> None:
        """Decode records (one JSON object each) and hash the keys they carry."""
        columns: dict[KeyKind, _Column] = {kind: ([], []) for kind in KEY_KINDS}
        unsure: list[int] = []
        for start in range(0, len(records), _CHUNK_ROWS):
            unsure += _collect(start, _read(records[start : start + _CHUNK_ROWS]), columns)
        rows: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        keys: list[KeyHashes] = [np.empty(0, np.uint64)]
        for kind, (values, value_rows) in columns.items():
            if values:
                hashed = hash_column(kind, values, hasher)
                rows.append(np.array(value_rows, np.int64)[hashed.positions])
                keys.append(hashed.hashes)
                unsure += [value_rows[position] for position in hashed.blank]
        self.count = len(records)
        self.rows = np.concatenate(rows)
        self.keys = np.concatenate(keys)
        self.unsure = sorted(set(unsure))


def _read(records: Sequence[bytes]) -> list[_Row | None]:
    """One row a record, None where the fast reader cannot read it.

    Each record is decoded by a call of its own: no record, whatever is in it, can shift the others against their numbers.
    An error ends ``extend`` behind the rows that it has read and ``unread`` behind the record that raised it.
    """
    if max(map(len, records), default=0) > RECORD_BYTES_MAX:
        records = [record if len(record) <= RECORD_BYTES_MAX else b"" for record in records]
    rows: list[_Row | None] = []
    unread = iter(records)
    while len(rows) < len(records):
        try:
            rows.extend(map(_decode, unread))
        except (ValueError, RecursionError):
            rows.append(None)
    return rows


def _collect(start: int, rows: Sequence[_Row | None], columns: Mapping[KeyKind, _Column]) -> list[int]:
    """Append the identifiers of rows, numbered from ``start``, to the columns; returns those for the careful reader."""
    documents: dict[str, _Column] = {type_: columns[type_] for type_ in DOCUMENT_TYPES}
    other = documents["other"]
    (ids, id_rows), (plates, plate_rows), (vins, vin_rows) = columns["resident_id"], columns["plate"], columns["vin"]
    unsure: list[int] = []
    for number, row in enumerate(rows, start):
        if row is None:
            unsure.append(number)
            continue
        if (person := row.person) is not None:
            document = person.document
            if document.type == "resident_id":
                ids.append(document.number)
                id_rows.append(number)
            else:
                values, value_rows = documents.get(document.type, other)
                values.append(document.number)
                value_rows.append(number)
        elif row.kind != "vehicle_inspection":
            unsure.append(number)
        if (vehicle := row.vehicle) is not None:
            plate, vin = vehicle.plate, vehicle.vin
            if plate:
                plates.append(plate)
                plate_rows.append(number)
            if vin:
                vins.append(vin)
                vin_rows.append(number)
            if not plate and not vin:
                unsure.append(number)
        elif row.kind == "vehicle_inspection":
            unsure.append(number)
    return unsure
