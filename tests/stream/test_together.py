"""Together: nothing is lost, nothing is answered by what began before it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.together import MOST, Together


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), max_size=30))
def test_every_item_is_asked_for_once_and_after_it_came(calls: list[tuple[int, int]]) -> None:
    async def run() -> None:
        came: list[int] = []
        asked: list[list[int]] = []

        async def ask(items: Sequence[int]) -> list[int]:
            assert set(items) <= set(came)
            before = list(came)
            await asyncio.sleep(0)
            asked.append(list(items))
            return before

        together = Together(ask)

        async def one(number: int, pauses: int, count: int) -> None:
            for _ in range(pauses):
                await asyncio.sleep(0)
            items = [number * 10 + place for place in range(count)]
            came.extend(items)
            assert set(items) <= set(await together(items))

        await asyncio.gather(*(one(number, pauses, count) for number, (pauses, count) in enumerate(calls)))
        assert sorted(item for group in asked for item in group) == sorted(came)
        assert all(len(group) < MOST + 5 for group in asked)

    asyncio.run(run())


async def test_what_comes_while_one_is_under_way_goes_together() -> None:
    groups: list[int] = []
    free = asyncio.Event()

    async def ask(items: Sequence[int]) -> None:
        groups.append(len(items))
        await free.wait()

    together = Together(ask)
    first = asyncio.create_task(together([0]))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(together([number])) for number in range(100)]
    await asyncio.sleep(0.01)
    free.set()
    await asyncio.gather(first, *others)
    assert groups == [1, 100]


async def test_an_error_is_everybodys_and_the_next_call_begins_anew() -> None:
    fails = True

    async def ask(items: Sequence[int]) -> int:
        if fails:
            raise ZeroDivisionError
        return sum(items)

    together = Together(ask)
    answers = await asyncio.gather(together([1]), together([2]), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ZeroDivisionError] * 2
    fails = False
    assert await together([3]) == 3


@pytest.mark.parametrize("cancelled", [0, 1, 2])
async def test_one_that_is_cancelled_takes_nobody_along(cancelled: int) -> None:
    free = asyncio.Event()

    async def ask(items: Sequence[int]) -> int:
        await free.wait()
        return sum(items)

    together = Together(ask)
    calls = [asyncio.create_task(together([number])) for number in (1, 2, 4)]
    await asyncio.sleep(0.01)
    calls[cancelled].cancel()
    await asyncio.sleep(0.01)
    free.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(answers.pop(cancelled), asyncio.CancelledError)
    assert answers in ([6, 6], [1, 6])
    assert await together([8]) == 8
