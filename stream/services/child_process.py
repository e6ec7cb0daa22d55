"""A process that a worker starts, listens to, and ends.

It writes its status to its standard output, a JSON object a line, and stops when its standard input ends, which it does even
where the worker was killed. The other side: ``stream.child``.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Final

import msgspec
import structlog
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

STOP_S_MAX: Final = 35.0
_LINE_BYTES_MAX: Final = 1 << 20


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """What such a process says of itself.

    ``followed`` are the positions in ``orders`` that a screener's filter holds, once it has caught up; ``unreadable`` counts,
    by reason, the sightings that went to the dead letters since it last said so; ``metrics`` is Prometheus's text.
    """

    followed: dict[int, int] | None = None
    unreadable: dict[str, int] = {}
    metrics: str = ""


class ChildEndedError(RuntimeError):
    """The process ended although nobody had told it to."""


class ChildProcess(Collector):
    """``python -m MODULE WORKER``. Prometheus collects its metrics here, as it last told them."""

    def __init__(self, module: str, worker: str) -> None:
        self._module, self._worker = module, worker
        self._name = module.rpartition(".")[2]
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._metrics = ""

    def collect(self) -> Iterator[Metric]:
        return iter(text_string_to_metric_families(self._metrics))

    async def start(self) -> None:
        """Start it; its settings are the worker's environment, and its log is the worker's."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            self._worker,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES_MAX,
        )

    async def listen(self) -> None:
        """Take in its statuses until it ends.

        Raises:
            ChildEndedError: it ended by itself.
        """
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("start it first")
        decoder = msgspec.json.Decoder(Status)
        async for line in self._process.stdout:
            self.hear(decoder.decode(line))
        code = await self._process.wait()
        if not self._stopping:
            raise ChildEndedError(f"the {self._name} ended with code {code}")

    async def stop(self) -> None:
        """Let it finish what it does; what does not end is killed."""
        self._stopping = True
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S_MAX)
        except TimeoutError:
            structlog.get_logger(self._name).error("the process did not stop and is killed")
            self._process.kill()
            await self._process.wait()

    def hear(self, status: Status) -> None:
        """Take in one status."""
        self._metrics = status.metrics or self._metrics
