"""Quix Streams, the watchlist in a dictionary: a streaming data frame for each topic, as its guide has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from quixstreams import Application

from benchmarks.peers.look import Run, against_dict
from benchmarks.peers.task import FETCHING, Task, read_task


def main(task: Task) -> None:
    """Run the application until it has seen the last record; leaving the loop commits and flushes."""
    run = Run(task)
    look = against_dict(run)
    app = Application(
        broker_address=task.bootstrap,
        consumer_group=task.group(),
        auto_offset_reset="earliest",
        auto_create_topics=False,
        consumer_extra_config=FETCHING,
        loglevel="ERROR",
        state_dir=Path(task.result).with_suffix(".state"),
    )

    def look_at(raw: bytes) -> Sequence[bytes]:
        run.begins()
        hits = look(raw)
        if run.is_over:
            run.meter.stop()
            app.stop()
        return hits

    hits = app.topic(task.hits_topic, value_serializer="bytes", key_serializer="bytes")
    for name in task.topics:
        sightings = app.dataframe(app.topic(name, value_deserializer="bytes", key_deserializer="bytes"))
        sightings.apply(look_at, expand=True).to_topic(hits)
    app.run()
    run.answer()


if __name__ == "__main__":
    main(read_task())
