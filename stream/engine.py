"""The service beside the agents: it starts and ends with the worker, and watches what the worker stands on."""

from __future__ import annotations

import time
from typing import Final

import structlog
from mode import Service
from prometheus_client import REGISTRY, start_http_server

from stream import metrics
from stream.services.child_process import ChildEndedError
from stream.wiring import Wiring

LOOP_TICK_S: Final = 0.1
_log = structlog.get_logger("worker")


class Engine(Service):
    """The screener, the index writer and the lookback of one worker. Subclass it with its ``wiring``."""

    wiring: Wiring

    async def on_start(self) -> None:
        await self.wiring.start()
        REGISTRY.register(self.wiring.screener)
        if self.wiring.lookback is not None:
            REGISTRY.register(self.wiring.lookback)
        server, _ = start_http_server(self.wiring.settings.metrics_port, addr=self.wiring.settings.metrics_host)
        _log.info("started", metrics_port=server.server_port)

    async def on_stop(self) -> None:
        await self.wiring.stop()

    @Service.task
    async def _index(self) -> None:
        await self.wiring.index_writer.run()

    @Service.task
    async def _write_views(self) -> None:
        await self.wiring.view_writer.run()

    @Service.task
    async def _watch_querying(self) -> None:
        await self.wiring.query_watch.run()

    @Service.task
    async def _force(self) -> None:
        await self.wiring.effect.watch_force()

    @Service.task
    async def _keep_time(self) -> None:
        await self.wiring.timekeeping.run()

    @Service.task
    async def _notice(self) -> None:
        await self.wiring.noticing.run()

    @Service.task
    async def _reach(self) -> None:
        await self.wiring.reaching.run()

    @Service.task
    async def _list(self) -> None:
        if self.wiring.listing is not None:
            await self.wiring.listing.run()

    @Service.task
    async def _watch(self) -> None:
        await self.wiring.watching.run()

    @Service.task
    async def _keep_ledger(self) -> None:
        """Build the view up to the log whenever it may be behind."""
        while not self.should_stop:
            await self.wiring.ledger_behind.wait()
            self.wiring.ledger_behind.clear()
            await self.wiring.keep_ledger()

    @Service.task
    async def _screen(self) -> None:
        """End a worker whose screener ended: whoever supervises it starts both anew."""
        try:
            await self.wiring.screener.listen()
        except ChildEndedError as error:
            await self.crash(error)

    @Service.task
    async def _look_back(self) -> None:
        if self.wiring.lookback is not None:
            await self.wiring.lookback.run()

    @Service.task
    async def _measure_lag(self) -> None:
        while not self.should_stop:
            before = time.monotonic()
            await self.sleep(LOOP_TICK_S)
            metrics.loop_lag_seconds.observe(max(time.monotonic() - before - LOOP_TICK_S, 0.0))
