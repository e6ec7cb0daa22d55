"""A court answers a hit (反馈)."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Path, Request
from pydantic import BaseModel

from connectors.door.access import Admitted, must_own
from connectors.door.answers import Posted
from connectors.door.behind import behind
from connectors.door.documented import V1, problems

IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=128, pattern="^[!-~]+$")]

router = APIRouter(prefix=V1)


class Accepted(BaseModel):
    """The answer is on record, and takes effect from there."""

    id: UUID
    hit_id: UUID
    status: Literal["accepted"] = "accepted"


@router.post(
    "/hits/{hit_id}/confirmations",
    status_code=202,
    response_model=Accepted,
    responses=problems("not_found", "too_large", "key_reused"),
    summary="反馈 Answer a hit",
)
async def confirm_hit(
    request: Request, _caller: Admitted, hit_id: Annotated[UUID, Path()], posted: Posted, key: IdempotencyKey
) -> Any:
    """Answer a hit: 202 once the answer is durable. Sent again under the same key it is the same answer."""
    request.state.on_behalf_of = posted.by.name
    answers = behind(request).answers
    owner = await answers.owner_of(str(hit_id))
    must_own(request, owner)
    if owner is None or owner.court is None:  # must_own refuses it
        raise AssertionError
    confirmation = await answers.take_in(owner.court, str(hit_id), key, posted)
    return {"id": confirmation.id, "hit_id": confirmation.hit_id}
