"""The demo's judgement finds each way of being wrong, and forgives only what either answer is right for."""

from __future__ import annotations

import datetime as dt

import pytest

from connectors.courts.receiver import Received
from stream.demo.judge import Life, Sent, judge_run
from synthetic.truth import Expected

_PAIR = Expected(
    "order-1", "station-1", "sighting-1", "confirmed", "call_court", "judicial_detention", "2026-11-24T10:00:00+08:00"
)
_PLACED = 100.0
_IN_FORCE = 101.0


def _received(pair: Expected = _PAIR, at_s: float = 120.0, **other: str) -> dict[str, Received]:
    told = {"order_id": pair.order_id, "measure": pair.measure, "certainty": pair.certainty, "instruction": pair.instruction}
    at = dt.datetime.fromtimestamp(at_s, dt.UTC)
    return {pair.hit_id: Received(pair.hit_id, "chakong.hit.v1", pair.hit_id, "440106", at, at_s, **{**told, **other})}


def _life(**more: float) -> dict[str, Life]:
    return {_PAIR.order_id: Life(_PLACED, _IN_FORCE, **more)}


def test_found_is_clean() -> None:
    result = judge_run([Sent(_PAIR, 110.0)], _life(), _received())
    assert (result.due, result.found, result.is_clean) == (1, 1, True)


def test_missed() -> None:
    result = judge_run([Sent(_PAIR, 110.0)], _life(), {})
    assert (result.missed, result.is_clean) == ([_PAIR.hit_id], False)


def test_false() -> None:
    result = judge_run([], _life(), _received())
    assert (result.false, result.is_clean) == ([_PAIR.hit_id], False)


@pytest.mark.parametrize("field", ["order_id", "measure", "certainty", "instruction"])
def test_told_otherwise_is_wrong(field: str) -> None:
    result = judge_run([Sent(_PAIR, 110.0)], _life(), _received(**{field: "another"}))
    assert (result.wrong, result.is_clean) == ([_PAIR.hit_id], False)


@pytest.mark.parametrize("received", [{}, _received()])
def test_before_the_order_was_in_force_either_answer_is_right(received: dict[str, Received]) -> None:
    result = judge_run([Sent(_PAIR, 100.5)], _life(), received)
    assert (result.either, result.due, result.is_clean) == (1, 0, True)


def test_delivered_after_the_release_was_felt_everywhere() -> None:
    result = judge_run([Sent(_PAIR, 110.0)], _life(release_sent_s=115.0, released_s=116.0), _received(at_s=117.0))
    assert (result.after_release, result.is_clean) == ([_PAIR.hit_id], False)


def test_held_back_by_the_fence_is_right_only_with_a_receipt() -> None:
    lives = _life(release_sent_s=115.0, released_s=116.0)
    assert judge_run([Sent(_PAIR, 110.0)], lives, {}, {_PAIR.hit_id}).is_clean
    assert not judge_run([Sent(_PAIR, 110.0)], lives, {}).is_clean


def test_the_fence_is_no_excuse_where_nothing_was_released() -> None:
    assert not judge_run([Sent(_PAIR, 110.0)], _life(), {}, {_PAIR.hit_id}).is_clean


def test_seen_after_the_release_must_not_come_and_need_not() -> None:
    lives = _life(release_sent_s=115.0, released_s=116.0)
    assert judge_run([Sent(_PAIR, 118.0)], lives, {}).is_clean
    assert not judge_run([Sent(_PAIR, 118.0)], lives, _received(at_s=119.0)).is_clean


def test_a_sighting_on_its_way_when_the_release_came_may_be_judged_without_the_order() -> None:
    lives = _life(release_sent_s=115.0, released_s=116.0)
    assert judge_run([Sent(_PAIR, 114.0)], lives, {}, passage_s=2.0).is_clean
    assert not judge_run([Sent(_PAIR, 112.0)], lives, {}, passage_s=2.0).is_clean
