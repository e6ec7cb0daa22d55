"""Releases, amendments, stacked orders, sightings, workers that are killed and courts that fail, on real Kafka and Redis.

The same schedule each time, so that a failure can be looked into; what the machine makes of it differs. ``CHAKONG_RACES_SEED``
draws another, ``CHAKONG_RACES_STEPS`` a longer one.
"""

from __future__ import annotations

import os
from pathlib import Path

from deploy.local.addresses import Addresses
from tests.stream.races.driver import WORKERS, running
from tests.stream.races.judge import HIT, WITHDRAWAL
from tests.stream.races.schedule import scheduled

SEED = int(os.environ.get("CHAKONG_RACES_SEED", "1"))
STEPS = int(os.environ.get("CHAKONG_RACES_STEPS", "2000"))
RATE = 36.0


async def test_thousands_of_steps_end_as_they_must(tmp_path: Path, stack: Addresses) -> None:
    schedule = scheduled(SEED, STEPS, RATE, WORKERS)
    try:
        async with running(tmp_path, stack) as run:
            await run.drive(schedule)
            wrong, log = await run.settle()
            wrong += await run.rebuilt_differently(log)
    except Exception as error:
        error.add_note(f"seed {SEED}, {STEPS} steps")
        raise
    assert not wrong, "\n".join([f"seed {SEED}, {STEPS} steps: {len(wrong)} wrong", *wrong[:20]])
    told = [arrival.type for arrival in log.arrivals]
    assert told.count(HIT) > STEPS / 2, f"seed {SEED}: too little was told for races"
    assert told.count(WITHDRAWAL) > STEPS / 20, f"seed {SEED}: too little was withdrawn for races"
