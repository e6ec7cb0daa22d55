"""Dead letters: what could not be read or was refused, with its place, its reason and its bytes. Personal data."""

from __future__ import annotations

import base64
import datetime as dt

import msgspec

from connectors.kafka.records import Record
from connectors.kafka.topics import DEADLETTERS


class DeadLetter(msgspec.Struct, frozen=True):
    """One record of the topic ``deadletters``, keyed by source topic; ``bytes`` is the record in base64."""

    topic: str
    partition: int
    offset: int
    at: dt.datetime
    reason: str
    detail: str
    bytes: str


def dead_letter(topic: str, partition: int, offset: int, at: dt.datetime, reason: str, detail: str, raw: bytes) -> Record:
    """The record that buries another."""
    letter = DeadLetter(topic, partition, offset, at, reason, detail, base64.b64encode(raw).decode())
    return Record(DEADLETTERS, topic.encode(), msgspec.json.encode(letter))
