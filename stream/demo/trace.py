"""How far hits came that should have been told and were not: their steps on the wire, for whoever has to find out why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from connectors.kafka.clients import Fetched, at, consumer, end_offsets, fetch, partitions_of
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import CANDIDATES, DEADLETTERS, HITS, RECEIPTS
from matchers.sighting import SIGHTING_TOPICS
from synthetic.truth import Expected

_TRACED: Final = (*SIGHTING_TOPICS, CANDIDATES, DEADLETTERS, HITS, RECEIPTS)
_WITHIN_S: Final = 5.0


def records(settings: KafkaSettings, name: str) -> Iterator[Fetched]:
    """Every record that a topic holds now."""
    client = consumer(settings, "demo")
    topic = settings.topic(name)
    try:
        ends = end_offsets(client, topic, partitions_of(client, settings, name))
        client.assign([at(topic, partition, 0) for partition in ends])
        left = sum(ends.values())
        while left > 0 and (messages := fetch(client, min(left, 10_000), _WITHIN_S)):
            left -= len(messages)
            yield from messages
    finally:
        client.close()


def trace(settings: KafkaSettings, pairs: Iterable[Expected]) -> dict[str, list[str]]:
    """By hit id, every record that tells of it or of its sighting: topic, place, time, and a receipt's step and outcome."""
    wanted = {pair.hit_id: (pair.hit_id.encode(), msgspec.json.encode(pair.sighting_id)) for pair in pairs}
    found: dict[str, list[str]] = {hit_id: [] for hit_id in wanted}
    for name in _TRACED if wanted else ():
        for record in records(settings, name):
            value = record.value() or b""
            for hit_id, marks in wanted.items():
                if any(mark in value for mark in marks):
                    found[hit_id].append(_line(name, record, value))
    return found


def _line(name: str, record: Fetched, value: bytes) -> str:
    moment = dt.datetime.fromtimestamp(record.timestamp()[1] / 1000, dt.UTC).isoformat(timespec="milliseconds")
    said: Mapping[str, object] = msgspec.json.decode(value) if name in (RECEIPTS, DEADLETTERS) else {}
    words = [str(said[field]) for field in ("step", "outcome", "attempt", "next_at", "reason") if field in said]
    return " ".join([f"{name}[{record.partition()}]@{record.offset()}", moment, *words])
