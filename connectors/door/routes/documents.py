"""A court's sealed documents (文书): put before the order that lists them, and fetched by it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from connectors.door.access import Admitted, must_own
from connectors.door.behind import documents_of, orders_of
from connectors.door.documented import V1, problems, with_headers
from connectors.door.held import owner_of
from connectors.door.problems import ProblemError
from connectors.door.routes.orders import OrderId
from stream.core.authority import Owner

READ_S_MAX: Final = 30.0
PDF: Final = "application/pdf"
_BODY: Final = {
    "requestBody": {"required": True, "content": {PDF: {"schema": {"type": "string", "contentMediaType": PDF}}}},
}
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "the document, as it was put",
        "content": {PDF: {"schema": {"contentMediaType": PDF}}},
        **with_headers(200, "ETag")[200],
    }
}
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 in lower-case hexadecimal")]

router = APIRouter(prefix=V1)


class Kept(BaseModel):
    """The document is kept."""

    sha256: str
    status: Literal["kept"] = "kept"


@router.put(
    "/documents/{sha256}",
    response_model=Kept,
    responses=problems("not_found", "too_large", "document_refused", "not_offered"),
    summary="提交文书 Put a document",
    openapi_extra=_BODY,
)
async def put_document(request: Request, caller: Admitted, sha256: Digest) -> Any:
    """Keep a PDF file that bears the caller's own court's seal: 200 once it is durable. Put again, it stays as it is."""
    court = caller.court
    must_own(request, Owner(court=court))
    if court is None:  # documents are one court's, and must_own refuses who is of none
        raise AssertionError
    request.state.object = ("document", sha256)
    documents = documents_of(request)
    async with documents.slots.of(court):
        async with asyncio.timeout(READ_S_MAX):
            data = await request.body()
        await documents.keep(court, sha256, data)
    request.state.detail = f"{len(data)} bytes, court {court}"
    return Kept(sha256=sha256)


@router.get(
    "/orders/{order_id}/documents/{sha256}",
    response_class=Response,
    responses={**_ANSWER, **problems("not_found", "not_offered")},
    summary="取得文书 Fetch a document of an order",
)
async def get_document(request: Request, caller: Admitted, order_id: OrderId, sha256: Digest) -> Response:
    """A document that an order in place lists. An order that was released lists none any more."""
    standing = await orders_of(request).known(order_id)
    must_own(request, owner_of(standing))
    listed = {one.sha256: one.kind for one in standing.order.documents} if standing.order else {}
    request.state.object = ("document", sha256)
    request.state.detail = f"{listed.get(sha256, 'not listed')} of order {order_id}, court {standing.held.court}"
    if sha256 not in listed:
        raise ProblemError("not_found")
    documents = documents_of(request)
    async with documents.slots.of(caller.id):
        data = await documents.get(sha256)
    headers = {
        "content-disposition": f'attachment; filename="{sha256}.pdf"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "etag": f'"{sha256}"',
    }
    return Response(data, headers=headers, media_type=PDF)
