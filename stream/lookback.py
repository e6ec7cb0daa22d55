"""The process that searches back: at low priority, for all workers of a deployment.

    python -m stream.lookback WORKER

Started by the worker that holds the lookback's lease (``stream.services.lookback_process``), with its environment; stops when
its standard input ends.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from typing import Final

import msgspec
from prometheus_client import generate_latest

from connectors.kafka.records import Records
from connectors.redis.client import connect
from connectors.redis.index import RedisIndex
from connectors.redis.leases import Leases
from connectors.redis.lookback import LookbackView
from matchers.keys import KeyHasher
from stream import child, machine_code, metrics
from stream.logs import log_to_stderr
from stream.services.child_process import Status
from stream.services.lookback import Lookback
from stream.settings import WorkerSettings

NICE: Final = 10
METRICS_EVERY_S: Final = 1.0


async def _work(settings: WorkerSettings, tell: child.Tell, ended: asyncio.Event) -> bool:
    """Make passes until ended; False where that stopped by itself."""
    client, space = connect(settings.redis), settings.redis.namespace
    records = Records(settings.kafka, "chakong-lookback")
    hasher = KeyHasher(settings.secret())
    index, leases, view = RedisIndex(client, hasher, space), Leases(client, space), LookbackView(client, space)
    lookback = Lookback(settings, hasher, records, index, leases, view, lambda: dt.datetime.now(dt.UTC))
    passes = asyncio.create_task(lookback.run())
    while not ended.is_set() and not passes.done():
        tell(msgspec.json.encode(Status(metrics=generate_latest(metrics.LOOKBACK).decode())) + b"\n")
        await asyncio.wait({passes}, timeout=METRICS_EVERY_S)
    healthy = not passes.done()
    lookback.stop()
    try:
        await passes
    finally:
        await asyncio.to_thread(records.close)
        await client.aclose()
    return healthy


async def _run() -> bool:
    settings = WorkerSettings()
    return await child.run(lambda tell, ended: _work(settings, tell, ended))


def main() -> None:
    """Run the lookback of the worker that started this process."""
    os.nice(NICE)
    child.ignore_signals()
    log_to_stderr()
    machine_code.prepare()
    child.leave(healthy=asyncio.run(_run()))


if __name__ == "__main__":
    main()
