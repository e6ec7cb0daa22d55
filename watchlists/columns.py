"""Records of ``orders`` as columns of hashes: thousands at once, and no more of each than a generation takes.

A superset is enough, since the index decides exactly: the keys of every readable order are here, whoever sent it. The
structs are looser than ``watchlists.glance`` and cheaper; what even they cannot read is glanced at, and what that refuses
the index refuses too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal, NamedTuple, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from matchers.columns import hash_column
from matchers.documents import DOCUMENT_TYPES
from matchers.keys import KEY_KINDS, Key, KeyHasher, KeyHashes, KeyKind
from matchers.wire import UnreadableError
from watchlists.glance import glance
from watchlists.order import Release
from watchlists.rows import PLACED, RELEASED, Columns, as_versions, join

_VERSION_MAX: Final = 0xFFFFFFFF


class _Identifier(msgspec.Struct, gc=False):
    type: str = "other"
    number: str = ""


class _Named(msgspec.Struct, gc=False):
    documents: list[_Identifier] = []
    plate: str | None = None
    vin: str | None = None


class _Court(msgspec.Struct, gc=False):
    code: str


class _Record(msgspec.Struct, gc=False):
    """The few fields of an order or a release that the filter needs."""

    id: str
    version: Annotated[int, msgspec.Meta(ge=1)]
    action: Literal["place", "amend", "release"]
    court: _Court
    person: _Named | None = None
    vehicle: _Named | None = None


class OrderColumns(NamedTuple):
    """What `Generation.place` and `Generation.release` take: order, court, version and, a row a key, the key's hash."""

    placed: Columns
    released: Columns


_decode: Final = msgspec.json.Decoder(_Record).decode


class Mentions(NamedTuple):
    """What records of ``orders`` are about.

    Attributes:
        rows: int64 ``(m,)``, those of the records that can be read, ascending.
        ids: uint64 ``(m,)``, the hashes of their orders' ids.
        holds: bool ``(m,)``, whether the record holds one of the keys that were asked for.
    """

    rows: NDArray[np.int64]
    ids: KeyHashes
    holds: NDArray[np.bool_]


def order_columns(raws: Sequence[bytes], hasher: KeyHasher) -> OrderColumns:
    """The rows that records of ``orders`` make, and their releases. A record that nobody can read makes none."""
    records, _ = _read(raws)
    ends = np.fromiter([record.action == "release" for record in records], np.bool_, len(records))
    rows = (
        hash_texts([record.id for record in records], hasher),
        _repeated([record.court.code for record in records], hasher),
        as_versions([min(record.version, _VERSION_MAX) for record in records]),
    )
    placed = []
    for kind, (identifiers, numbers) in _identifiers(records).items():
        hashed = hash_column(kind, identifiers, hasher)
        of = np.array(numbers, np.intp)[hashed.positions]
        placed.append((*(column[of] for column in rows), hashed.hashes))
    return OrderColumns(
        join(placed, [np.dtype(d) for d in PLACED]),
        join([tuple(column[ends] for column in rows)], [np.dtype(d) for d in RELEASED]),
    )


def mentions(raws: Sequence[bytes], wanted: KeyHashes, hasher: KeyHasher) -> Mentions:
    """Which records of ``orders`` hold one of these keys. No record that holds one is left out."""
    records, rows = _read(raws)
    holds = np.zeros(len(records), np.bool_)
    for kind, (identifiers, numbers) in _identifiers(records).items():
        hashed = hash_column(kind, identifiers, hasher)
        found = hashed.positions[np.isin(hashed.hashes, wanted)]
        holds[np.array(numbers, np.intp)[found]] = True
    return Mentions(np.array(rows, np.int64), hash_texts([record.id for record in records], hasher), holds)


def hash_texts(texts: Sequence[str], hasher: KeyHasher) -> KeyHashes:
    """64-bit hashes of orders' ids or courts' codes, the same wherever the deployment's secret is; shape ``(n,)``."""
    return hasher.hash_values("other", texts)


def _repeated(texts: list[str], hasher: KeyHasher) -> NDArray[np.uint64]:
    """``hash_texts``, where few of many are distinct."""
    places = {text: n for n, text in enumerate(dict.fromkeys(texts))}
    return hash_texts(list(places), hasher)[np.fromiter(map(places.__getitem__, texts), np.intp, len(texts))]


def _read(raws: Sequence[bytes]) -> tuple[list[_Record], Sequence[int]]:
    """The records that can be read, and where each of them stands."""
    try:
        # Not `map`: it would keep the interpreter from other threads to its end.
        return [_decode(raw) for raw in raws], range(len(raws))
    except (ValueError, RecursionError):
        read = [(record, row) for row, raw in enumerate(raws) for record in _read_one(raw)]
        return [record for record, _ in read], [row for _, row in read]


def _read_one(raw: bytes) -> Iterator[_Record]:
    """The record, by the quickest reader that can read it."""
    try:
        yield _decode(raw)
        return
    except (ValueError, RecursionError):
        pass
    try:
        order = glance(raw)
    except UnreadableError:
        return
    if isinstance(order, Release):
        yield _Record(order.id, order.version, "release", _Court(order.court.code))
    else:
        yield _of_keys(_Record(order.id, order.version, order.action, _Court(order.court.code)), order.keys())


def _of_keys(record: _Record, keys: Sequence[Key]) -> _Record:
    record.person, record.vehicle = _Named(documents=[]), _Named()
    for kind, value in keys:
        if kind == "plate":
            record.vehicle.plate = value
        elif kind == "vin":
            record.vehicle.vin = value
        else:
            record.person.documents.append(_Identifier(kind, value))
    return record


def _identifiers(records: list[_Record]) -> dict[KeyKind, tuple[list[str], list[int]]]:
    """Every identifier that the orders among the records name, by kind, and the number of the record that does."""
    found: dict[KeyKind, tuple[list[str], list[int]]] = {kind: ([], []) for kind in KEY_KINDS}
    plates, of_plates = found["plate"]
    vins, of_vins = found["vin"]
    for number, record in enumerate(records):
        if record.action == "release":
            continue
        for named in (record.person, record.vehicle):
            if named is None:
                continue
            for document in named.documents:
                identifiers, of = found[cast(KeyKind, document.type) if document.type in DOCUMENT_TYPES else "other"]
                identifiers.append(document.number)
                of.append(number)
            if named.plate:
                plates.append(named.plate)
                of_plates.append(number)
            if named.vin:
                vins.append(named.vin)
                of_vins.append(number)
    return {kind: column for kind, column in found.items() if column[0]}
