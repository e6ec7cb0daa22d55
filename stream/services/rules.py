"""Following the provinces' rules: whoever judges holds all of ``rules``, and knows until which instant it is complete.

Complete until when? Everything that stood on the topic when its ends were asked is held, and what comes later counts no sooner
than ``MARGIN`` after it came (``watchlists/rules.py``). Half of the margin is trusted; the other half is what clocks may
differ by. Whoever asks for a later instant waits: while the topic cannot be read, nothing is judged by older rules.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import structlog
from confluent_kafka import Consumer, KafkaException

from connectors.kafka.clients import PATIENT, Fetched, at, consumer, end_offsets, fetch, partitions_of
from connectors.kafka.errors import KafkaError, KafkaUnreachableError
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import RULES
from matchers.wire import UnreadableError
from stream import metrics
from watchlists.policy import Policy
from watchlists.rules import MARGIN, History, read_version

TRUSTED: Final = MARGIN / 2
ASK_EVERY_S: Final = 1.0
POLL_S: Final = 0.2
BATCH: Final = 1000
WAIT_S: Final = 0.02
AGAIN_S: Final = 1.0
"""After Kafka did not answer."""
STOP_S: Final = 12.0
_NEVER: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
_log: Final = structlog.get_logger("rules")


class _Known(NamedTuple):
    """A history, and the instant until which it is complete."""

    history: History
    until: dt.datetime


class RulesFollower:
    """Keeps one process's rules up with the log, in a thread of its own."""

    def __init__(self, settings: KafkaSettings, base: Policy, clock: Callable[[], dt.datetime]) -> None:
        """``base`` is what the provinces' rules narrow further; ``clock`` is what instants are told by."""
        self._settings, self._base, self._clock = settings, base, clock
        self._known = _Known(History(base), _NEVER)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def behind_s(self) -> float:
        """Seconds since this process was last seen to hold everything; infinite until it first was."""
        until = self._known.until
        return math.inf if until == _NEVER else (self._clock() - until + TRUSTED).total_seconds()

    def so_far(self) -> History:
        """What is known now."""
        return self._known.history

    async def up_to(self, instant: dt.datetime) -> History:
        """The history, once it is complete until ``instant``."""
        while (known := self._known).until < instant:
            await asyncio.sleep(WAIT_S)
        return known.history

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except (KafkaError, KafkaException) as error:
                _log.warning("the provinces' rules cannot be read; what they judge waits", error=type(error).__name__)
            except Exception as error:
                _log.exception("the provinces' rules could not be followed", error=type(error).__name__)
            self._stopping.wait(AGAIN_S)

    def _follow(self) -> None:
        """Read the topic from its beginning and go on, until stopped or until it turns out to be another topic."""
        client = consumer(self._settings, RULES, **PATIENT)
        try:
            partitions = partitions_of(client, self._settings, RULES)
            topic = self._settings.topic(RULES)
            client.assign([at(topic, partition, 0) for partition in partitions])
            self._read(client, topic, dict.fromkeys(partitions, 0))
        finally:
            client.close()

    def _read(self, client: Consumer, topic: str, positions: dict[int, int]) -> None:
        history, is_whole = History(self._base), False
        asked, ends, ask_at = self._clock(), dict[int, int](), 0.0
        while not self._stopping.is_set():
            if time.monotonic() >= ask_at:
                asked, there = self._clock(), partitions_of(client, self._settings, RULES)
                ends = end_offsets(client, topic, there)
                ask_at = time.monotonic() + ASK_EVERY_S
                if any(positions.get(partition, -1) > end for partition, end in ends.items()) or there != sorted(positions):
                    _log.warning("the topic of the provinces' rules is another one, or has more partitions; it is read anew")
                    return
            for record in fetch(client, BATCH, POLL_S):
                history = _with(history, record)
                positions[record.partition()] = record.offset() + 1
            if all(positions[partition] >= end for partition, end in ends.items()):
                is_whole = True
                self._known = _Known(history, asked + TRUSTED)
            elif is_whole:  # more than was asked for before: it may be known at once, and is complete no longer than it was
                self._known = _Known(history, self._known.until)


def _with(history: History, record: Fetched) -> History:
    """The history and this record. One that cannot be read changes nothing, and stays in the log to be looked at."""
    try:
        version = read_version(record.value() or b"")
    except UnreadableError as error:
        metrics.rules_refused.labels(error.reason).inc()
        _log.error("a record of provincial rules is refused", partition=record.partition(), offset=record.offset())
        return history
    _, stored_ms = record.timestamp()
    return history.having(version, dt.datetime.fromtimestamp(stored_ms / 1000, dt.UTC))


@asynccontextmanager
async def following(settings: KafkaSettings, base: Policy, clock: Callable[[], dt.datetime]) -> AsyncIterator[RulesFollower]:
    """A follower, while something needs it."""
    follower = RulesFollower(settings, base, clock)
    follower.start()
    try:
        yield follower
    finally:
        await asyncio.to_thread(follower.stop)


async def rules_now(settings: KafkaSettings, base: Policy, within_s: float = 15.0) -> History:
    """All rules that are on the log, for a command that asks once.

    Raises:
        KafkaUnreachableError: Kafka does not say in time.
    """
    async with following(settings, base, _now) as follower:
        try:
            async with asyncio.timeout(within_s):
                return await follower.up_to(_now())
        except TimeoutError:
            raise KafkaUnreachableError(settings.bootstrap) from None


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
