"""What `chakong order` tells of an order: its state, its times and their legs, and nothing of whom it is about."""

from __future__ import annotations

import datetime as dt
import json

import msgspec

from connectors.courts.endpoint import Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.courts.signature import new_secret
from connectors.redis.leases import InForceMark, Legs
from stream.commands.order import as_object
from stream.core.reachability import Seen, seen_of
from stream.services.lacks import Lacks
from tests.stream.core.test_reachability import record
from tests.watchlists import orders
from watchlists.index import MemoryIndex, Standing

AT = dt.datetime(2026, 11, 24, 14, 0, tzinfo=dt.UTC)
PLACED = InForceMark("A", 1, AT, 0.04)
RELEASED = InForceMark("A", 2, AT, 0.08, Legs(0.03, 0.07, "w-2"), AT + dt.timedelta(milliseconds=500))
LACKS = Lacks(Endpoints(), {}, AT)


async def standing(*records: bytes) -> Standing:
    index = MemoryIndex()
    logged = [orders.order("A", 1, ["E12345678"]), orders.release("A", 2)]
    await index.apply(0, 0, 2, [one for one in logged if one.raw in records or not records])
    return (await index.standings(["A"])).of["A"]


async def test_a_released_order_is_told_with_its_legs() -> None:
    told = as_object("A", await standing(), {1: PLACED, 2: RELEASED}, LACKS)
    assert (told["state"], told["version"], told["measure"]) == ("released", 2, None)
    first, second = told["versions"]
    assert (first["in_force_everywhere_at"], first["everywhere_ms"], first["slowest_worker"]) == (AT, 40, None)
    assert (second["released_everywhere_at"], second["everywhere_ms"]) == (AT, 80)
    assert (second["in_index_ms"], second["in_filters_ms"], second["slowest_worker"]) == (30, 70, "w-2")
    assert second["last_withdrawal_ms"] == 580


async def test_an_order_in_place_is_told_without_its_subject() -> None:
    placed = orders.order("A", 1, ["E12345678"])
    told = as_object("A", await standing(placed.raw), {1: PLACED}, LACKS)
    assert (told["state"], told["version"]) == ("in_place", 1)
    assert told["measure"] is not None
    text = msgspec.json.encode(told).decode()
    person = json.loads(placed.raw)["person"]
    assert person["name"] not in text
    assert "E12345678" not in text


async def test_a_release_that_came_first_is_told_by_its_court() -> None:
    release = orders.release("A", 2)
    told = as_object("A", await standing(release.raw), {2: RELEASED}, LACKS)
    assert (told["state"], told["version"]) == ("released_before_placed", None)
    assert told["released_by"] == [json.loads(release.raw)["court"]["code"]]
    assert "released_everywhere_at" in told["versions"][0]


async def test_an_order_whose_handler_cannot_be_reached_is_flagged_before_any_hit() -> None:
    endpoint = Endpoint.of("440106", "https://court.example/hits", new_secret(bytes(32)))
    held = await standing(orders.order("A", 1, ["E12345678"]).raw)
    silent = seen_of([record("asked", 0), record("taken", 0)])
    for seen, handler, lacks in (
        (Seen(), ["never_tested"], ["no_escalation"]),
        (silent, ["unanswered"], ["handler_unreachable", "no_escalation"]),
    ):
        at = AT + dt.timedelta(days=1)
        told = as_object("A", held, {1: PLACED}, Lacks(Endpoints([endpoint]), {endpoint.digest: seen}, at))
        assert (told["handler"], told["lacks"]) == (handler, lacks)
    nowhere = as_object("A", held, {1: PLACED}, LACKS)
    assert (nowhere["handler"], nowhere["lacks"]) == ([], ["no_handler_endpoint", "no_escalation"])
    released = as_object("A", await standing(), {2: RELEASED}, LACKS)
    assert (released["handler"], released["lacks"]) == (None, None)
