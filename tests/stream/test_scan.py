"""Scanning without a command: what is counted, and what memory is spent on."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stream.scan import DeadLetter, Scan
from watchlists.policy import Policy

BASES: dict[str, Any] = json.loads((Path(__file__).resolve().parents[1] / "cases" / "bases.json").read_text("utf-8"))
LINES = {name: json.dumps(record).encode() + b"\n" for name, record in BASES.items()}


def loaded(*orders: bytes) -> tuple[Scan, list[DeadLetter]]:
    buried: list[DeadLetter] = []
    scan = Scan(Policy.national(), buried.append)
    assert list(scan.load("orders", [list(orders)])) == [sum(bool(order.strip()) for order in orders)]
    return scan, buried


def test_what_is_counted() -> None:
    scan, buried = loaded(LINES["detention"], LINES["seizure"], b"\n", b"{\n", LINES["exit"].replace(b'"E"', b'"D"'))
    blocks = [[LINES["hotel"], b"\n", b"{\n"], [LINES["roadside_check"], LINES["hotel"]]]
    hits = list(scan.sightings("sightings", blocks))
    assert [[hit.order_id for hit in block] for block in hits] == [["D"], ["D", "V"]]
    tally = scan.tally
    assert (tally.orders, tally.orders_in_place, tally.keys) == (4, 2, 4)
    assert (tally.sightings, tally.hits, tally.verify, tally.dead_letters) == (4, 3, 0, 2)
    assert tally.reasons == {"not_json": 2}
    assert [(letter.source, letter.line) for letter in buried] == [("orders", 4), ("sightings", 3)]


def test_memory_does_not_grow_with_the_sightings() -> None:
    scan, _ = loaded(LINES["detention"])
    nobody = LINES["hotel"].replace(b"11010519491231002X", b"440106199001011233")

    def peak(blocks: int) -> int:
        tracemalloc.start()
        endless: Iterator[list[bytes]] = ([nobody] * 500 for _ in range(blocks))
        assert not any(scan.sightings("sightings", endless))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)
    assert peak(80) < peak(4) * 1.2 + 50_000
