"""What stands on the topic ``incidents``: the steps of incidents' lives, and the ids that make a repeat the same step.

    opened ──▶ told, acknowledged, noted, overdue levels told ──▶ resolved ──▶ reopened ──▶ …

Ids are functions of what happened: several workers that open the same thing, or tell of it, write the same step.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Final, Literal

from pydantic import Field, ValidationError, model_validator

from matchers.wire import Message, NonEmpty, Timestamp, UnreadableError, read_object, reason
from stream.core.authority import Principal, Role
from stream.core.escalation import AnyLevel
from stream.core.incident import IncidentKind, Opening

INCIDENT_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:chakong:incident")
PERIOD: Final = dt.timedelta(hours=24)
"""The same thing, opened by several within one of these periods of UTC, is one incident."""
NOTE_CHARACTERS_MAX: Final = 2000
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Side = Literal["court", "police"]
SIDES: Final[tuple[Side, ...]] = ("court", "police")
IncidentStep = Literal["opened", "reopened", "recurred", "told", "acknowledged", "noted", "cleared", "resolved"]
STEPS: Final[tuple[IncidentStep, ...]] = (
    "opened",
    "reopened",
    "recurred",
    "told",
    "acknowledged",
    "noted",
    "cleared",
    "resolved",
)
"""Of steps of one moment, the first here counts as the earlier."""
_POLICE_SIDE: Final = frozenset({Role.POLICE, Role.STATION, Role.REGISTRY})
_NO_SIDE: Final = frozenset({Role.AUDITOR, Role.OPERATOR})


class By(Message):
    """Who took a step by hand; nobody is named."""

    id: NonEmpty = Field(description="a court's or station's code, a province, or an identity provider's subject")
    roles: tuple[str, ...] = ()
    side: Side | None = Field(default=None, description="whose people they are; null: the engine's operator or an auditor")


class IncidentRecord(Message):
    """One step of an incident's life, on the topic ``incidents`` keyed by the incident's id. It tells nothing of a person."""

    id: NonEmpty = Field(description="the same for the same step, however often it is written")
    incident_id: NonEmpty
    step: IncidentStep = Field(
        description="`told`: a side's contact took the news; `cleared`: what opened it is over, as the engine sees it;"
        " `recurred`: and is there again"
    )
    at: Timestamp
    opening: Opening | None = Field(default=None, description="of `opened`")
    by: By | None = Field(default=None, description="who; null: the engine itself")
    note: str | None = Field(default=None, max_length=NOTE_CHARACTERS_MAX)
    event: str | None = Field(default=None, description="of `told`: which news, as its event's id is made of")
    side: Side | None = Field(default=None, description="of `told`: which side")
    level: AnyLevel | None = Field(default=None, description="of `told`: who of that side")
    endpoint: str | None = Field(default=None, description="of `told`: redacted, and nobody's address or number")

    @model_validator(mode="after")
    def _is_whole(self) -> IncidentRecord:
        if (self.opening is not None) != (self.step == "opened"):
            raise ValueError("an opening belongs to the step opened, and to no other")
        if (self.step == "told") != (None not in (self.event, self.side, self.level)):
            raise ValueError("the step told names event, side and level, and no other does")
        return self

    def body(self) -> bytes:
        """The record as it is stored; what is not said is left out."""
        return self.model_dump_json(exclude_none=True).encode()


def read_record(raw: bytes) -> IncidentRecord:
    """A record of ``incidents``.

    Raises:
        UnreadableError: it cannot be read; the text holds none of its values.
    """
    try:
        return IncidentRecord.model_validate(read_object(raw))
    except ValidationError as error:
        raise UnreadableError("invalid_incident", reason(error)) from None


def incident_id(opening: Opening, at: dt.datetime) -> str:
    """The id of an incident that the system opens: one a kind, thing and period."""
    return _uuid(INCIDENT_NAMESPACE, opening.kind.value, opening.about, (at - _EPOCH) // PERIOD)


def incident_id_by_hand(who: str, key: str) -> str:
    """The id of an incident that somebody opens under an idempotency key."""
    return _uuid(INCIDENT_NAMESPACE, IncidentKind.BY_HAND.value, who, key)


def opened(incident: str, opening: Opening, at: dt.datetime, by: By | None = None) -> IncidentRecord:
    """The first step of an incident."""
    return IncidentRecord(id=step_id(incident, "opened"), incident_id=incident, step="opened", at=at, opening=opening, by=by)


def by_engine(incident: str, step: Literal["reopened", "recurred", "cleared"], after: str, at: dt.datetime) -> IncidentRecord:
    """A step that the engine takes, ``after`` the step that it answers: of several workers' one is made."""
    return IncidentRecord(id=step_id(incident, step, after), incident_id=incident, step=step, at=at)


def by_hand(incident: str, step: IncidentStep, by: By, key: str, note: str | None, at: dt.datetime) -> IncidentRecord:
    """A step that somebody takes under an idempotency key."""
    return IncidentRecord(id=step_id(incident, "by", by.id, key), incident_id=incident, step=step, at=at, by=by, note=note)


def told(incident: str, event: str, side: Side, level: AnyLevel, at: dt.datetime, endpoint: str) -> IncidentRecord:
    """A contact of a side has taken the news of an event."""
    return IncidentRecord(
        id=step_id(incident, "told", event, side, level),
        incident_id=incident,
        step="told",
        at=at,
        event=event,
        side=side,
        level=level,
        endpoint=endpoint,
    )


def step_id(incident: str, *about: str) -> str:
    """The id of a step: UUIDv5, in the incident's own namespace, of the JSON array of what it is about."""
    return _uuid(uuid.UUID(incident), "step", *about)


def by(principal: Principal) -> By:
    """Who takes a step, as it stands on record."""
    return By(id=principal.id, roles=principal.roles, side=side_of(principal))


def side_of(principal: Principal) -> Side | None:
    """Whose people they are: a court's role makes them the courts', one of the police's the police's."""
    roles = {grant.role for grant in principal.grants} - _NO_SIDE
    if roles - _POLICE_SIDE:
        return "court"
    return "police" if roles else None


def _uuid(namespace: uuid.UUID, *about: object) -> str:
    return str(uuid.uuid5(namespace, json.dumps(about, ensure_ascii=False, separators=(",", ":"))))
