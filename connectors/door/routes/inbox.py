"""A court fetches its notifications (提取通知)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from connectors.door.access import Admitted, must_own
from connectors.door.behind import behind
from connectors.door.cursors import CHARACTERS_MAX, CursorError, read_cursor, write_cursor
from connectors.door.documented import problems
from connectors.door.inbox import CursorGoneError
from connectors.door.problems import ProblemError
from connectors.door.settings import WAIT_S_MAX
from stream.core.authority import Owner
from stream.core.notification import Notification

PAGE_MAX = 1000

router = APIRouter()


class InboxPage(BaseModel):
    """A court's notifications, oldest first. ``next`` is the cursor to come back with, whether or not there were any."""

    events: list[Notification]
    next: str
    more: bool = Field(description="there may be more at once; false when the end was reached")


@router.get(
    "/inbox", response_model=InboxPage, responses=problems("not_found", "cursor_gone"), summary="提取通知 Fetch the inbox"
)
async def fetch_inbox(
    request: Request,
    caller: Admitted,
    after: Annotated[
        str | None, Query(max_length=CHARACTERS_MAX, description="the cursor that came with the last page")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
    wait: Annotated[float, Query(ge=0, le=WAIT_S_MAX, description="seconds to wait when there is nothing yet")] = 0.0,
) -> Response:
    """The court's own notifications after a cursor, in the order in which they were stored; without one, all that are kept."""
    court = caller.court
    must_own(request, Owner(court=court))
    if court is None:  # an inbox is one court's, and must_own refuses who is of none
        raise AssertionError
    request.state.object = ("inbox", court)
    try:
        page = await behind(request).inbox.page(court, None if after is None else read_cursor(after), limit, wait)
    except CursorError as error:
        raise ProblemError("invalid", detail=f"query.after: {error}") from None
    except CursorGoneError as error:
        raise ProblemError("cursor_gone", resume_after=write_cursor(error.resume)) from None
    found = {"events": page.events, "next": write_cursor(page.positions), "more": page.more}
    request.state.detail = f"{len(page.events)} notifications, from {after or 'the beginning'} to {found['next']}"
    return Response(msgspec.json.encode(found), headers={"cache-control": "no-store"}, media_type="application/json")
