"""Turns: a burst at once, then the steady rate; each caller has a bucket of their own. Slots: so many, one of each caller."""

import asyncio

import pytest

from connectors.door import limits
from connectors.door.limits import Rates, Slots, Turns
from stream.core.authority import Grant, Principal, Role


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


def test_checks_have_turns_of_their_own_by_what_the_caller_is() -> None:
    clock = Clock()
    usual, few, many = (Turns(rate, burst, clock) for rate, burst in ((1.0, 1), (2.0, 2), (9.0, 4)))
    rates = Rates(usual, {("check_exit", Role.STATION): few, ("check_exit", Role.POLICE): many})
    station = Principal("s", (Grant(Role.STATION, station="s"),))
    both = Principal("b", (*station.grants, Grant(Role.POLICE, province="44")))
    court = Principal("c", (Grant(Role.COURT_SYSTEM, court="c"),))

    def taken(principal: Principal, operation: str) -> int:
        """How many turns there are at once."""
        return next(number for number in range(9) if rates.wait_s(principal, operation))

    assert [taken(one, "check_exit") for one in (station, both, court)] == [2, 4, 1]
    assert [taken(one, "list_instructions") for one in (station, both)] == [1, 1]
