"""Early: a candidate of this worker's own screener is resolved before it has come by way of Kafka.

The screener tells it to its worker while it produces it to ``candidates``. That record comes to this worker all the same, and
is acknowledged when the resolving has ended; a worker that dies before leaves it to the next one, and a sighting whose
candidate was never stored is read again, as ever. That saves a hit its second stay in Kafka. In a flood nothing is told:
there the topic's batches cost less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

import msgspec
import structlog

from connectors.kafka.records import partition_of
from stream.acknowledging import Ours
from stream.services.child_process import Keyed
from stream.services.resolving import Late
from stream.under_way import UnderWay

EARLY_MAX: Final = 1000
"""Candidates resolved early whose records have not come yet; of more the oldest are forgotten, and resolved again."""
AT_ONCE_MAX: Final = 64
"""Candidates that are being resolved early; more are resolved when they come."""
Sighted = tuple[str, int, int]
"""The place of a sighting: topic, partition, offset."""
_log: Final = structlog.get_logger("worker")


class Resolved(NamedTuple):
    """What became of a candidate that was resolved early: what the index was not far enough for, if anything."""

    late: Late | None


class _Place(msgspec.Struct, frozen=True):
    """What says which sighting a candidate is of, and whether a screener made it."""

    topic: str
    partition: int
    offset: int
    lookback: bool = False


_decoder: Final = msgspec.json.Decoder(_Place)


class Early:
    """Between a worker's screener and its agent of ``candidates``.

    ``partitions`` says how many the topic has; ``resolve`` is given the value of one record.
    """

    def __init__(
        self,
        topic: str,
        ours: Ours,
        partitions: Callable[[], int | None],
        under_way: UnderWay,
        resolve: Callable[[bytes], Awaitable[Late | None]],
    ) -> None:
        self._topic, self._ours, self._partitions = topic, ours, partitions
        self._under_way, self._resolve = under_way, resolve
        self._early: dict[Sighted, asyncio.Future[Resolved | None]] = {}
        self._at_once = 0

    def assigned(self) -> None:
        """Partitions have moved: what is under way goes on, and whatever comes from now on is looked at as it comes."""
        self._early.clear()

    def offer(self, candidates: Sequence[Keyed]) -> None:
        """The screener has these candidates. Resolve those whose records will come to this worker."""
        for key, value in candidates:
            if self._at_once >= AT_ONCE_MAX:
                return
            candidate = _decoder.decode(value)
            place = (candidate.topic, candidate.partition, candidate.offset)
            if place not in self._early and self._is_ours(key.encode()):
                self._begin(place, bytes(value))

    async def came(self, value: bytes) -> Resolved | None:
        """A record has come. What became of it, if it was resolved early; None: it is still to be resolved."""
        try:
            candidate = _decoder.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if candidate.lookback:
            return None
        early = self._early.pop((candidate.topic, candidate.partition, candidate.offset), None)
        return None if early is None else await early

    def _is_ours(self, key: bytes) -> bool:
        """Whether a record with this key goes to one of this worker's partitions."""
        partitions = self._partitions()
        return partitions is not None and partitions > 0 and self._ours.has(self._topic, partition_of(key, partitions))

    def _begin(self, place: Sighted, value: bytes) -> None:
        while len(self._early) >= EARLY_MAX:
            del self._early[next(iter(self._early))]
        self._early[place] = done = asyncio.get_running_loop().create_future()
        self._at_once += 1
        self._under_way.begin(self._run(value, done))

    async def _run(self, value: bytes, done: asyncio.Future[Resolved | None]) -> None:
        try:
            done.set_result(Resolved(await self._resolve(value)))
        except Exception as error:
            # Its record comes yet, and is worked on and, if need be, buried there.
            _log.exception("a candidate could not be resolved early", error=type(error).__name__)
            done.set_result(None)
        finally:
            self._at_once -= 1
            if not done.done():
                done.cancel()
