"""A sighting that was seen before, found again by station and id, where the log still has it.

``candidates`` keeps those that a filter took for a maybe, with the filter's positions; ``sightings.*`` all of them, for hours;
``hits`` those that hit, for ever, less a person or vehicle that no evidence is about.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
from pydantic import ValidationError

from connectors.kafka.clients import Fetched
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.through import BULK, Through
from connectors.kafka.topics import CANDIDATES, HITS
from matchers.sighting import SIGHTING_TOPICS, Sighting, read_sighting, sighting_in
from matchers.wire import UnreadableError
from stream.core.candidate import Candidate
from stream.core.explanation import Arrived, Screened, Source
from stream.core.hit import Hit
from stream.core.replay import LoggedHit
from stream.services.order_history import kafka_time

NEAR: Final = dt.timedelta(hours=1)
"""Around the instant that is asked about, the sightings are searched first."""
_RUN: Final = re.compile(rb"[A-Za-z0-9-]+")
_candidates: Final = msgspec.json.Decoder(Candidate)


class _Station(msgspec.Struct):
    code: str


class _Identity(msgspec.Struct):
    id: str
    station: _Station


_identity: Final = msgspec.json.Decoder(_Identity)


@dataclass(frozen=True, slots=True)
class PastSighting:
    """A sighting, where it was read, and what is still known of its screening."""

    sighting: Sighting
    source: Source
    arrived: Arrived | None = None
    screened: Screened | None = None


class PastSightings:
    """Searches the log; for one thread. Raises KafkaUnreachableError and TopicError."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka

    def find(self, station: str, id_: str, around: dt.datetime) -> PastSighting | None:
        """The sighting that a station sent under an id; None: the log has it no more, or never had it."""
        candidate = self.screened(station, id_)
        if candidate is not None:
            return candidate
        return self._among_sightings(station, id_, around) or self._among_hits(station, id_)

    def screened(self, station: str, id_: str) -> PastSighting | None:
        """The sighting as a filter took it for a maybe: the first time that it did."""
        key = msgspec.json.encode([station, id_])
        found = [
            candidate
            for record in self._records(CANDIDATES)
            if record.key() == key and (candidate := _candidate(record.value() or b"")) is not None
        ]
        if not found:
            return None
        first = min(found, key=lambda candidate: candidate.seen_at)
        arrived = self._arrived(first.topic, first.partition, first.offset)
        screened = Screened(first.seen_at, first.positions, first.lookback)
        return PastSighting(read_sighting(bytes(first.sighting)), "candidates", arrived, screened)

    def hits(self, ids: Collection[str], since: dt.datetime) -> list[LoggedHit]:
        """Every record of ``hits`` under one of these ids; none is older than ``since``."""
        needles = [id_.encode() for id_ in ids]
        found = []
        for record in self._records(HITS, since):
            raw = record.value() or b""
            if any(needle in raw for needle in needles) and (hit := _hit(raw)) is not None and hit.id in ids:
                found.append(LoggedHit(record.partition(), record.offset(), hit))
        return sorted(found, key=lambda logged: (logged.hit.detected_at, logged.partition, logged.offset))

    def _among_sightings(self, station: str, id_: str, around: dt.datetime) -> PastSighting | None:
        """First near the instant, where it most often is."""
        for since, until in ((around - NEAR, around + NEAR), (None, None)):
            for name in SIGHTING_TOPICS:
                found = self._in_topic(name, station, id_, since, until)
                if found is not None:
                    return found
        return None

    def _in_topic(
        self, name: str, station: str, id_: str, since: dt.datetime | None, until: dt.datetime | None
    ) -> PastSighting | None:
        needle = _needle(id_)
        for record in self._records(name, since, until):
            raw = record.value() or b""
            if needle in raw and (sighting := _read(raw, station, id_)) is not None:
                place = (record.topic(), record.partition(), record.offset())
                return PastSighting(sighting, "sightings", Arrived(*place, kafka_time(record)))
        return None

    def _records(self, name: str, since: dt.datetime | None = None, until: dt.datetime | None = None) -> Iterator[Fetched]:
        """The records of a topic that Kafka has had since a moment and until another; without them, all that are kept."""
        log = Through(self._kafka, name, "replay", **BULK)
        try:
            for fetched in log.read(*log.window(since, until)):
                yield from fetched
        finally:
            log.close()

    def _arrived(self, topic: str, partition: int, offset: int) -> Arrived | None:
        """The place of a sighting with Kafka's time; None where it is not kept any more."""
        log = Through(self._kafka, topic.removeprefix(self._kafka.topic_prefix), "replay")
        try:
            first, end = log.kept()[partition]
            if not first <= offset < end:
                return None
            records = [record for fetched in log.read({partition: offset}, {partition: offset + 1}) for record in fetched]
        finally:
            log.close()
        return Arrived(topic, partition, offset, kafka_time(records[0])) if records else None

    def _among_hits(self, station: str, id_: str) -> PastSighting | None:
        needle = _needle(id_)
        for record in self._records(HITS):
            raw = record.value() or b""
            if needle in raw and (sighting := _of_hit(_hit(raw), station, id_)) is not None:
                return PastSighting(sighting, "hits")
        return None


def _needle(id_: str) -> bytes:
    """The longest run of an id that stands in JSON as it is, however the rest is written there; empty where there is none."""
    return max(_RUN.findall(id_.encode("utf-8", "surrogatepass")), key=len, default=b"")


def _read(raw: bytes, station: str, id_: str) -> Sighting | None:
    """The sighting, if it is the one: told apart quickly where that can be done."""
    try:
        named = _identity.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        named = None
    if named is not None and (named.id, named.station.code) != (id_, station):
        return None
    try:
        sighting = read_sighting(raw)
    except UnreadableError:
        return None
    return sighting if (sighting.id, sighting.station.code) == (id_, station) else None


def _of_hit(hit: Hit | None, station: str, id_: str) -> Sighting | None:
    if hit is None:
        return None
    try:
        sighting = sighting_in(hit.sighting)
    except UnreadableError:
        return None
    return sighting if (sighting.id, sighting.station.code) == (id_, station) else None


def _candidate(raw: bytes) -> Candidate | None:
    try:
        return _candidates.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _hit(raw: bytes) -> Hit | None:
    try:
        return Hit.model_validate(msgspec.json.decode(raw))
    except (ValidationError, msgspec.DecodeError, UnicodeDecodeError):
        return None
