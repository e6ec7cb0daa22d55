"""Together: calls that come while one is under way go as one in the next.

A round trip to Redis or Kafka costs its processor time by the call, hardly by what is asked in it. Alone a call goes at once;
in a flood, groups grow by themselves. A call is never answered by one that began before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
MOST: Final = 1000
"""Items from which on a call is not joined by others."""


class Together(Generic[T, R]):
    """``ask`` for lists: each caller is given the answer to all that was asked with its own. What it raises, all are told."""

    def __init__(self, ask: Callable[[Sequence[T]], Awaitable[R]]) -> None:
        self._ask = ask
        self._waiting: list[tuple[Sequence[T], asyncio.Future[R]]] = []
        self._busy = False
        self._rest: asyncio.Task[None] | None = None

    async def __call__(self, items: Sequence[T]) -> R:
        """The answer to these items and whatever else was asked with them."""
        if self._busy:
            answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
            self._waiting.append((items, answer))
            return await answer
        self._busy = True
        try:  # in no task of its own, which would cost a lonely call as much again as the rest of this
            return await self._ask(items)
        finally:
            self._rest = asyncio.create_task(self._ask_rest()) if self._waiting else None
            self._busy = self._rest is not None

    async def _ask_rest(self) -> None:
        try:
            await self._ask_waiting()
        finally:
            self._busy = False

    async def _ask_waiting(self) -> None:
        while self._waiting:
            items: list[T] = []
            answers: list[asyncio.Future[R]] = []
            while self._waiting and len(items) < MOST:
                more, answer = self._waiting.pop(0)
                items += more
                answers.append(answer)
            try:
                found = await self._ask(items)
            except Exception as error:
                for answer in answers:
                    if not answer.done():  # whoever asked may have been cancelled
                        answer.set_exception(error)
            else:
                for answer in answers:
                    if not answer.done():
                        answer.set_result(found)
