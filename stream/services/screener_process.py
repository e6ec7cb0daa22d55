"""The screener as its worker sees it: a process of its own.

Screening keeps one interpreter busy all the time, and every hit passes the worker's event loop some twenty times: in one
process each would wait for the other.
"""

from __future__ import annotations

from collections.abc import Mapping

from stream import metrics
from stream.services.child_process import ChildProcess, Status


class ScreenerProcess(ChildProcess):
    """One worker's screener."""

    def __init__(self, worker: str) -> None:
        super().__init__("stream.screener", worker)
        self._followed: dict[int, int] | None = None

    def followed(self) -> Mapping[int, int] | None:
        """How far in ``orders`` this worker's filter is; None until it has caught up once."""
        return self._followed

    def hear(self, status: Status) -> None:
        super().hear(status)
        if status.followed is not None:
            self._followed = status.followed
        for reason, count in status.unreadable.items():
            metrics.dead_letters.labels(reason).inc(count)
