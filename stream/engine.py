"""The service beside the agents: it starts and ends with the worker, and watches what the worker stands on."""

from __future__ import annotations

import time
from typing import Final

import structlog
from mode import Service
from prometheus_client import start_http_server

from stream import metrics
from stream.wiring import Wiring

STALLED_S_MAX: Final = 180.0
LOOP_TICK_S: Final = 0.1
_log = structlog.get_logger("worker")


class Engine(Service):
    """Screening, the index writer, the lease and the watchdog of one worker. Subclass it with its ``wiring``."""

    wiring: Wiring

    async def on_start(self) -> None:
        await self.wiring.start()
        server, _ = start_http_server(self.wiring.settings.metrics_port, addr=self.wiring.settings.metrics_host)
        _log.info("started", metrics_port=server.server_port)

    async def on_stop(self) -> None:
        await self.wiring.stop()

    @Service.task
    async def _index(self) -> None:
        await self.wiring.index_writer.run()

    @Service.task
    async def _lease(self) -> None:
        await self.wiring.effect.keep_lease()

    @Service.task
    async def _force(self) -> None:
        await self.wiring.effect.watch_force()

    @Service.task
    async def _watch(self) -> None:
        """End a worker whose threads died or stopped advancing: whoever supervises it starts it anew."""
        screening = self.wiring.screening
        while not self.should_stop:
            before = time.monotonic()
            await self.sleep(LOOP_TICK_S)
            metrics.loop_lag_seconds.observe(max(time.monotonic() - before - LOOP_TICK_S, 0.0))
            for part in (self.wiring.follower, screening):
                if part.failure is not None:
                    await self.crash(part.failure)
                    return
            if self.wiring.effect.state == "screening" and time.monotonic() - screening.progressed_at > STALLED_S_MAX:
                await self.crash(RuntimeError(f"screening has not advanced for {STALLED_S_MAX:.0f} s"))
                return
