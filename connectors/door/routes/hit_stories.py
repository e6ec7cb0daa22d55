"""Hits over the API: one with its story, and lists of them (S3.3, S3.4)."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from connectors.door.access import Admitted, must_own, owns
from connectors.door.behind import behind
from connectors.door.cursors import CHARACTERS_MAX, CursorError, read_cursor, write_cursor
from connectors.door.documented import V1, problems
from connectors.door.hit_list import owner_of
from connectors.door.problems import ProblemError
from stream.core.hit import Hit
from stream.core.hit_story import HitStory

PAGE_MAX = 1000
_NO_STORE = {"cache-control": "no-store"}

router = APIRouter(prefix=V1)


class HitPage(BaseModel):
    """Hits, newest first; those of one order by their ids. ``next`` leads to the page after this; null: there is none."""

    items: list[Hit]
    next: str | None = Field(description="may lead on although this page has fewer hits than asked for, or none")


class HitTold(BaseModel):
    """A hit as it stands on the topic ``hits``, and what became of it."""

    hit: Hit
    story: HitStory


@router.get("/hits", response_model=HitPage, responses=problems(), summary="查询命中 List hits")
async def list_hits(
    request: Request,
    _caller: Admitted,
    after: Annotated[str | None, Query(max_length=CHARACTERS_MAX, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
    order_id: Annotated[str | None, Query(min_length=1, max_length=256, description="hits of this order only")] = None,
) -> Response:
    """Hits that are open to whoever asks: their case's, their court's, their province's, or all."""
    shown = behind(request).hit_list
    mine = owns(request)
    if order_id is not None:
        request.state.object = ("order", order_id)
        of_order = await shown.of_order(order_id, mine, after or "", limit)
        items: list[Any] = [hit.model_dump(mode="json") for hit in of_order]
        following = of_order[-1].id if len(of_order) == limit else None
    else:
        page = await shown.page(mine, _positions(after), limit)
        items = list(page.items)
        following = None if page.positions is None else write_cursor(page.positions)
    request.state.detail = f"{len(items)} hits"
    found = msgspec.json.encode({"items": items, "next": following})
    return Response(found, headers=_NO_STORE, media_type="application/json")


@router.get(
    "/hits/{hit_id}", response_model=HitTold, responses=problems("not_found"), summary="命中及其经过 A hit and its story"
)
async def get_hit(request: Request, _caller: Admitted, hit_id: Annotated[UUID, Path()]) -> Response:
    """A hit and its story: each step with its time, its outcome and why; who was told when; what was answered."""
    told = await behind(request).hit_list.told(str(hit_id))
    must_own(request, None if told is None else owner_of(told.hit))
    if told is None:  # must_own refuses it
        raise AssertionError
    found = {"hit": told.hit.model_dump(mode="json"), "story": told.story.model_dump(mode="json")}
    return Response(msgspec.json.encode(found), headers=_NO_STORE, media_type="application/json")


def _positions(after: str | None) -> dict[int, int] | None:
    try:
        return None if after is None else read_cursor(after)
    except CursorError as error:
        raise ProblemError("invalid", detail=f"query.after: {error}") from None
