"""The watchlist as files says what the index says."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from benchmarks.peers.keys import entries, read_wanted, write_watchlist
from matchers.keys import Key
from synthetic.world import World
from watchlists.glance import glance
from watchlists.index import Logged, Watchlist
from watchlists.order import read_order

AT = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


def test_every_key_leads_to_the_orders_that_the_index_finds(tmp_path: Path) -> None:
    records = [record.value for record in World(5, orders=400, at=AT, order_dirtiness=0.3).orders()]
    index = Watchlist()
    for raw in records:
        index.apply(Logged(glance(raw), raw))
    orders, keys = tmp_path / "orders.ndjson", tmp_path / "keys.tsv"

    assert write_watchlist(records, orders, keys) == len(index.keys())

    lines = orders.read_bytes()
    found = {
        Key(kind, value): [read_order(lines[int(place) :].partition(b"\n")[0]).id for place in places.split(",")]
        for kind, value, places in entries(keys)
    }
    assert found == {key: [order.id for order in index.candidates([key])] for key in index.keys()}
    assert max(map(len, found.values())) > 1, "several orders over one subject"


def test_dictionaries_hold_the_file(tmp_path: Path) -> None:
    orders, keys = tmp_path / "orders.ndjson", tmp_path / "keys.tsv"
    write_watchlist((record.value for record in World(5, orders=50, at=AT).orders()), orders, keys)
    wanted = read_wanted(keys)

    assert [(kind, value, wanted[kind][value]) for kind, value, _ in entries(keys)] == list(entries(keys))


def test_a_release_has_no_place_in_it(tmp_path: Path) -> None:
    release = World(5, orders=50, at=AT).release(3).value
    with pytest.raises(ValueError, match="released"):
        write_watchlist([release], tmp_path / "orders.ndjson", tmp_path / "keys.tsv")
