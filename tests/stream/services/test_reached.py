"""An index that is behind where it is known to have been answers nothing."""

from __future__ import annotations

import asyncio

from stream.services.reached import Reached, is_as_far


async def test_nothing_is_whole_before_the_filter_has_caught_up() -> None:
    followed: list[dict[int, int]] = []
    reached = Reached(lambda: followed[0] if followed else None)
    asked = asyncio.create_task(reached.is_whole({0: 9}))
    await asyncio.sleep(0.05)
    assert not asked.done()
    followed.append({0: 7})
    assert await asyncio.wait_for(asked, 1.0)


async def test_an_index_is_whole_from_where_the_filter_first_was() -> None:
    reached = Reached(lambda: {0: 7, 1: 3})
    assert not await reached.is_whole({})
    assert not await reached.is_whole({0: 7})
    assert not await reached.is_whole({0: 6, 1: 3})
    assert await reached.is_whole({0: 7, 1: 3})


async def test_an_index_that_falls_back_is_not_whole_until_it_is_as_far_again() -> None:
    reached = Reached(lambda: {0: 1})
    assert await reached.is_whole({0: 5, 1: 2})
    assert not await reached.is_whole({0: 4, 1: 2})
    assert not await reached.is_whole({0: 5})
    assert await reached.is_whole({0: 5, 1: 2})


def test_what_is_not_needed_does_not_matter() -> None:
    assert is_as_far({}, {})
    assert is_as_far({0: 1}, {})
    assert is_as_far({}, {0: 0})
    assert not is_as_far({1: 9}, {0: 1})
