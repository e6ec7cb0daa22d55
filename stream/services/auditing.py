"""Auditing: the newest part of the audit log is verified now and then, in a process of its own and of low priority."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog

NICE: Final = "10"
FIRST_AFTER: Final = dt.timedelta(minutes=5)
RUN_S_MAX: Final = 3600.0
_FAULTY: Final = 1
_log = structlog.get_logger("auditing")


class _Fault(msgspec.Struct):
    fault: str
    writer: str


class _Verified(msgspec.Struct):
    faults: list[_Fault]


class Auditing:
    """Runs ``chakong audit verify``, over twice the time from one run to the next, so that nothing falls between."""

    def __init__(self, keys: Sequence[Path], every: dt.timedelta, clock: Callable[[], dt.datetime]) -> None:
        """``keys``: public keys; without any, nothing is verified."""
        self._keys, self._every, self._clock = keys, every, clock
        self._next_at = clock() + min(every, FIRST_AFTER)
        self.under_way: asyncio.Task[list[tuple[str, str]] | None] | None = None

    async def faults(self) -> list[tuple[str, str]] | None:
        """What the last run found, each chain's writer and what is wrong with it; None while there is nothing new."""
        if self.under_way is not None and self.under_way.done():
            run, self.under_way = self.under_way, None
            return run.result()
        if self._keys and self.under_way is None and self._clock() >= self._next_at:
            self._next_at = self._clock() + self._every
            self.under_way = asyncio.create_task(self._verify())
        return None

    async def stop(self) -> None:
        """End a run that is under way."""
        if self.under_way is not None:
            self.under_way.cancel()
            await asyncio.wait([self.under_way])

    async def _verify(self) -> list[tuple[str, str]] | None:
        since = self._clock() - 2 * self._every
        named = [part for key in self._keys for part in ("--key", str(key))]
        command = ("nice", "-n", NICE, sys.executable, "-m", "stream.cli", "audit", "verify", "--json")
        process = await asyncio.create_subprocess_exec(
            *command, "--from", since.isoformat(), *named, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(RUN_S_MAX):
                said, _ = await process.communicate()
        except TimeoutError:
            _log.warning("the audit log could not be verified in time")
            return None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode not in (0, _FAULTY):
            _log.warning("the audit log could not be verified", code=process.returncode)
            return None
        return [(one.writer, one.fault) for one in msgspec.json.decode(said, type=_Verified).faults]
