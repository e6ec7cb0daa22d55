"""The benchmark at a small size: a real worker, real courts, four of which fail, and every hit reconciled."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from benchmarks.delivery.command import measure
from benchmarks.delivery.courts import FAILURES
from benchmarks.delivery.docket import ORDERS_EACH, Docket
from benchmarks.delivery.run import Plan
from deploy.local.addresses import Addresses


def test_a_docket_has_so_many_courts_and_never_the_same_hit_twice() -> None:
    docket = Docket(7, courts=6)
    assert len(docket.courts) == 6
    assert len({record.key for record in docket.orders()}) == 6 * ORDERS_EACH
    made = [*docket.hits(40), *docket.hits(40)]
    assert len({hit.id for hit in made}) == 80
    assert [hit.court for hit in made[:12]] == [*docket.courts, *docket.courts]
    assert {hit.record.key for hit in made} == {court.encode() for court in docket.courts}


def test_a_small_run_reconciles_every_hit(tmp_path: Path, stack: Addresses) -> None:
    plan = Plan(courts=8, rates=(40.0,), seconds=3.0, warm_seconds=1.0, share=1.0, legs=1)
    result = measure(tmp_path, stack, plan, Console(quiet=True))
    reconciled = result["reconciled"]
    assert reconciled["wrong"] == {}
    assert reconciled["told"] + sum(reconciled["not_told"].values()) == result["hits"]
    assert reconciled["told"] >= result["hits"] * 3 // 4
    assert result["dead_courts"]["failing"] == list(FAILURES)
    assert result["dead_courts"]["arrived_a_second"]["alive"]["median"] > 0
    assert result["dead_courts"]["arrived_a_second"]["dead"]["median"] > 0
    assert result["ramp"][0]["cpu_us_a_hit"] > 0
