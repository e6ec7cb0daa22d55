"""The list of dishonest judgment debtors (失信被执行人名单, S2.1.2). It raises no hit: it is looked up."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from connectors.door.access import Admitted, must_own, owns
from connectors.door.behind import behind
from connectors.door.documented import V1, problems, with_headers
from connectors.door.preconditions import MadeOf, etag, must_be_newer, must_be_there, must_match
from connectors.door.routes.cases import Taken
from stream.core.fast_query import ORGANISATION_CODE
from stream.core.feeds import DebtorFacts, DebtorRecord, DebtorRemoval, document_key, organisation_key
from stream.core.question import About

PAGE_MAX = 1000

router = APIRouter(prefix=V1)
DebtorId = Annotated[UUID, Path(description="the court's own id of the entry, a UUID; no function of the person")]


class Sought(BaseModel):
    """Whose entries are sought: by a document, or an organisation by its code."""

    party: About


class DebtorPage(BaseModel):
    """Entries of one person or organisation, by id."""

    items: list[DebtorRecord]
    next: str | None


@router.put(
    "/debtors/{debtor_id}",
    status_code=202,
    response_model=Taken,
    responses={
        **with_headers(202, "ETag"),
        **problems("not_found", "stale_version", "precondition_failed", "precondition_required", "too_large"),
    },
    summary="报送失信被执行人 Put a dishonest debtor",
)
async def put_debtor(
    request: Request,
    response: Response,
    _caller: Admitted,
    debtor_id: DebtorId,
    posted: DebtorFacts,
    made_of: MadeOf,
) -> Any:
    """Put a whole entry under a higher version. One that was removed may be put again, under a version above the removal's."""
    must_own(request, posted.owner)
    feeds = behind(request).feeds
    held = await feeds.held.debtor(str(debtor_id))
    if held is not None:
        must_own(request, held.owner)
    must_be_there(held, made_of)
    must_match(held.version if isinstance(held, DebtorRecord) else None, made_of)
    must_be_newer(None if held is None else held.version, posted.version)
    await feeds.put(DebtorRecord.model_validate({**posted.model_dump(), "id": str(debtor_id), "issued_at": feeds.now()}))
    request.state.detail = f"version {posted.version}"
    response.headers["etag"] = etag(posted.version)
    return {"id": str(debtor_id), "version": posted.version}


@router.delete(
    "/debtors/{debtor_id}",
    status_code=202,
    response_model=Taken,
    responses=problems("not_found", "precondition_failed", "precondition_required"),
    summary="移出失信名单 Take a debtor off the list",
)
async def remove_debtor(
    request: Request,
    _caller: Admitted,
    debtor_id: DebtorId,
    made_of: MadeOf,
) -> Any:
    """Take an entry off the list; the removal has the next version."""
    feeds = behind(request).feeds
    held = await feeds.held.debtor(str(debtor_id))
    listed = held if isinstance(held, DebtorRecord) else None
    must_own(request, None if listed is None else listed.owner)
    if listed is None:  # must_own refuses it
        raise AssertionError
    must_match(listed.version, made_of)
    removal = {"id": listed.id, "version": listed.version + 1, "court": listed.court, "handler": listed.handler}
    await feeds.put(DebtorRemoval.model_validate({**removal, "issued_at": feeds.now()}))
    request.state.detail = f"version {listed.version + 1}"
    return {"id": listed.id, "version": listed.version + 1}


@router.post("/debtors/search", responses=problems("too_large"), summary="查找失信被执行人 Find dishonest debtors")
async def find_debtors(
    request: Request,
    response: Response,
    _caller: Admitted,
    sought: Sought,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
    after: Annotated[UUID | None, Query(description="the cursor that came with the last page")] = None,
) -> DebtorPage:
    """The entries of whoever has a document, as far as they are open to who asks. In the body, since a URL may be logged."""
    about, mine = sought.party, owns(request)
    key = organisation_key(about.number) if about.type == ORGANISATION_CODE else document_key(about.type, about.number)
    found = [one for one in await behind(request).feeds.held.debtors_of(key) if mine(one.owner)]
    left = [one for one in found if after is None or one.id > str(after)]
    page = left[:limit]
    request.state.object, request.state.detail = ("debtors", "search"), f"{len(page)} entries"
    response.headers["cache-control"] = "no-store"
    return DebtorPage(items=page, next=page[-1].id if len(left) > limit else None)
