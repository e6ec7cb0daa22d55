"""Turns: no more than there are at once, the most perishable news first, none lost when somebody stops waiting."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from connectors.courts.lanes import Lanes, Turns


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.integers(1, 3))
def test_what_perishes_first_goes_first_and_of_equals_who_came_first(stale: list[int], turns: int) -> None:
    async def run() -> list[tuple[int, int]]:
        free, held = Turns(turns), asyncio.Event()
        went: list[tuple[int, int]] = []

        async def hold() -> None:
            async with free.turn(0.0):
                await held.wait()

        async def go(number: int) -> None:
            async with free.turn(float(stale[number])):
                went.append((stale[number], number))

        async with asyncio.TaskGroup() as all_of_them:
            for _ in range(turns):
                all_of_them.create_task(hold())
            await asyncio.sleep(0)
            for number in range(len(stale)):
                all_of_them.create_task(go(number))
            await asyncio.sleep(0)
            assert not went
            held.set()
        return went

    assert asyncio.run(run()) == sorted((when, number) for number, when in enumerate(stale))


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_a_turn_is_not_lost_when_whoever_waits_for_it_stops_waiting(stops: list[bool]) -> None:
    async def run() -> None:
        free = Turns(1)

        async def go() -> None:
            async with free.turn(1.0):
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(go()) for _ in stops]
        await asyncio.sleep(0)
        for task, stop in zip(tasks, stops, strict=True):
            if stop:
                task.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(5), free.turn(1.0):
            pass

    asyncio.run(run())


async def test_a_lane_lives_while_somebody_uses_it_and_delays_no_other() -> None:
    lanes = Lanes(turns=1, all_turns=8)
    async with lanes.turn("slow", 1.0):
        waits = asyncio.create_task(lanes.turn("slow", 1.0).__aenter__())
        await asyncio.sleep(0)
        async with lanes.turn("other", 1.0):
            assert len(lanes) == 2
        assert not waits.done()
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)
    assert len(lanes) == 0
