"""What became of every hit: told under its own id, or not told and a receipt says why. Anything else fails the benchmark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

DELIVERED: Final = "delivered"
INSTRUCTED: Final = "instructed"


class Step(msgspec.Struct):
    """What is read of a record of ``receipts``. A step that this page does not know is a reason like any other."""

    hit_id: str
    step: str
    outcome: str


class Reckoning(msgspec.Struct):
    """All hits, by what became of them.

    ``told``: the court was told, and a receipt says so. ``reasons``: not told, and why, by the last receipt. ``wrong``: what
    must not be, with how often.
    """

    told: int
    repeated: int
    reasons: dict[str, int]
    wrong: dict[str, int]

    @property
    def is_right(self) -> bool:
        return not self.wrong

    def as_json(self) -> dict[str, Any]:
        return {"told": self.told, "repeated": self.repeated, "not_told": self.reasons, "wrong": self.wrong}


def reckon(sent: Iterable[str], arrived: Mapping[str, int], steps: Iterable[Step]) -> Reckoning:
    """Hold the hits that were sent against how often each arrived (by its id) and against the receipts, in their order."""
    delivered: set[str] = set()
    last: dict[str, str] = {}
    for step in steps:
        if step.step == DELIVERED:
            delivered.add(step.hit_id)
        elif step.step != INSTRUCTED:
            last[step.hit_id] = f"{step.step}: {step.outcome}"
    ids = set(sent)
    reasons, wrong = Counter[str](), Counter[str]()
    for hit in ids:
        if hit in arrived and hit in delivered:
            continue
        if hit in arrived:
            wrong["told without a receipt"] += 1
        elif hit in delivered:
            wrong["a receipt of what never came"] += 1
        elif hit in last:
            reasons[last[hit]] += 1
        else:
            wrong["neither told nor explained"] += 1
    strangers = len(arrived.keys() - ids)
    if strangers:
        wrong["told under an id that nobody sent"] = strangers
    told = len(ids & arrived.keys() & delivered)
    return Reckoning(told, sum(times > 1 for times in arrived.values()), dict(reasons), dict(wrong))
