"""Patience: a view that does not answer is waited for, since nothing may be told or withdrawn without it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from connectors.redis.errors import ViewUnavailableError

T = TypeVar("T")
WAIT_S: Final = 0.05
_log = structlog.get_logger("delivering")


async def ledger_answer(ask: Callable[[], Awaitable[T]]) -> T:
    """What the ledger answers, once it does."""
    while True:
        try:
            return await ask()
        except ViewUnavailableError as error:
            _log.warning("the ledger does not answer; what asks it waits", detail=str(error))
            await asyncio.sleep(WAIT_S)
