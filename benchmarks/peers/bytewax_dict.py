"""Bytewax with its Kafka source and sink, the watchlist in a dictionary. One worker, a batch of records at a time.

Its source is not told how many records there will be, so the last of them sends an end mark through the dataflow, after its
hits; the sink that meets it has flushed everything before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

from benchmarks.peers.look import Run, against_dict
from benchmarks.peers.task import FETCHING, Task, read_task

BATCH: Final = 10_000
END: Final = None


class _Hits(DynamicSink[Any]):  # type: ignore[misc]
    """Bytewax's sink, which ends the run when it meets the end mark."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def build(self, step_id: str, worker_index: int, worker_count: int) -> StatelessSinkPartition[Any]:
        kafka = KafkaSink([self._run.task.bootstrap], self._run.task.hits_topic)
        return _HitsPartition(self._run, kafka.build(step_id, worker_index, worker_count))


class _HitsPartition(StatelessSinkPartition[Any]):  # type: ignore[misc]
    def __init__(self, run: Run, kafka: StatelessSinkPartition[Any]) -> None:
        self._run, self._kafka = run, kafka

    def write_batch(self, items: list[Any]) -> None:
        self._kafka.write_batch([item for item in items if item is not END])
        if END in items:
            self._run.meter.stop()
            self._run.answer()
            os._exit(0)


def main(task: Task) -> None:
    """Run the dataflow until the end mark ends the process."""
    run = Run(task)
    look = against_dict(run)

    def look_at_all(messages: list[Any]) -> Iterator[Any]:
        run.begins(len(messages))
        for message in messages:
            for hit in look(message.value):
                yield KafkaSinkMessage(None, hit)
        if run.is_over:
            yield END

    flow = Dataflow("race")
    sightings = op.input("sightings", flow, KafkaSource([task.bootstrap], task.topics, add_config=FETCHING, batch_size=BATCH))
    op.output("hits", op.flat_map_batch("look", sightings, look_at_all), _Hits(run))
    run_main(flow)


if __name__ == "__main__":
    main(read_task())
