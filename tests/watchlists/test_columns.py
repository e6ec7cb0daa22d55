"""Columns of orders hold every key that the careful readers find, under the hashes that they have one by one."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.keys import Key, KeyHasher
from synthetic.world import World
from tests.watchlists.orders import order, release
from watchlists.columns import OrderColumns, hash_texts, mentions, order_columns
from watchlists.glance import glance
from watchlists.order import Release
from watchlists.rows import PLACED, RELEASED

HASHER = KeyHasher(b"a secret of tests")
WORLD = [record.value for record in World(5, orders=400, at=dt.datetime(2026, 11, 24, tzinfo=dt.UTC)).orders()]


def rows(columns: OrderColumns) -> tuple[set[tuple[int, ...]], set[tuple[int, ...]]]:
    placed, released = (set(zip(*(c.tolist() for c in table), strict=True)) for table in columns)
    return placed, released


def text(value: str) -> int:
    return int(hash_texts([value], HASHER)[0])


def expected(raws: list[bytes]) -> tuple[set[tuple[int, ...]], set[tuple[int, ...]]]:
    """What the careful reader says, order by order and key by key."""
    placed, released = set(), set()
    for raw in raws:
        found = glance(raw)
        row = (text(found.id), text(found.court.code), min(found.version, 2**32 - 1))
        if isinstance(found, Release):
            released.add(row)
        else:
            placed |= {(*row, HASHER.hash_key(key)) for key in found.keys()}
    return placed, released


def test_a_world_of_orders_has_all_its_keys():
    raws = [*WORLD, release("ZX-1", 4).raw, order("ZX-2", 7, ["E12345678", "Ｇ８７６５４３２１"]).raw]
    placed, released = rows(order_columns(raws, HASHER))
    needed, ended = expected(raws)
    assert needed <= placed, "too many are allowed, too few are not"
    assert released == ended
    assert len(placed) < len(needed) * 1.2


def test_types_are_those_of_the_tables_also_where_there_is_nothing():
    for raws in ([], [b"{}"], WORLD[:3]):
        columns = order_columns(raws, HASHER)
        assert [c.dtype for c in columns.placed] == [np.dtype(d) for d in PLACED]
        assert [c.dtype for c in columns.released] == [np.dtype(d) for d in RELEASED]


@given(st.lists(st.integers(0, len(WORLD) - 1), max_size=30), st.lists(st.integers(0, 30), max_size=4))
@settings(max_examples=40, deadline=None)
def test_a_record_that_nobody_can_read_costs_itself_only(which: list[int], bad: list[int]):
    raws = [WORLD[n] for n in which]
    spoiled = list(raws)
    for n in bad:
        spoiled.insert(
            n % (len(spoiled) + 1), [b"", b"[]", b'{"id":1}', b"\xff{", b"[" * 5000, raws[0][:-1] if raws else b""][n % 6]
        )
    assert rows(order_columns(spoiled, HASHER)) == rows(order_columns(raws, HASHER))


def changed(**fields: Any) -> bytes:
    whole = json.loads(order("ZX-9", 3, ["E12345678"]).raw)
    return json.dumps({**whole, **fields}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({}, Key("passport", "E12345678")),
        ({"version": 2**70}, Key("passport", "E12345678")),
        (
            {"person": {"name": "王", "documents": [{"type": "passport", "number": "ｅ１２３４５６７８"}]}},
            Key("passport", "E12345678"),
        ),
        ({"person": {"name": "王", "documents": [{"type": "card", "number": "A1"}]}}, Key("other", "A1")),
        # The fast structs cannot read these, and the careful reader can.
        ({"court": {"code": "440106", "name": 7}, "vehicle": 7}, Key("passport", "E12345678")),
        ({"vehicle": {"plate": 7}}, Key("passport", "E12345678")),
    ],
)
def test_what_an_order_names_is_in_its_row(fields: dict[str, Any], key: Key):
    raw = changed(**fields)
    version = min(fields.get("version", 3), 2**32 - 1)
    assert (text("ZX-9"), text("440106"), version, HASHER.hash_key(key)) in rows(order_columns([raw], HASHER))[0]
    found = mentions([b"{", raw], np.array([HASHER.hash_key(key)]), HASHER)
    assert (found.rows.tolist(), found.ids.tolist(), found.holds.tolist()) == ([1], [text("ZX-9")], [True])


@given(st.lists(st.integers(0, len(WORLD) - 1), max_size=30), st.integers(0, len(WORLD) - 1))
@settings(max_examples=40, deadline=None)
def test_every_record_that_holds_a_key_mentions_it(which: list[int], wanted: int):
    raws = [*(WORLD[n] for n in which), release("ZX-1", 4).raw, b"[]"]
    keys = set(glance(WORLD[wanted]).keys())
    found = mentions(raws, np.array([HASHER.hash_key(key) for key in keys], np.uint64), HASHER)
    read = [glance(raw) for raw in raws[:-1]]
    assert found.rows.tolist() == list(range(len(read)))
    assert found.ids.tolist() == [text(record.id) for record in read]
    assert found.holds.tolist() == [not isinstance(r, Release) and not keys.isdisjoint(r.keys()) for r in read]


def test_texts_are_hashed_alike_in_any_company():
    texts = ["", "ZX-1", "ZX-1\0", "令" * 60, "ZX-2", "a\ud800"]
    alone = [text(value) for value in texts]
    assert hash_texts(texts, HASHER).tolist() == alone
    assert len(set(alone)) == len(texts)
    assert text("ZX-1") != int(hash_texts(["ZX-1"], KeyHasher(b"another secret of tests"))[0])
