"""An attempt begins on a fresh answer of the fence, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from stream.core.hit import Hit
from stream.services import standing
from stream.services.reached import Reached
from stream.services.standing import FRESH_S, TRIES_MAX, Asked, Fence
from tests.stream.core.hits import hit
from watchlists.index import Standing, Standings
from watchlists.lifecycle import Held

HIT: Hit = hit()
OPEN, RELEASED = (Standing(Held(HIT.court.code, version, released), None) for version, released in ((1, False), (2, True)))


class SlowIndex:
    """Answers with each of these in turn, the last again and again, after so many seconds each."""

    def __init__(self, clock: list[float], answers: Sequence[tuple[float, Standing]]) -> None:
        self._clock, self._answers, self.asked = clock, answers, 0

    async def standings(self, order_ids: Sequence[str]) -> Standings:
        took_s, answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self._clock[0] += took_s
        self.asked += 1
        return Standings(dict.fromkeys(order_ids, answer), {})


@pytest.mark.parametrize(
    ("answers", "passes", "asked"),
    [
        ([(0.0, OPEN)], True, 1),
        ([(0.0, RELEASED)], False, 1),
        ([(2 * FRESH_S, OPEN), (0.0, OPEN)], True, 2),
        ([(2 * FRESH_S, OPEN), (0.0, RELEASED)], False, 2),
        ([(2 * FRESH_S, RELEASED)], False, 1),
        ([(2 * FRESH_S, OPEN)], True, TRIES_MAX),
    ],
    ids=["fresh", "released", "late and open", "late and released meanwhile", "released however late", "always late"],
)
async def test_a_late_answer_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, answers: Sequence[tuple[float, Standing]], passes: bool, asked: int
) -> None:
    clock = [100.0]
    monkeypatch.setattr(standing.time, "monotonic", lambda: clock[0])
    index: Any = SlowIndex(clock, answers)
    assert await Fence(index, Reached(dict)).lets_pass(HIT) is passes
    assert index.asked == asked


async def test_an_answer_that_is_there_and_fresh_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(standing.time, "monotonic", lambda: clock[0])
    index: Any = SlowIndex(clock, [(0.0, RELEASED)])
    fence = Fence(index, Reached(dict))
    there = Asked(OPEN, clock[0])
    clock[0] += FRESH_S / 2
    assert await fence.lets_pass(HIT, there)
    assert index.asked == 0
    clock[0] += FRESH_S
    assert not await fence.lets_pass(HIT, there)
