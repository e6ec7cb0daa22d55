"""A court fetches its notifications (提取通知)."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from connectors.door.access import Admitted, must_own
from connectors.door.behind import behind
from connectors.door.documented import V1, problems
from connectors.door.pages import Chosen
from connectors.door.routes.paging import After, Limit, Wait, turn_page
from stream.core.authority import Owner
from stream.core.notification import Notification

router = APIRouter(prefix=V1)


class InboxPage(BaseModel):
    """A court's notifications, oldest first. ``next`` is the cursor to come back with, whether or not there were any."""

    events: list[Notification]
    next: str
    more: bool = Field(description="there may be more at once; false when the end was reached")


@router.get(
    "/inbox", response_model=InboxPage, responses=problems("not_found", "cursor_gone"), summary="提取通知 Fetch the inbox"
)
async def fetch_inbox(
    request: Request, caller: Admitted, after: After = None, limit: Limit = 100, wait: Wait = 0.0
) -> Response:
    """The court's own notifications after a cursor, in the order in which they were stored; without one, all that are kept."""
    court = caller.court
    must_own(request, Owner(court=court))
    if court is None:  # an inbox is one court's, and must_own refuses who is of none
        raise AssertionError
    request.state.object = ("inbox", court)
    page = await turn_page(behind(request).inbox, Chosen(court.encode()), after, limit, wait)
    request.state.detail = f"{len(page.records)} notifications, from {after or 'the beginning'} to {page.next}"
    found = {"events": page.records, "next": page.next, "more": page.more}
    return Response(msgspec.json.encode(found), headers={"cache-control": "no-store"}, media_type="application/json")
