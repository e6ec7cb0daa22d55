"""What is written under a tag is read again as it was, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.redis import entries
from connectors.redis.bodies import DICTIONARY, Bodies, unpack
from connectors.redis.entries import Entry
from matchers.wire import UnreadableError
from synthetic.world import World
from tests.watchlists.orders import order
from watchlists.lifecycle import Held

BODIES = Bodies()
ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
numbers = st.integers(1, 10**60)
tags = st.frozensets(st.binary(min_size=6, max_size=6), max_size=300).map(lambda found: b"".join(sorted(found)))
tombstones = st.dictionaries(ids, numbers, max_size=3).map(lambda found: tuple(found.items()))


@st.composite
def entry(draw: st.DrawFn, id_: str) -> Entry:
    """An id that is in place, was released, or was only ever released."""
    beside = draw(tombstones)
    if draw(st.booleans()):
        logged = order(id_, draw(numbers), ["E1"], court=draw(ids))
        held = Held(logged.record.court.code, logged.record.version, False, beside)
        return Entry(held, draw(tags), BODIES.pack(logged.raw))
    court = draw(st.one_of(st.none(), ids))
    held = Held(court, draw(numbers), True, beside) if court else Held(tombstones=beside)
    return Entry(held, b"", b"")


@settings(deadline=None)
@given(st.data(), st.lists(ids, min_size=1, max_size=3, unique=True))
def test_entries_come_back(data: st.DataObject, of: list[str]) -> None:
    held = {id_: data.draw(entry(id_)) for id_ in of}
    value = entries.written(held)
    assert entries.read(value) == held
    assert sorted(entries.bodies(value)) == sorted(one.body for one in held.values() if one.body)
    assert entries.written(dict(reversed(held.items()))) == value


def test_nothing_is_nothing() -> None:
    assert entries.read(b"") == {}


def test_an_order_in_place_is_its_keys_and_its_body() -> None:
    body = BODIES.pack(order("A", 1, ["E1"]).raw)
    assert entries.written({"A": Entry(Held("440106", 1), b"sixsix", body)}) == b"\1sixsix" + body


@given(st.binary())
def test_a_body_comes_back_byte_for_byte(raw: bytes) -> None:
    assert unpack(BODIES.pack(raw)) == raw


def test_the_dictionary_is_worth_its_place() -> None:
    """Of a world that it was not trained on."""
    raws = [record.value for record in World(3, orders=500).orders()]
    assert sum(len(BODIES.pack(raw)) for raw in raws) < 0.24 * sum(map(len, raws))
    assert len(DICTIONARY.read_bytes()) <= 8192


def test_a_damaged_order_in_place_is_damage() -> None:
    for body in (b"nobody", BODIES.pack(b"{}"), BODIES.pack(b"\xff")):
        with pytest.raises(UnreadableError):
            entries.read(b"\1sixsix" + body)
