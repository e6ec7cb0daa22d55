"""A notice: an endpoint's health changed, as one worker saw it, on the topic ``notices`` for whoever runs the engine."""

from __future__ import annotations

import json
import uuid
from enum import StrEnum
from typing import Final, NamedTuple

from pydantic import Field

from matchers.wire import Message, NonEmpty, Timestamp
from stream.core.delivery import Reason
from stream.core.escalation import AnyLevel
from stream.core.health import Change, State

NOTICE_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:chakong:notice")


class Kind(StrEnum):
    """What a change means to those who are told of it."""

    DOWN = "down"
    GONE = "gone"
    RECOVERED = "recovered"


class Place(NamedTuple):
    """An endpoint as it may be told of: ``name`` is redacted, with no secret, no query, and nobody's address or number."""

    court: str
    level: AnyLevel
    channel: str
    name: str


class Notice(Message):
    """A change of an endpoint's health, as one worker saw it: it opened, it is disabled, or it recovered."""

    id: NonEmpty = Field(description="the same for the same change, however often it is sent")
    at: Timestamp
    court: NonEmpty = Field(
        description="the court's code; of a high court its province, of the national command `nation`; * for any; of the"
        " police a province, `00` or a station's code, as the level says"
    )
    level: AnyLevel
    channel: NonEmpty
    endpoint: NonEmpty = Field(description="redacted: no user, query or secret, and nobody's address or number")
    kind: Kind
    before: State
    after: State
    since: Timestamp = Field(description="when it first failed of the failures in a row")
    failures: int = Field(description="in a row, as this worker counted them")
    reason: Reason | None = Field(description="why it failed last")
    worker: NonEmpty


def kind_of(before: State, after: State) -> Kind | None:
    """What a change means; None where nobody is told: a probe begins, or failed."""
    if after is State.DISABLED and before is not State.DISABLED:
        return Kind.GONE
    if before is State.CLOSED and after is State.OPEN:
        return Kind.DOWN
    if before in (State.OPEN, State.HALF_OPEN) and after is State.CLOSED:
        return Kind.RECOVERED
    return None


def notice(place: Place, kind: Kind, change: Change, worker: str) -> Notice:
    """The notice of a change."""
    return Notice(
        id=id_of(*place, kind.value, change.at.isoformat(), worker),
        at=change.at,
        court=place.court,
        level=place.level,
        channel=place.channel,
        endpoint=place.name,
        kind=kind,
        before=change.before,
        after=change.after,
        since=change.health.since or change.at,
        failures=change.health.failures,
        reason=change.health.reason,
        worker=worker,
    )


def id_of(*about: str) -> str:
    """UUIDv5 of the JSON array of what it is about."""
    return str(uuid.uuid5(NOTICE_NAMESPACE, json.dumps(about, ensure_ascii=False, separators=(",", ":"))))
