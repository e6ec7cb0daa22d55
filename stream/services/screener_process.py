"""The screener as its worker sees it: a process of its own, started, listened to, and ended by the worker.

Screening keeps one interpreter busy all the time, and every hit passes the worker's event loop some twenty times: in one
process each would wait for the other. The screener writes its status to its standard output, a JSON object a line, and stops
when its standard input ends, which it does even where the worker was killed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
import structlog
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from stream import metrics

STOP_S_MAX: Final = 35.0
_LINE_BYTES_MAX: Final = 1 << 20
_log = structlog.get_logger("screener")


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a screener says of itself.

    ``followed`` are the positions in ``orders`` that its filter holds, once it has caught up; ``unreadable`` counts, by
    reason, the sightings that went to the dead letters since it last said so; ``metrics`` is Prometheus's text, now and then.
    """

    followed: dict[int, int] | None = None
    unreadable: dict[str, int] = {}
    metrics: str = ""


class ScreenerEndedError(RuntimeError):
    """The screener ended although nobody had told it to."""


class ScreenerProcess(Collector):
    """One worker's screener. Prometheus collects its metrics here, as it last told them."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._metrics = ""
        self._followed: dict[int, int] | None = None

    def followed(self) -> Mapping[int, int] | None:
        """How far in ``orders`` this worker's filter is; None until it has caught up once."""
        return self._followed

    def collect(self) -> Iterator[Metric]:
        return iter(text_string_to_metric_families(self._metrics))

    async def start(self) -> None:
        """Start it; its settings are the worker's environment, and its log is the worker's."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "stream.screener",
            self._worker,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES_MAX,
        )

    async def listen(self) -> None:
        """Take in its statuses until it ends.

        Raises:
            ScreenerEndedError: it ended by itself.
        """
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("start it first")
        decoder = msgspec.json.Decoder(Status)
        async for line in self._process.stdout:
            self._hear(decoder.decode(line))
        code = await self._process.wait()
        if not self._stopping:
            raise ScreenerEndedError(f"the screener ended with code {code}")

    async def stop(self) -> None:
        """Let it finish its batch and commit; what does not end is killed."""
        self._stopping = True
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S_MAX)
        except TimeoutError:
            _log.error("the screener did not stop and is killed")
            self._process.kill()
            await self._process.wait()

    def _hear(self, status: Status) -> None:
        if status.followed is not None:
            self._followed = status.followed
        for reason, count in status.unreadable.items():
            metrics.dead_letters.labels(reason).inc(count)
        self._metrics = status.metrics or self._metrics
