"""The named baseline: a stock Faust agent that does the same job, written as Faust's own guide would.

    python -m benchmarks.stock_faust BOOTSTRAP TOPIC[,TOPIC...] KEYS.json COUNT RESULT.json

One event at a time, JSON decoded by the standard library, one membership test in a set for each key the sighting carries.
Writes its result when COUNT sightings were seen: seconds from the first to the last, and CPU seconds of the process.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import faust


def main(bootstrap: str, topics: str, keys_file: str, count: int, result_file: str) -> None:
    """Run the agent until it has seen ``count`` sightings, then end the process."""
    wanted = frozenset(json.loads(Path(keys_file).read_text("utf-8")))
    app = faust.App(
        f"stock-{uuid.uuid4().hex[:8]}",
        broker=f"kafka://{bootstrap}",
        value_serializer="raw",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        store="memory://",
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=10_000,
    )
    state = {"seen": 0, "maybes": 0, "unreadable": 0, "first": 0.0, "cpu": 0.0}

    @app.agent(app.topic(*topics.split(","), value_type=bytes, value_serializer="raw"))
    async def look(stream: Any) -> None:
        async for value in stream:
            if not state["seen"]:
                state["first"], state["cpu"] = time.perf_counter(), time.process_time()
            state["seen"] += 1
            try:
                sighting = json.loads(value)
                person, vehicle = sighting.get("person"), sighting.get("vehicle")
                if (person is not None and person["document"]["number"] in wanted) or (
                    vehicle is not None and (vehicle.get("plate") in wanted or vehicle.get("vin") in wanted)
                ):
                    state["maybes"] += 1
            except (ValueError, TypeError, KeyError, AttributeError):
                state["unreadable"] += 1
            if state["seen"] >= count:
                result = {
                    "sightings": state["seen"],
                    "maybes": state["maybes"],
                    "unreadable": state["unreadable"],
                    "seconds": time.perf_counter() - state["first"],
                    "cpu_seconds": time.process_time() - state["cpu"],
                }
                Path(result_file).write_text(json.dumps(result), "utf-8")
                os._exit(0)

    faust.Worker(app, loglevel="ERROR", redirect_stdouts=False, quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
