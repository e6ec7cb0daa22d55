"""What `chakong order` tells of an order: its state, its times and their legs, and nothing of whom it is about."""

from __future__ import annotations

import datetime as dt
import json

import msgspec

from connectors.redis.leases import InForceMark, Legs
from stream.commands.order import as_object
from tests.watchlists import orders
from watchlists.index import MemoryIndex, Standing

AT = dt.datetime(2026, 11, 24, 14, 0, tzinfo=dt.UTC)
PLACED = InForceMark("A", 1, AT, 0.04)
RELEASED = InForceMark("A", 2, AT, 0.08, Legs(0.03, 0.07, "w-2"), AT + dt.timedelta(milliseconds=500))


async def standing(*records: bytes) -> Standing:
    index = MemoryIndex()
    logged = [orders.order("A", 1, ["E12345678"]), orders.release("A", 2)]
    await index.apply(0, 0, 2, [one for one in logged if one.raw in records or not records])
    return (await index.standings(["A"])).of["A"]


async def test_a_released_order_is_told_with_its_legs() -> None:
    told = as_object("A", await standing(), {1: PLACED, 2: RELEASED})
    assert (told["state"], told["version"], told["measure"]) == ("released", 2, None)
    first, second = told["versions"]
    assert (first["in_force_everywhere_at"], first["everywhere_ms"], first["slowest_worker"]) == (AT, 40, None)
    assert (second["released_everywhere_at"], second["everywhere_ms"]) == (AT, 80)
    assert (second["in_index_ms"], second["in_filters_ms"], second["slowest_worker"]) == (30, 70, "w-2")
    assert second["last_withdrawal_ms"] == 580


async def test_an_order_in_place_is_told_without_its_subject() -> None:
    placed = orders.order("A", 1, ["E12345678"])
    told = as_object("A", await standing(placed.raw), {1: PLACED})
    assert (told["state"], told["version"]) == ("in_place", 1)
    assert told["measure"] is not None
    text = msgspec.json.encode(told).decode()
    person = json.loads(placed.raw)["person"]
    assert person["name"] not in text
    assert "E12345678" not in text


async def test_a_release_that_came_first_is_told_by_its_court() -> None:
    release = orders.release("A", 2)
    told = as_object("A", await standing(release.raw), {2: RELEASED})
    assert (told["state"], told["version"]) == ("released_before_placed", None)
    assert told["released_by"] == [json.loads(release.raw)["court"]["code"]]
    assert "released_everywhere_at" in told["versions"][0]
