"""What the races hold against deliverers: a start after the release, and a hit that was told and not withdrawn."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from benchmarks.release_races import HIT, WITHDRAWAL, judged
from connectors.courts.receiver import Received
from connectors.redis.leases import InForceMark, Legs
from stream.core.delivery import Reason, Receipt

AT = dt.datetime(2026, 11, 24, 14, 0, tzinfo=dt.UTC)
RELEASED = {"A": InForceMark("A", 2, AT + dt.timedelta(seconds=0.2), 0.2, Legs(0.1, 0.15, "w"))}


def receipt(ms: int) -> Receipt:
    """Of an attempt that began at this time and took 10 ms."""
    about = {"hit_id": "h", "order_id": "A", "order_version": 1, "attempt": 1, "took_s": 0.01}
    began = AT + dt.timedelta(milliseconds=ms)
    return Receipt(
        at=began + dt.timedelta(milliseconds=10), began_at=began, step="delivered", outcome=Reason.DELIVERED, **about
    )


def received(type_: str, ms: int) -> Received:
    return Received("h", type_, "h", "440106", AT + dt.timedelta(milliseconds=ms), 0.0)


@pytest.mark.parametrize(
    ("receipts", "told", "failures", "crossed"),
    [
        ([], [], set(), 0),
        ([receipt(50)], [received(HIT, 60), received(WITHDRAWAL, 300)], set(), 0),
        ([receipt(90)], [received(HIT, 130), received(WITHDRAWAL, 300)], set(), 1),
        ([receipt(90)], [received(HIT, 130)], {"not_withdrawn"}, 1),
        ([receipt(200)], [received(HIT, 210), received(WITHDRAWAL, 300)], {"started_after_release"}, 1),
        ([], [received(HIT, 60), received(WITHDRAWAL, 300)], {"told_without_a_start"}, 0),
    ],
)
def test_races_are_judged(receipts: list[Receipt], told: list[Received], failures: set[str], crossed: int) -> None:
    found: dict[str, Any] = judged({"h": "A"}, RELEASED, receipts, told, withdrawals=True)
    assert set(found["failures"]) == failures
    assert found["crossed"] == crossed


def test_a_release_that_is_nowhere_marked_fails_the_race() -> None:
    assert set(judged({"h": "A"}, {}, [], [], withdrawals=True)["failures"]) == {"releases_not_marked"}
