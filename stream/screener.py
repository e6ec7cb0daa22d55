"""The screener: the process of a worker that screens. The filter, the thread that follows the orders, the thread that screens,
and the lease that says how far they are.

    python -m stream.screener WORKER

Started by the worker (``stream.services.screener_process``), with its environment; stops when its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final

import msgspec
import structlog
from prometheus_client import generate_latest

from connectors.disk.snapshots import FolderInUseError
from connectors.kafka.records import Records
from connectors.redis.client import connect
from connectors.redis.leases import Leases
from matchers.keys import KeyHasher
from stream import child, machine_code, metrics
from stream.logs import log_to_stderr
from stream.services.child_process import Status
from stream.services.follower import OrderFollower
from stream.services.lease import Lease
from stream.services.screening import Screening
from stream.settings import WorkerSettings

STATUS_EVERY_S: Final = 0.05
METRICS_EVERY_S: Final = 1.0
STALLED_S_MAX: Final = 180.0
_log = structlog.get_logger("screener")


class Screener:
    """The parts of one screener, wired. ``tell`` takes each status as a line."""

    def __init__(self, settings: WorkerSettings, worker: str, tell: child.Tell) -> None:
        hasher = KeyHasher(settings.secret())
        self._tell = tell
        self._redis = connect(settings.redis)
        self._records = Records(settings.kafka, "chakong-screener")
        self._follower = OrderFollower(settings, hasher)
        self._lease = Lease(worker, self._follower, Leases(self._redis, settings.redis.namespace), settings.behind_s_max)
        self._screening = Screening(settings, hasher, self._follower, self._records, self._lease.may_screen)
        self._told: dict[int, int] = {}
        self._metrics_told_at = 0.0

    async def run(self, ended: asyncio.Event) -> bool:
        """Screen until ``ended`` is set, then stop in order; False where it had to end by itself."""
        self._follower.start()
        self._screening.start()
        lease = asyncio.create_task(self._lease.keep())
        healthy = True
        while healthy and not ended.is_set() and not lease.done():
            self._say()
            await asyncio.sleep(STATUS_EVERY_S)
            healthy = self._is_healthy()
        # No new sightings, then let go: others are not to wait for a filter that is no more.
        await asyncio.to_thread(self._screening.stop)
        self._lease.stop()
        await lease
        await asyncio.to_thread(self._follower.stop)
        await asyncio.to_thread(self._records.close)
        await self._redis.aclose()
        return ended.is_set() and healthy

    def _is_healthy(self) -> bool:
        """Whether its threads live and advance; a screener whose do not ends, and whoever supervises its worker begins anew."""
        for part in (self._follower, self._screening):
            if part.failure is not None:
                return False
        if self._lease.state == "screening" and time.monotonic() - self._screening.progressed_at > STALLED_S_MAX:
            _log.error("screening has not advanced", seconds=STALLED_S_MAX)
            return False
        return True

    def _say(self) -> None:
        """Tell what is new since the last time."""
        now = time.monotonic()
        positions = self._follower.positions if self._follower.behind_s() < float("inf") else {}
        unreadable = self._screening.take_unreadable()
        metrics_due = now - self._metrics_told_at > METRICS_EVERY_S
        if positions == self._told and not unreadable and not metrics_due:
            return
        text = ""
        if metrics_due:
            self._metrics_told_at = now
            text = generate_latest(metrics.SCREENER).decode()
        status = Status(positions or None, unreadable, text)
        self._told = positions
        self._tell(msgspec.json.encode(status) + b"\n")


async def _run(worker: str) -> bool:
    settings = WorkerSettings()
    return await child.run(lambda tell, ended: Screener(settings, worker, tell).run(ended))


def main() -> None:
    """Run the screener of the worker that started this process."""
    child.ignore_signals()
    log_to_stderr()
    machine_code.prepare()
    try:
        healthy = asyncio.run(_run(sys.argv[1]))
    except FolderInUseError as error:
        _log.error("the screener cannot start", detail=str(error))
        healthy = False
    child.leave(healthy=healthy)


if __name__ == "__main__":
    main()
