"""Turns: a burst at once, then the steady rate; each caller has a bucket of their own. Slots: so many, one of each caller."""

import asyncio

import pytest

from connectors.door import limits
from connectors.door.limits import Slots, Turns


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_and_then_the_rate() -> None:
    clock = Clock()
    turns = Turns(2.0, 3, clock)
    assert [turns.wait_s("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert turns.wait_s("b") == 0.0
    clock.now_s += 0.25
    assert turns.wait_s("a") == 0.25
    clock.now_s += 0.25
    assert [turns.wait_s("a"), turns.wait_s("a")] == [0.0, 0.5]
    clock.now_s += 3600
    assert [turns.wait_s("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_it_remembers_no_more_callers_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CALLERS_MAX", 2)
    turns = Turns(1.0, 1, Clock())
    assert [turns.wait_s(who) for who in ("a", "b", "b", "c")] == [0.0, 0.0, 1.0, 0.0]
    assert [turns.wait_s("b"), turns.wait_s("a")] == [1.0, 0.0]


async def test_slots_are_so_many_and_nobody_has_two() -> None:
    slots, inside, most, done = Slots(2), [], [], []

    async def work(who: str) -> None:
        async with slots.of(who):
            inside.append(who)
            most.append(sorted(inside))
            await asyncio.sleep(0)
            inside.remove(who)
        done.append(who)

    await asyncio.gather(*(work(who) for who in "aaabbcc"))
    assert sorted(done) == list("aaabbcc")
    assert max(map(len, most)) == 2
    assert all(len(set(seen)) == len(seen) for seen in most)
    assert not slots._own


async def test_whoever_gives_up_waiting_leaves_no_slot_taken() -> None:
    slots = Slots(1)
    async with slots.of("a"):
        for who in "ab":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01), slots.of(who):
                    raise AssertionError
    async with slots.of("a"):
        assert set(slots._own) == {"a"}
