"""A station fetches what it is asked to do (处置指令); a police platform, what its province's stations are."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from connectors.door.access import Admitted, must_own, operation_of, owns
from connectors.door.behind import behind
from connectors.door.documented import V1, problems
from connectors.door.pages import Chosen
from connectors.door.routes.paging import After, Limit, Wait, turn_page
from stream.core.authority import Owner, Principal, Reach, reach_of
from stream.core.instruction import StationInstruction

router = APIRouter(prefix=V1)


class InstructionPage(BaseModel):
    """Instructions, oldest first. ``next`` is the cursor to come back with, whether or not there were any."""

    items: list[StationInstruction]
    next: str
    more: bool = Field(description="there may be more at once; false when the end was reached")


@router.get(
    "/instructions",
    response_model=InstructionPage,
    responses=problems("not_found", "cursor_gone"),
    summary="提取处置指令 Fetch a station's instructions",
)
async def list_instructions(
    request: Request,
    caller: Admitted,
    after: After = None,
    limit: Limit = 100,
    wait: Wait = 0.0,
    station: Annotated[str | None, Query(min_length=1, max_length=200, description="this station's alone")] = None,
) -> Response:
    """A station's own instructions after a cursor, or those of a province's stations; without one, all that are kept."""
    if reach_of(caller, operation_of(request)) is Reach.STATION:
        station = station or _own(caller)
    request.state.object = ("instructions", station or "all that are open to them")
    if reach_of(caller, operation_of(request)) is Reach.STATION:
        must_own(request, Owner(station=station))
    within = owns(request)

    def holds(fields: dict[str, Any]) -> bool:
        return within(Owner(province=fields.get("station_province"), station=fields.get("station_code")))

    chosen = Chosen(None if station is None else station.encode(), holds)
    page = await turn_page(behind(request).instructions, chosen, after, limit, wait)
    request.state.detail = f"{len(page.records)} instructions, from {after or 'the beginning'} to {page.next}"
    found = {"items": page.records, "next": page.next, "more": page.more}
    return Response(msgspec.json.encode(found), headers={"cache-control": "no-store"}, media_type="application/json")


def _own(caller: Principal) -> str | None:
    """The one station that somebody is of; None for somebody of several, who is to say which."""
    stations = {grant.station for grant in caller.grants if grant.station is not None}
    return stations.pop() if len(stations) == 1 else None
