"""Incidents at the door: opened by hand, looked at, and moved on (S4.5)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from pydantic import BaseModel, Field

from connectors.door.problems import ProblemError
from connectors.redis.incidents import Listed
from stream.core.authority import Owner
from stream.core.incident import IncidentKind, Opening
from stream.core.incident_due import Late, Limits, late, notice_by, resolve_by
from stream.core.incident_life import Incident, next_at
from stream.core.incident_record import (
    SIDES,
    By,
    IncidentRecord,
    IncidentStep,
    Side,
    by_hand,
    incident_id_by_hand,
    opened,
    step_id,
)

LOOKED_AT_MAX: Final = 5000
"""Incidents that one page looks at; one that is full of others' tells where to go on."""
PIECE: Final = 200


class Known(Protocol):
    """What is known of incidents: ``IncidentsView``."""

    async def find(self, id_: str) -> Incident | None: ...

    async def some(self, ids: Sequence[str]) -> list[Incident]: ...

    async def after(self, place: Listed | None, most: int) -> list[Listed]: ...


class Log(Protocol):
    """Puts steps on record: ``IncidentLog``."""

    async def add(self, records: Sequence[IncidentRecord]) -> None: ...


class Wanted(NamedTuple):
    """Which incidents are asked for."""

    state: str = "open"
    kind: IncidentKind | None = None


class SideState(BaseModel):
    """What a side knows of the incident as it stands now."""

    noticed_at: dt.datetime | None
    acknowledged_at: dt.datetime | None


class StepTaken(BaseModel):
    """One step of the incident's life."""

    id: str
    step: IncidentStep
    at: dt.datetime
    by: By | None = None
    note: str | None = None
    event: str | None = None
    side: Side | None = None
    level: str | None = None
    endpoint: str | None = None


class IncidentDocument(BaseModel):
    """An incident. It tells nothing of a person or a vehicle."""

    id: str
    kind: IncidentKind
    about: str
    says: Mapping[str, str]
    court: str | None
    province: str | None
    station: str | None
    state: str
    standing: bool = Field(description="what opened it stands still, as the engine sees it; false of what only happened")
    opened_at: dt.datetime
    notice_by: dt.datetime
    resolve_by: dt.datetime
    overdue: list[Late]
    sides: dict[Side, SideState]
    steps: list[StepTaken]


class Desk:
    """Where incidents are opened by hand and moved on."""

    def __init__(self, known: Known, log: Log, limits: Limits, clock: Callable[[], dt.datetime]) -> None:
        self._known, self._log, self._limits, self._clock = known, log, limits, clock

    async def find(self, id_: str) -> Incident | None:
        """One incident. Raises ViewUnavailableError."""
        return await self._known.find(id_)

    def document(self, incident: Incident) -> IncidentDocument:
        """The incident as it is shown."""
        return document(incident, self._clock(), self._limits)

    async def page(
        self, after: Listed | None, limit: int, wanted: Wanted, mine: Callable[[Owner], bool]
    ) -> tuple[list[Incident], Listed | None]:
        """The next incidents that are wanted, newest first, and the place to go on from; None at the end."""
        found: list[Incident] = []
        looked_at = 0
        while looked_at < LOOKED_AT_MAX:
            places = await self._known.after(after, PIECE)
            if not places:
                return found, None
            by_id = {incident.id: incident for incident in await self._known.some([place.id for place in places])}
            for place in places:
                after, looked_at = place, looked_at + 1
                incident = by_id.get(place.id)
                if incident is not None and self._is_wanted(incident, wanted) and mine(incident.opening.owner):
                    found.append(incident)
                if len(found) == limit:
                    return found, after
        return found, after

    def _is_wanted(self, incident: Incident, wanted: Wanted) -> bool:
        if wanted.kind not in (None, incident.opening.kind):
            return False
        match wanted.state:
            case "open":
                return incident.is_open
            case "resolved":
                return not incident.is_open
            case "overdue":
                return bool(late(incident, self._clock(), self._limits))
            case _:
                return True

    async def open(self, opening: Opening, by: By, key: str) -> str:
        """The id of an incident that is opened by hand, once that is on record.

        Raises:
            ProblemError: ``key_reused``: with another content.
            KafkaError, ViewUnavailableError: it may not be on record; a repeat under the same key is harmless.
        """
        id_ = incident_id_by_hand(by.id, key)
        before = await self._known.find(id_)
        if before is None:
            await self._log.add([opened(id_, opening, self._clock(), by)])
        elif before.opening != opening:
            raise ProblemError("key_reused")
        return id_

    async def move(self, incident: Incident, step: IncidentStep, by: By, key: str, note: str | None) -> str:
        """The id of a step, once it is on record, and be it one that changes nothing, as to resolve what is resolved.

        Raises:
            ProblemError: ``key_reused``: with another content.
            KafkaError: it may not be on record; a repeat under the same key is harmless.
        """
        id_ = step_id(incident.id, "by", by.id, key)
        before = next((one for one in incident.steps if one.id == id_), None)
        if before is None:
            await self._log.add([by_hand(incident.id, step, by, key, note, next_at(incident, self._clock()))])
        elif (before.step, before.note) != (step, note):
            raise ProblemError("key_reused")
        return id_


def document(incident: Incident, now: dt.datetime, limits: Limits) -> IncidentDocument:
    """An incident as it is shown, at a moment."""
    opening, round_, owner = incident.opening, incident.round, incident.opening.owner
    sides: dict[Side, SideState] = {
        side: SideState(noticed_at=round_.noticed_at(side), acknowledged_at=round_.acknowledged_at(side)) for side in SIDES
    }
    return IncidentDocument(
        id=incident.id,
        kind=opening.kind,
        about=opening.about,
        says={"zh": opening.says.zh, "en": opening.says.en},
        court=owner.court,
        province=owner.province,
        station=owner.station,
        state="open" if incident.is_open else "resolved",
        standing=incident.standing is not None,
        opened_at=round_.at,
        notice_by=notice_by(incident, limits),
        resolve_by=resolve_by(incident, limits),
        overdue=list(late(incident, now, limits)),
        sides=sides,
        steps=[StepTaken.model_validate(step.model_dump(exclude={"opening", "incident_id"})) for step in incident.steps],
    )
