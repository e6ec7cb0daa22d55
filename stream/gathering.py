"""Gathering: a stream's events in batches of whatever has come, without waiting for more.

Faust's ``noack_take`` holds a batch back until it is full or its time is up. Here a batch is taken the moment whoever asks is
free: alone an event passes at once, and in a flood batches grow by themselves while the last one is being worked on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from typing import Final, TypeVar, cast

T = TypeVar("T")
_END: Final = object()


async def gathered(events: AsyncIterable[T], most: int) -> AsyncIterator[list[T]]:
    """Batches of at most ``most`` events, in order; no more than as many again are taken in ahead.

    What reading the events raises is raised after those that came before it.
    """
    waiting: asyncio.Queue[T | object] = asyncio.Queue()
    room = asyncio.Semaphore(most)

    async def take_in() -> None:
        async for event in events:
            await room.acquire()
            waiting.put_nowait(event)

    reader = asyncio.create_task(take_in())
    reader.add_done_callback(lambda _: waiting.put_nowait(_END))
    try:
        ended = False
        while not ended:
            batch = [await waiting.get()]
            while not waiting.empty():
                batch.append(waiting.get_nowait())
            if ended := batch[-1] is _END:
                batch.pop()
            for _ in batch:
                room.release()
            if batch:
                yield cast(list[T], batch)
        await reader
    finally:
        reader.cancel()
