"""A batch of raw sightings as columns: all that the hot path ever sees of them.

A sighting must cost next to nothing until the filter has said maybe, so it becomes one small struct of the fields that make
keys, is hashed with its whole batch, and is forgotten. The structs are stricter than the contract: what they cannot read is
not refused but listed as *unsure*, and ``read_sighting`` decides on it alone. What they do read, they read as it does; that
is a property in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from matchers.columns import hash_column
from matchers.documents import DOCUMENT_TYPES
from matchers.keys import KeyHasher, KeyHashes, KeyKind
from matchers.wire import RECORD_BYTES_MAX, AwareTime

_NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]
_CHUNK_ROWS: Final = 512
"""Rows decoded in one call: enough to be cheap, few enough that one bad record costs little."""


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


class _Row(msgspec.Struct, gc=False, tag_field="kind"):
    id: _NonEmpty
    occurred_at: AwareTime
    station: _Station


class _HotelCheckin(_Row, gc=False, tag="hotel_checkin"):
    person: _Person
    vehicle: _Vehicle | None = None


class _BorderCrossing(_Row, gc=False, tag="border_crossing"):
    person: _Person
    vehicle: _Vehicle | None = None


class _VehicleInspection(_Row, gc=False, tag="vehicle_inspection"):
    vehicle: _Vehicle
    person: _Person | None = None


class _IdentityCheck(_Row, gc=False, tag="identity_check"):
    person: _Person
    vehicle: _Vehicle | None = None


_AnyRow = _HotelCheckin | _BorderCrossing | _VehicleInspection | _IdentityCheck
_decoder: Final = msgspec.json.Decoder(_AnyRow)


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
        structs: list[_AnyRow | None] = []
        for start in range(0, len(records), _CHUNK_ROWS):
            structs += _decode(records[start : start + _CHUNK_ROWS])
        columns, unsure = _columns(structs)
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


def _decode(records: Sequence[bytes]) -> Sequence[_AnyRow | None]:
    """One struct a record, None where the fast reader cannot read it.

    All records are decoded in one call where no record has a line break in it (so that records and lines are the same) and
    all are UTF-8, which the decoder itself does not check in the fields that it skips.
    """
    lines = b"\n".join(records)
    if len(lines) <= RECORD_BYTES_MAX and lines.count(b"\n") == len(records) - 1:
        try:
            lines.decode()
            structs: list[_AnyRow] = _decoder.decode_lines(lines)
        except (ValueError, RecursionError):
            pass
        else:
            if len(structs) == len(records):
                return structs
    return [_decode_one(record) for record in records]


def _decode_one(record: bytes) -> _AnyRow | None:
    if len(record) > RECORD_BYTES_MAX:
        return None
    try:
        record.decode()
        return _decoder.decode(record)
    except (ValueError, RecursionError):
        return None


def _columns(structs: Sequence[_AnyRow | None]) -> tuple[dict[KeyKind, tuple[list[str], list[int]]], list[int]]:
    """The identifiers by kind with the rows they stand in, and the rows that need the careful reader."""
    columns: dict[str, tuple[list[str], list[int]]] = {kind: ([], []) for kind in (*DOCUMENT_TYPES, "plate", "vin")}
    other = columns["other"]
    (ids, id_rows), (plates, plate_rows), (vins, vin_rows) = columns["resident_id"], columns["plate"], columns["vin"]
    unsure: list[int] = []
    for row, struct in enumerate(structs):
        if struct is None:
            unsure.append(row)
            continue
        if (person := struct.person) is not None:
            document = person.document
            if document.type == "resident_id":
                ids.append(document.number)
                id_rows.append(row)
            else:
                values, rows = columns.get(document.type, other)
                values.append(document.number)
                rows.append(row)
        if (vehicle := struct.vehicle) is not None:
            plate, vin = vehicle.plate, vehicle.vin
            if plate:
                plates.append(plate)
                plate_rows.append(row)
            if vin:
                vins.append(vin)
                vin_rows.append(row)
            if not plate and not vin:
                unsure.append(row)
    return columns, unsure  # type: ignore[return-value]
