"""The audit log as it lies in Kafka: from its beginning or a moment on, up to where it ends when the reading begins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import ValidationError

from connectors.kafka.settings import KafkaSettings
from connectors.kafka.through import Through
from connectors.kafka.topics import AUDIT
from matchers.wire import UnreadableError
from stream.core.audit.chain import digest_of
from stream.core.audit.fault import Stored
from stream.core.audit.record import Head, read_record
from stream.core.audit.search import Stretch

STORED_WITHIN: Final = dt.timedelta(minutes=1)
"""From a record's own time to Kafka's, at most: what is not stored by then is given up."""
_GROUP: Final = "audit-reader"


class AuditLog:
    """Reads the log; each reading has a connection of its own."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    def records(self, since: dt.datetime | None = None, until: dt.datetime | None = None) -> Iterator[Stored]:
        """What Kafka has had since a moment and until another; without them, all of it. Each partition in order.

        Raises:
            KafkaUnreachableError: no broker answers, or it stops answering.
            TopicError: there is no such topic.
        """
        log = Through(self._settings, AUDIT, _GROUP)
        try:
            yield from _stored(log, *log.window(since, until))
        finally:
            log.close()

    def stretches(
        self, positions: Mapping[int, int] | None, since: dt.datetime | None, until: dt.datetime | None, records_max: int
    ) -> dict[int, Stretch]:
        """What lies next in each partition: from these positions on, or without them from a moment on; so many in all.

        Raises:
            KafkaUnreachableError, TopicError: as ``records``.
        """
        log = Through(self._settings, AUDIT, _GROUP)
        try:
            starts, ends = log.window(since, None if until is None else until + STORED_WITHIN)
            if positions is not None:
                starts = {partition: max(positions.get(partition, 0), first) for partition, (first, _) in log.kept().items()}
            share = max(records_max // len(log.partitions), 1)
            stops = {partition: min(start + share, max(ends[partition], start)) for partition, start in starts.items()}
            read: dict[int, list[Stored]] = {partition: [] for partition in log.partitions}
            for stored in _stored(log, starts, stops):
                read[stored.partition].append(stored)
        finally:
            log.close()
        return {
            partition: Stretch(read[partition], stops[partition], stops[partition] >= ends[partition]) for partition in read
        }

    def heads(self) -> tuple[Head, ...]:
        """The last record of each partition that is a record.

        Raises:
            KafkaUnreachableError, TopicError: as ``records``.
        """
        log = Through(self._settings, AUDIT, _GROUP, **{"queued.min.messages": "1"})
        try:
            first, ends = log.window()
            last = list(_stored(log, {partition: max(end - 1, first[partition]) for partition, end in ends.items()}, ends))
        finally:
            log.close()
        return tuple(head for head in map(_head, last) if head is not None)

    def partitions(self) -> list[int]:
        """The partitions of the topic. Raises as ``records``."""
        log = Through(self._settings, AUDIT, _GROUP)
        log.close()
        return log.partitions


def _stored(log: Through, starts: dict[int, int], ends: dict[int, int]) -> Iterator[Stored]:
    for fetched in log.read(starts, ends):
        for message in fetched:
            yield Stored(message.partition(), message.offset(), message.key(), message.value() or b"")


def _head(stored: Stored) -> Head | None:
    try:
        record = read_record(stored.value)
    except (UnreadableError, ValidationError):
        return None
    return Head(writer=record.writer, sequence=record.sequence, sha256=digest_of(stored.value))
