"""How far the engine is, watched from outside: what its group ``screen`` has committed, and the CPU time it took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from confluent_kafka import TopicPartition

from benchmarks.race.runs import ContestError
from connectors.kafka.clients import consumer, partitions_of
from connectors.kafka.settings import KafkaSettings
from matchers.sighting import SIGHTING_TOPICS

SCREENING: Final = "screen"
"""The engine's group of the sightings."""
RESOLVING: Final = "worker"
"""Its group of what comes of them: candidates and hits."""
RUN_S_MAX: Final = 600.0
LEFT_TO_MEASURE: Final = 0.2
"""Share of the work that must be left when measuring begins."""
_POLL_S: Final = 0.02


class Sample(NamedTuple):
    """What was seen at a moment (of ``time.time``): sightings committed, and CPU seconds used."""

    at: float
    done: int
    cpu: float


class Progress:
    """How far a group is in some topics, asked of the broker."""

    def __init__(self, kafka: KafkaSettings, group: str, topics: Sequence[str]) -> None:
        self._client = consumer(kafka, group)
        self._places = [
            TopicPartition(kafka.topic(name), partition)
            for name in topics
            for partition in partitions_of(self._client, kafka, name)
        ]

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def done(self) -> int:
        """Records committed, over all partitions."""
        return sum(max(place.offset, 0) for place in self._client.committed(self._places, timeout=10))

    def lag(self) -> int:
        """Records not committed yet."""
        ends = [self._client.get_watermark_offsets(place, timeout=10)[1] for place in self._places]
        return sum(ends) - self.done()


class Watch:
    """Samples a run from a thread until it is stopped. ``alive`` raises where a worker has ended; ``cpu`` is in seconds."""

    def __init__(self, kafka: KafkaSettings, count: int, alive: Callable[[], object], cpu: Callable[[], float]) -> None:
        self._kafka, self._count, self._alive, self._cpu = kafka, count, alive, cpu
        self._samples: list[Sample] = []
        self._stopping, self._complete = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait(self) -> None:
        """Return when all is committed.

        Raises:
            ContestError: a worker ended, or it takes too long.
        """
        ends_at = time.monotonic() + RUN_S_MAX
        while not self._complete.wait(0.5):
            self._alive()
            if time.monotonic() > ends_at or not self._thread.is_alive():
                raise ContestError(f"not all was committed within {RUN_S_MAX:.0f} s")

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(30)

    def span(self, not_before: float, not_until: float) -> tuple[Sample, Sample]:
        """From the first commit at or after ``not_before`` to the first sample with all committed at or after ``not_until``.

        Raises:
            ContestError: most of the work was done by then.
        """
        return span(self._samples, self._count, not_before, not_until)

    def _run(self) -> None:
        with Progress(self._kafka, SCREENING, SIGHTING_TOPICS) as progress:
            while not self._stopping.is_set():
                done = progress.done()
                self._samples.append(Sample(time.time(), done, self._cpu()))
                if done >= self._count:
                    self._complete.set()
                time.sleep(_POLL_S)


def span(samples: Sequence[Sample], count: int, not_before: float, not_until: float) -> tuple[Sample, Sample]:
    """The samples between which ``count`` sightings are measured; see ``Watch.span``."""
    commits = [sample for before, sample in pairwise(samples) if sample.done > before.done and sample.at >= not_before]
    if not commits or commits[0].done > count * (1 - LEFT_TO_MEASURE):
        raise ContestError("it was done before it could be measured: give it more --sightings")
    whole = [sample for sample in samples if sample.done >= count]
    return commits[0], next((sample for sample in whole if sample.at >= not_until), whole[-1])
