"""What the three Faust peers share: an app as its guide makes one, and the end of a run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import faust
import pybloom_live
import redis.asyncio

from benchmarks.peers.keys import entries
from benchmarks.peers.look import Run, name_of

FALSE_POSITIVES: Final = 1e-5


def make_app(run: Run) -> faust.App:
    """A Faust app on the task's broker."""
    return faust.App(
        run.task.group(),
        broker=f"kafka://{run.task.bootstrap}",
        value_serializer="raw",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        store="memory://",
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=10_000,
    )


def connect(run: Run) -> redis.asyncio.Redis:
    """Redis, which holds the keys' entries."""
    if run.task.redis is None:
        raise ValueError("this peer asks Redis, and its task names none")
    return redis.asyncio.Redis.from_url(run.task.redis, decode_responses=True)


def make_filter(run: Run) -> pybloom_live.BloomFilter:
    """pybloom-live's filter of all keys, filled one by one."""
    keys = [f"{kind}:{value}" for kind, value, _ in entries(Path(run.task.keys))]
    bloom = pybloom_live.BloomFilter(len(keys), FALSE_POSITIVES)
    for key in keys:
        bloom.add(key)
    return bloom


def topics(app: faust.App, run: Run) -> tuple[Any, Any]:
    """The topic of sightings and that of hits, both of bytes."""
    sightings = app.topic(*run.task.topics, value_type=bytes, value_serializer="raw")
    return sightings, app.topic(run.task.hits_topic, value_serializer="raw")


async def look_up(run: Run, client: redis.asyncio.Redis, keys: Sequence[tuple[str, str]]) -> list[str]:
    """The entries of those keys that have one, in one round trip."""
    found = await client.mget([name_of(run.task.namespace, key) for key in keys])
    return [str(places) for places in found if places]


async def end(app: faust.App, run: Run) -> None:
    """Flush the hits, write the result, and end the process."""
    await app.producer.flush()
    run.meter.stop()
    run.answer()
    os._exit(0)


def execute(app: faust.App) -> None:
    """Run the app's worker."""
    faust.Worker(app, loglevel="ERROR", redirect_stdouts=False, quiet=True).execute_from_commandline()
