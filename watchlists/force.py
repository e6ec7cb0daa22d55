"""In force everywhere: how far in ``orders`` the index and every worker that may screen have come, and which was the last."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

STEPS_MAX: Final = 10_000
"""Steps that are remembered, of a worker and a partition; beyond, a passing is told later than it was."""


def in_force_everywhere(leases: Collection[Mapping[int, int]], index: Mapping[int, int]) -> dict[int, int]:
    """For each partition, the offset below which every order has taken effect in the index and for every live lease.

    A lease that does not name a partition has applied nothing of it. Without a live lease nobody screens, and nothing is in
    force anywhere.
    """
    if not leases:
        return {}
    return {partition: min(offset, *(applied.get(partition, 0) for applied in leases)) for partition, offset in index.items()}


class Passed(NamedTuple):
    """A worker's filter had passed a place in ``orders`` at a moment."""

    worker: str
    at: dt.datetime


class _Steps(NamedTuple):
    """How far a worker was, and since when; both grow."""

    offsets: list[int]
    times: list[dt.datetime]


class Progress:
    """When each worker's filter came how far in ``orders``, for as long as anybody waits for that."""

    def __init__(self) -> None:
        self._workers: dict[str, dict[int, _Steps]] = {}

    def see(self, worker: str, applied: Mapping[int, int], since: dt.datetime) -> None:
        """A worker has applied what lies below these offsets, a partition, since a moment."""
        of_worker = self._workers.setdefault(worker, {})
        for partition, offset in applied.items():
            steps = of_worker.setdefault(partition, _Steps([], []))
            if steps.offsets and offset < steps.offsets[-1]:  # it began anew
                steps = of_worker[partition] = _Steps([], [])
            if not steps.offsets or offset > steps.offsets[-1]:
                if len(steps.offsets) >= STEPS_MAX:
                    del steps.offsets[-1], steps.times[-1]
                steps.offsets.append(offset)
                steps.times.append(since)

    def last(self, partition: int, offset: int) -> Passed | None:
        """The worker that was the last to pass an offset, and when; None where none was seen to."""
        passed = [
            Passed(worker, steps.times[at])
            for worker, of_worker in self._workers.items()
            if (steps := of_worker.get(partition)) is not None
            and (at := bisect_left(steps.offsets, offset)) < len(steps.offsets)
        ]
        return max(passed, key=lambda one: one.at, default=None)

    def forget(self, everywhere: Mapping[int, int], workers: Collection[str]) -> None:
        """Forget what lies below these offsets, a partition, and every worker but these: nobody asks for it any more."""
        self._workers = {worker: of_worker for worker, of_worker in self._workers.items() if worker in workers}
        for of_worker in self._workers.values():
            for partition, steps in of_worker.items():
                done = min(bisect_left(steps.offsets, everywhere.get(partition, 0)), len(steps.offsets) - 1)
                del steps.offsets[:done], steps.times[:done]
