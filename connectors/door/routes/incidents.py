"""Incidents between the platforms (异常事件): opened by hand, looked at, moved on until resolved (S4.5)."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from connectors.door.access import Admitted, must_own, owns
from connectors.door.behind import behind
from connectors.door.cursors import CursorError, read_listed, write_listed
from connectors.door.documented import V1, problems
from connectors.door.incidents import IncidentDocument, Wanted
from connectors.door.problems import ProblemError
from connectors.door.routes.hits import IdempotencyKey
from stream.core.authority import NATION, Principal, Reach, reach_of
from stream.core.hit import Says
from stream.core.incident import IncidentKind, Opening
from stream.core.incident_record import NOTE_CHARACTERS_MAX, IncidentStep, by

PAGE_MAX: Final = 1000
Text = Annotated[str, Field(min_length=1, max_length=NOTE_CHARACTERS_MAX)]
Code = Annotated[str, Field(min_length=1, max_length=64)]
IncidentId = Annotated[UUID, Path()]

router = APIRouter(prefix=V1)


class Words(BaseModel):
    """What is wrong, in one of the two languages at least. It tells nothing of a person or a vehicle."""

    model_config = ConfigDict(extra="forbid")

    zh: Text | None = None
    en: Text | None = None


class OpenedByHand(BaseModel):
    """An incident that somebody opens. Without court, province and station it is the place's of whoever opens it."""

    model_config = ConfigDict(extra="forbid")

    about: Annotated[str, Field(min_length=1, max_length=200, description="what it is about: a topic, an endpoint, a station")]
    says: Words
    court: Code | None = None
    province: Annotated[str, Field(pattern="^[0-9]{2}$")] | None = None
    station: Code | None = None


class Moved(BaseModel):
    """A step that somebody takes."""

    model_config = ConfigDict(extra="forbid")

    step: Literal["acknowledge", "note", "resolve", "reopen"] = Field(description="`note` needs a note")
    note: Text | None = Field(default=None, description="tells nothing of a person or a vehicle")


class StepAccepted(BaseModel):
    """The step is on record, and takes effect from there."""

    id: UUID
    incident_id: UUID
    status: Literal["accepted"] = "accepted"


class IncidentAccepted(BaseModel):
    """The incident is on record, and takes effect from there."""

    id: UUID
    status: Literal["accepted"] = "accepted"


class IncidentPage(BaseModel):
    """Incidents, newest first. ``next`` is the cursor to go on with; null at the end."""

    items: list[IncidentDocument]
    next: str | None


_STEPS: Final[dict[str, IncidentStep]] = {
    "acknowledge": "acknowledged",
    "note": "noted",
    "resolve": "resolved",
    "reopen": "reopened",
}


@router.post(
    "/incidents",
    status_code=202,
    responses=problems("not_found", "too_large", "key_reused"),
    summary="登记异常 Open an incident",
)
async def open_incident(request: Request, caller: Admitted, posted: OpenedByHand, key: IdempotencyKey) -> IncidentAccepted:
    """Open an incident by hand: 202 once it is durable. Sent again under the same key it is the same incident."""
    opening = _opening(caller, posted)
    request.state.object = ("place", opening.station or opening.court or opening.province or NATION)
    must_own(request, opening.owner)
    id_ = await behind(request).incidents.open(opening, by(caller), key)
    request.state.object = ("incident", id_)
    return IncidentAccepted(id=UUID(id_))


@router.get("/incidents", responses=problems(), summary="异常列表 List incidents")
async def list_incidents(
    request: Request,
    _caller: Admitted,
    state: Literal["open", "resolved", "overdue", "all"] = "open",
    kind: IncidentKind | None = None,
    after: Annotated[str | None, Query(max_length=200, description="the cursor that came with the last page")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
) -> IncidentPage:
    """The incidents that are open to whoever asks, newest first. A page may have fewer than ``limit`` and a next one still."""
    desk = behind(request).incidents
    try:
        place = None if after is None else read_listed(after)
    except CursorError as error:
        raise ProblemError("invalid", detail=f"query.after: {error}") from None
    found, following = await desk.page(place, limit, Wanted(state, kind), owns(request))
    request.state.detail = f"{len(found)} incidents"
    items = [desk.document(incident) for incident in found]
    return IncidentPage(items=items, next=None if following is None else write_listed(following))


@router.get("/incidents/{incident_id}", responses=problems("not_found"), summary="异常详情 One incident")
async def get_incident(request: Request, _caller: Admitted, incident_id: IncidentId) -> IncidentDocument:
    """One incident with all its steps: when each side was told, who acknowledged it, what was done."""
    desk = behind(request).incidents
    incident = await desk.find(str(incident_id))
    must_own(request, None if incident is None else incident.opening.owner)
    if incident is None:  # must_own refuses it
        raise AssertionError
    return desk.document(incident)


@router.post(
    "/incidents/{incident_id}/steps",
    status_code=202,
    responses=problems("not_found", "too_large", "key_reused"),
    summary="处置异常 Acknowledge, note, resolve or reopen",
)
async def move_incident(
    request: Request, caller: Admitted, incident_id: IncidentId, moved: Moved, key: IdempotencyKey
) -> StepAccepted:
    """Take a step: 202 once it is durable. An acknowledgement counts for the side of whoever gives it."""
    desk = behind(request).incidents
    incident = await desk.find(str(incident_id))
    must_own(request, None if incident is None else incident.opening.owner)
    if incident is None:  # must_own refuses it
        raise AssertionError
    if moved.step == "note" and moved.note is None:
        raise ProblemError("invalid", detail="body.note: the step note needs one")
    request.state.detail = moved.step
    id_ = await desk.move(incident, _STEPS[moved.step], by(caller), key, moved.note)
    return StepAccepted(id=UUID(id_), incident_id=incident_id)


def _opening(caller: Principal, posted: OpenedByHand) -> Opening:
    """The opening that is meant; without a place, that of the caller's narrowest grant."""
    zh, en = posted.says.zh or posted.says.en, posted.says.en or posted.says.zh
    if zh is None or en is None:
        raise ProblemError("invalid", detail="body.says: say it in one language at least")
    place = {"court": posted.court, "province": posted.province, "station": posted.station}
    if not any(place.values()) and reach_of(caller, "open_incident") is not Reach.ALL:
        place = _place_of(caller)
    return Opening.model_validate({"kind": IncidentKind.BY_HAND, "about": posted.about, "says": Says(zh=zh, en=en), **place})


def _place_of(caller: Principal) -> dict[str, str | None]:
    for name in ("station", "court", "province"):
        for grant in caller.grants:
            if (code := getattr(grant, name)) is not None:
                return {name: code}
    return {}
