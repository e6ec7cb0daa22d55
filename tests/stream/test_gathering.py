"""Batches of whatever has come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.gathering import gathered


async def _counting(events: int, came: list[int], pauses: frozenset[int] = frozenset()) -> AsyncIterator[int]:
    for event in range(events):
        if event in pauses:
            await asyncio.sleep(0)
        came.append(event)
        yield event


@given(st.integers(0, 60), st.integers(1, 9), st.frozensets(st.integers(0, 60)))
def test_every_event_comes_once_and_in_order_in_batches_within_bounds(events: int, most: int, pauses: frozenset[int]) -> None:
    async def run() -> None:
        came: list[int] = []
        seen: list[int] = []
        async for batch in gathered(_counting(events, came, pauses), most):
            assert 1 <= len(batch) <= most
            seen += batch
            assert len(came) <= len(seen) + most + 1
            await asyncio.sleep(0)
        assert seen == list(range(events))

    asyncio.run(run())


async def test_an_event_alone_passes_at_once() -> None:
    never = asyncio.Event()

    async def one() -> AsyncIterator[str]:
        yield "alone"
        await never.wait()

    batches = gathered(one(), 1000)
    assert await asyncio.wait_for(anext(batches), 1.0) == ["alone"]
    await batches.aclose()


async def test_what_waits_while_one_works_is_the_next_batch() -> None:
    came: list[int] = []
    batches = gathered(_counting(30, came), 10)
    first = await anext(batches)
    while len(came) < len(first) + 10:
        await asyncio.sleep(0)
    assert len(await anext(batches)) == 10
    await batches.aclose()


async def test_what_reading_raises_comes_after_what_was_read() -> None:
    async def failing() -> AsyncIterator[int]:
        yield 1
        raise OSError("the broker went away")

    batches = gathered(failing(), 10)
    assert await anext(batches) == [1]
    with pytest.raises(OSError, match="went away"):
        await anext(batches)


async def test_whoever_stops_asking_stops_the_reading() -> None:
    stopped = asyncio.Event()

    async def endless() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
                await asyncio.sleep(0)
        finally:
            stopped.set()

    batches = gathered(endless(), 2)
    await anext(batches)
    await batches.aclose()
    await asyncio.wait_for(stopped.wait(), 1.0)
