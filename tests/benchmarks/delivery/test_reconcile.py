"""Every hit is told under its id, or a receipt says why not; anything else is wrong."""

from __future__ import annotations

import pytest

from benchmarks.delivery.reconcile import Step, reckon

INSTRUCTED = ("instructed", "new")
REFUSED = ("attempted", "refused")
DELIVERED = ("delivered", "delivered")


def steps(*story: tuple[str, str]) -> list[Step]:
    return [Step("h", step, outcome) for step, outcome in story]


@pytest.mark.parametrize("story", [(DELIVERED,), (INSTRUCTED, REFUSED, DELIVERED), (REFUSED, DELIVERED, REFUSED)])
def test_told_is_what_arrived_and_has_a_receipt_of_it(story: tuple[tuple[str, str], ...]) -> None:
    reckoning = reckon(["h"], {"h": 1}, steps(*story))
    assert reckoning.is_right
    assert reckoning.as_json() == {"told": 1, "repeated": 0, "not_told": {}, "wrong": {}}


def test_the_last_receipt_says_why_a_hit_was_not_told() -> None:
    reckoning = reckon(["h"], {}, steps(("attempted", "unreachable"), REFUSED, INSTRUCTED))
    assert reckoning.is_right
    assert (reckoning.told, reckoning.reasons) == (0, {"attempted: refused": 1})


@pytest.mark.parametrize(
    ("arrived", "story", "wrong"),
    [
        ({}, (), "neither told nor explained"),
        ({}, (INSTRUCTED,), "neither told nor explained"),
        ({"h": 1}, (INSTRUCTED,), "told without a receipt"),
        ({}, (DELIVERED,), "a receipt of what never came"),
        ({"h": 1, "x": 1}, (DELIVERED,), "told under an id that nobody sent"),
    ],
)
def test_what_must_not_be_is_counted(arrived: dict[str, int], story: tuple[tuple[str, str], ...], wrong: str) -> None:
    reckoning = reckon(["h"], arrived, steps(*story))
    assert not reckoning.is_right
    assert reckoning.wrong == {wrong: 1}


def test_a_hit_that_comes_twice_is_told_once_and_counted_as_repeated() -> None:
    sent = ["a", "b"]
    reckoning = reckon(sent, {"a": 2, "b": 1}, [Step(hit, *DELIVERED) for hit in sent])
    assert reckoning.is_right
    assert (reckoning.told, reckoning.repeated) == (2, 1)
