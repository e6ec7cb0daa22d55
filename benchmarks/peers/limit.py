"""The limit: confluent-kafka in batches, every value thrown away: what a message as a Python object costs at least."""

from __future__ import annotations

from typing import Final

from confluent_kafka import Consumer

from benchmarks.peers.task import FETCHING, Meter, Task, read_task

BATCH: Final = 10_000


def main(task: Task) -> None:
    """Consume until the last record."""
    consumer = Consumer(
        {
            "bootstrap.servers": task.bootstrap,
            "group.id": task.group(),
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            **FETCHING,
        }
    )
    consumer.subscribe(task.topics)
    meter = Meter()
    seen = 0
    while seen < task.count:
        messages = consumer.consume(BATCH, 0.05)
        if messages and not seen:
            meter.start()
        seen += len([message.value() for message in messages if message.error() is None])
    meter.stop()
    meter.answer(task, seen, 0)
    consumer.close()


if __name__ == "__main__":
    main(read_task())
