"""kafka-python in a plain loop, the watchlist in a dictionary."""

from __future__ import annotations

from kafka import KafkaConsumer, KafkaProducer

from benchmarks.peers.look import Run, against_dict
from benchmarks.peers.task import FETCHING, Task, read_task


def main(task: Task) -> None:
    """Poll, look, send, until the last record."""
    run = Run(task)
    look = against_dict(run)
    producer = KafkaProducer(bootstrap_servers=task.bootstrap)
    consumer = KafkaConsumer(
        *task.topics,
        bootstrap_servers=task.bootstrap,
        group_id=task.group(),
        auto_offset_reset="earliest",
        max_poll_records=5000,
        fetch_min_bytes=FETCHING["fetch.min.bytes"],
        fetch_max_wait_ms=FETCHING["fetch.wait.max.ms"],
    )
    while not run.is_over:
        for records in consumer.poll(timeout_ms=100).values():
            run.begins(len(records))
            for record in records:
                for hit in look(record.value):
                    producer.send(task.hits_topic, hit)
    producer.flush()
    run.meter.stop()
    run.answer()
    consumer.close()
    producer.close()


if __name__ == "__main__":
    main(read_task())
