"""Delivery's decisions: a released order never passes, an update is told only where it tells something new."""

from __future__ import annotations

import datetime as dt
import json
import random
from functools import reduce
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from matchers.sighting import read_sighting
from stream.core.delivery import Reason, RetryLadder, answer_of, fence
from stream.core.hit import Hit
from stream.core.resolve import resolve
from watchlists.index import Standing
from watchlists.lifecycle import UNKNOWN, Held, decide
from watchlists.order import Order, Release, read_order
from watchlists.policy import Policy

BASES: dict[str, Any] = json.loads((Path(__file__).resolve().parents[2] / "cases" / "bases.json").read_text("utf-8"))
START = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


def record(base: str, **fields: Any) -> Order | Release:
    return read_order(json.dumps(BASES[base] | fields).encode())


def hit(base: str = "detention", sighting: str = "hotel", **fields: Any) -> Hit:
    order = record(base, **fields)
    assert isinstance(order, Order)
    seen = read_sighting(json.dumps(BASES[sighting]).encode())
    (found,) = resolve(seen, [order], Policy.national(), seen.occurred_at)
    return found


RECORDS = st.lists(
    st.one_of(
        st.integers(1, 5).map(lambda version: record("detention", version=version, action="amend")),
        st.integers(1, 5).map(lambda version: record("release", version=version)),
    ),
    max_size=6,
)


@given(RECORDS, RECORDS, st.integers(1, 5))
def test_a_released_order_never_passes_again(before: list[Any], later: list[Any], version: int) -> None:
    held = reduce(lambda held, order: decide(held, order).held, before, UNKNOWN)
    after = reduce(lambda held, order: decide(held, order).held, later, held)
    if held.released:
        assert fence(hit(version=version), Standing(after, None)).reason is Reason.ORDER_RELEASED
    passes = fence(hit(version=version), Standing(after, None)).passes
    assert passes is (after.in_place and after.version <= version)


def test_an_order_that_was_never_placed_does_not_pass() -> None:
    assert not fence(hit(), Standing(UNKNOWN, None)).passes
    assert not fence(hit(), Standing(Held(tombstones=(("440106", 2),)), None)).passes


def test_a_newer_version_is_judged_again_first() -> None:
    assert fence(hit(), Standing(Held("440106", 2), None)).reason is Reason.ORDER_CHANGED
    assert fence(hit(version=2), Standing(Held("440106", 2), None)).passes


def test_an_update_is_told_where_verdict_instruction_or_address_differ() -> None:
    person = BASES["detention"]["person"]
    same = hit(version=2, documents=[*BASES["detention"]["documents"], {"kind": "photo", "sha256": "aa"}])
    assert answer_of(same) == answer_of(hit())
    assert answer_of(hit(person=person | {"name": "李娜", "former_names": []})) != answer_of(hit())
    assert answer_of(hit(handler={"name": "李法官", "phone": "1"})) != answer_of(hit())
    for_exit = {"base": "exit", "sighting": "crossing_out"}
    control = BASES["exit"]["control"] | {"requirement": "report_only"}
    assert answer_of(hit(**for_exit, control=control)) != answer_of(hit(**for_exit))


@given(st.integers(1, 10_000), st.integers(0, 1000))
def test_waits_grow_to_the_longest_and_are_never_nothing(attempt: int, seed: int) -> None:
    ladder = RetryLadder()
    wait = ladder.wait_s(attempt, random.Random(seed))
    assert ladder.first_s / 2 <= wait <= ladder.longest_s
    if attempt > 12:
        assert wait >= ladder.longest_s / 2


def test_it_gives_up_when_its_time_is_over() -> None:
    ladder = RetryLadder(give_up_s=60)
    assert not ladder.gives_up(START, START + dt.timedelta(seconds=59))
    assert ladder.gives_up(START, START + dt.timedelta(seconds=60))
