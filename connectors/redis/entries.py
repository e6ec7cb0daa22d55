"""What is stored under an order's tag.

    n (1 to 255), n tags of keys (6 bytes each), body      an order in place and nothing else, as nearly all are
    0, MessagePack: a list of rows                         anything else: released, tombstones, two ids that share a tag

An order in place is told by its body alone: id, court and version stand in it. One that was released leaves its id, court
and version, and nothing of its subject.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from connectors.redis.bodies import unpack
from connectors.redis.index_scripts import TAG_BYTES
from matchers.wire import UnreadableError
from watchlists.lifecycle import UNKNOWN, Held

_LONG: Final = 0
_KEYS_MAX: Final = 255
_CACHED: Final = 2048


class Entry(NamedTuple):
    """What is held of an id, the tags of its keys, joined, and the packed order while it is in place."""

    held: Held
    keys: bytes
    body: bytes


NOTHING: Final = Entry(UNKNOWN, b"", b"")


class _Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An id in the long form. Versions are decimal, since they have no bound."""

    id: str
    court: str | None
    version: str
    released: bool
    tombstones: tuple[tuple[str, str], ...]
    keys: bytes
    body: bytes


class _Court(msgspec.Struct, gc=False):
    code: str


class _Name(msgspec.Struct, gc=False):
    """As much of an order as says what is held."""

    id: str
    version: int
    court: _Court


_rows: Final = msgspec.msgpack.Decoder(list[_Row])
_name: Final = msgspec.json.Decoder(_Name)


def written(entries: Mapping[str, Entry]) -> bytes:
    """The value for the ids that share a tag; the same bytes for the same entries."""
    if len(entries) == 1:
        (entry,) = entries.values()
        keys = len(entry.keys) // TAG_BYTES
        if entry.held.in_place and not entry.held.tombstones and 0 < keys <= _KEYS_MAX:
            return bytes((keys,)) + entry.keys + entry.body
    return bytes((_LONG,)) + msgspec.msgpack.encode([_row(id_, entries[id_]) for id_ in sorted(entries)])


def read(value: bytes) -> dict[str, Entry]:
    """The entries of each id under a tag; empty where there was none.

    Raises:
        UnreadableError: an order's body is damaged.
    """
    if not value:
        return {}
    if value[0] == _LONG:
        return {row.id: _entry(row) for row in _rows.decode(memoryview(value)[1:])}
    body = _body(value)
    id_, held = _told(body)
    return {id_: Entry(held, value[1 : -len(body)], body)}


def bodies(value: bytes) -> Iterator[bytes]:
    """The packed orders in place under a tag."""
    if value[0] != _LONG:
        yield _body(value)
    else:
        yield from (row.body for row in _rows.decode(memoryview(value)[1:]) if row.body)


def _body(value: bytes) -> bytes:
    return value[1 + value[0] * TAG_BYTES :]


@lru_cache(_CACHED)
def _told(body: bytes) -> tuple[str, Held]:
    """The id, and what is held of it."""
    try:
        name = _name.decode(unpack(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UnreadableError("damaged", "the body is no order") from None
    return name.id, Held(name.court.code, name.version)


def _row(id_: str, entry: Entry) -> _Row:
    held = entry.held
    tombstones = tuple((court, str(version)) for court, version in held.tombstones)
    return _Row(id_, held.court, str(held.version), held.released, tombstones, entry.keys, entry.body)


def _entry(row: _Row) -> Entry:
    tombstones = tuple((court, int(version)) for court, version in row.tombstones)
    return Entry(Held(row.court, int(row.version), row.released, tombstones), row.keys, row.body)


def difference(old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """The tags that are only in the new ones, and those only in the old ones."""
    if not old or not new:
        return new, old
    before, after = _split(old), _split(new)
    return b"".join(after - before), b"".join(before - after)


def _split(tags: bytes) -> frozenset[bytes]:
    return frozenset(tags[at : at + TAG_BYTES] for at in range(0, len(tags), TAG_BYTES))
