"""Enforcement and preservation cases (执行案件信息, S2.1.1)."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from connectors.door.access import Admitted, must_own
from connectors.door.behind import behind
from connectors.door.documented import V1, problems, with_headers
from connectors.door.preconditions import MadeOf, etag, must_be_newer, must_match
from connectors.door.problems import ProblemError
from stream.core.feeds import CaseFacts, CaseRecord

router = APIRouter(prefix=V1)
CaseId = Annotated[UUID, Path(description='UUIDv5 in the namespace UUIDv5(URL, "urn:chakong:case") of ["court","number"]')]


class Taken(BaseModel):
    """The record is on the log, and takes effect from there."""

    id: str
    version: int
    status: Literal["accepted"] = "accepted"


@router.put(
    "/cases/{case_id}",
    status_code=202,
    response_model=Taken,
    responses={
        **with_headers(202, "ETag"),
        **problems("not_found", "stale_version", "precondition_failed", "precondition_required", "too_large"),
    },
    summary="报送案件 Put a case",
)
async def put_case(
    request: Request,
    response: Response,
    _caller: Admitted,
    case_id: CaseId,
    posted: CaseFacts,
    made_of: MadeOf,
) -> Any:
    """Put a whole case under a higher version. Closing it (`status: closed`) ends its fast queries at once."""
    must_own(request, posted.owner)
    if posted.case_id != str(case_id):
        raise ProblemError("invalid", detail=f"path.case_id: this court's case of this number is {posted.case_id}")
    feeds = behind(request).feeds
    held = await feeds.held.case(str(case_id))
    if held is not None:
        must_own(request, held.owner)
    version = None if held is None else held.version
    must_match(version, made_of)
    must_be_newer(version, posted.version)
    await feeds.put(CaseRecord.model_validate({**posted.model_dump(), "id": str(case_id), "issued_at": feeds.now()}))
    request.state.detail = f"version {posted.version}, {posted.status}, {len(posted.parties)} parties"
    response.headers["etag"] = etag(posted.version)
    return {"id": str(case_id), "version": posted.version}


@router.get("/cases/{case_id}", responses={**with_headers(200, "ETag"), **problems("not_found")}, summary="查看案件 Get a case")
async def get_case(request: Request, response: Response, _caller: Admitted, case_id: CaseId) -> CaseRecord:
    """The case as it is held, its version as ETag."""
    held = await behind(request).feeds.held.case(str(case_id))
    must_own(request, None if held is None else held.owner)
    if held is None:  # must_own refuses it
        raise AssertionError
    response.headers.update({"etag": etag(held.version), "cache-control": "no-store"})
    return held
