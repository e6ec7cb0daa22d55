"""The Faust app of one worker: the screening service, the agents, and what they stand on. The only place that acknowledges.

    sightings.* --screening--> candidates --resolve--> hits --deliver--> instructions, the court's webhook, receipts
    orders      --index writer--> the index, in Redis
    orders      --follower--> this worker's filter
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import faust
import msgspec
import structlog
from mode import Service
from prometheus_client import start_http_server

from connectors.kafka.topics import CANDIDATES, HITS
from stream import metrics
from stream.core.hit import Hit
from stream.wiring import Wiring

RESOLVE_BATCH: Final = 1000
RESOLVE_WITHIN_S: Final = 0.01
DELIVERING_MAX: Final = 2000
"""Hits under way at once in one worker; more wait in their topic."""
STALLED_S_MAX: Final = 180.0
LOOP_TICK_S: Final = 0.1
_log = structlog.get_logger("worker")


def build_app(wiring: Wiring) -> faust.App:
    """A Faust app for one worker. Nothing is read from the environment here: all settings came in ``wiring``."""
    kafka = wiring.settings.kafka
    app = faust.App(
        kafka.group("worker"),
        broker=f"aiokafka://{kafka.bootstrap}",
        value_serializer="raw",
        key_serializer="raw",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=0.5,
        broker_max_poll_records=RESOLVE_BATCH,
        stream_wait_empty=False,
        store="memory://",
        autodiscover=False,
    )
    candidates = app.topic(kafka.topic(CANDIDATES), value_type=bytes, key_type=bytes, value_serializer="raw")
    hits = app.topic(kafka.topic(HITS), value_type=bytes, key_type=bytes, value_serializer="raw")

    @app.agent(candidates, name="resolve")
    async def resolve(stream: Any) -> None:
        # noack_take, and acknowledged by hand: take() acknowledges a batch whose processing raised, too.
        async for events in stream.noack_take(RESOLVE_BATCH, within=RESOLVE_WITHIN_S):
            await wiring.resolving.batch([event.value for event in events])
            for event in events:
                await stream.ack(event)

    @app.agent(hits, name="deliver")
    async def deliver(stream: Any) -> None:
        free = asyncio.Semaphore(DELIVERING_MAX)
        under_way: set[asyncio.Task[None]] = set()
        async for event in stream.noack().events():
            await free.acquire()
            task = asyncio.create_task(_deliver(wiring, stream, event, free))
            under_way.add(task)
            task.add_done_callback(under_way.discard)

    @app.service
    class Engine(Service):
        """Everything beside the agents: it starts and ends with the worker."""

        async def on_start(self) -> None:
            await wiring.start()
            if wiring.settings.metrics_port is not None:
                server, _ = start_http_server(wiring.settings.metrics_port, addr="127.0.0.1")
                _log.info("metrics", port=server.server_port)

        async def on_stop(self) -> None:
            await wiring.stop()

        @Service.task
        async def index(self) -> None:
            await wiring.index_writer.run()

        @Service.task
        async def lease(self) -> None:
            await wiring.effect.keep_lease()

        @Service.task
        async def force(self) -> None:
            await wiring.effect.watch_force()

        @Service.task
        async def watch(self) -> None:
            """End a worker whose threads died or stopped advancing: whoever supervises it starts it anew."""
            while not self.should_stop:
                before = time.monotonic()
                await self.sleep(LOOP_TICK_S)
                metrics.loop_lag_seconds.observe(max(time.monotonic() - before - LOOP_TICK_S, 0.0))
                for part in (wiring.follower, wiring.screening):
                    if part.failure is not None:
                        await self.crash(part.failure)
                        return
                if time.monotonic() - wiring.screening.progressed_at > STALLED_S_MAX and wiring.effect.state == "screening":
                    await self.crash(RuntimeError(f"screening has not advanced for {STALLED_S_MAX:.0f} s"))
                    return

    return app


async def _deliver(wiring: Wiring, stream: Any, event: Any, free: asyncio.Semaphore) -> None:
    """One hit's story; its record is acknowledged at the end of it."""
    try:
        hit = Hit.model_validate(msgspec.json.decode(event.value))
    except ValueError:
        _log.error("a hit cannot be read", partition=event.message.partition, offset=event.message.offset)
        await wiring.bury_hit(event.message, event.value)
    else:
        await wiring.delivering.deliver(hit)
    finally:
        free.release()
    await stream.ack(event)
