"""A replay as the door has it done: in a process of its own, which takes the interpreter and its memory from nobody.

The question goes in by standard input and the answer comes out as JSON: nothing personal stands in a command line. The other
side: ``stream.replayer``.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sys
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from connectors.kafka.errors import KafkaError

MODULE: Final = "stream.replayer"


class Answer(msgspec.Struct):
    """What the process says: the replay, or that there is no such sighting, or why the log cannot be read."""

    past: dict[str, Any] | None = None
    away: str | None = None


class ReplayProcess:
    """Replays sightings, each in a process with limits."""

    def __init__(self, s_max: float, memory_mb: int) -> None:
        self._s_max, self._memory_mb = s_max, memory_mb

    async def replay(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        """The replay; None where the log does not have the sighting.

        Raises:
            TimeoutError: it took longer than it may, or died of its limits.
            KafkaError: the log cannot be read.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            MODULE,
            str(self._memory_mb),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(self._s_max):
                said, _ = await process.communicate(json.dumps(question, default=_written).encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise TimeoutError(f"the process of a replay ended with {process.returncode}")
        answer = msgspec.json.decode(said, type=Answer)
        if answer.away is not None:
            raise KafkaError(answer.away)
        return answer.past


def _written(moment: dt.datetime) -> str:
    return moment.isoformat()
