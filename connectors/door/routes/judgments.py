"""Judgments in electronic form (司法判决文书电子版, S2.1.3)."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response

from connectors.door.access import Admitted, must_own
from connectors.door.behind import behind
from connectors.door.documented import V1, problems, with_headers
from connectors.door.preconditions import MadeOf, etag, must_be_newer, must_be_there, must_match
from connectors.door.problems import ProblemError
from connectors.door.routes.cases import Taken
from stream.core.feeds import JudgmentFacts, JudgmentRecord

router = APIRouter(prefix=V1)
Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="the document's SHA-256, in lower-case hexadecimal")]
PDF: Final = "application/pdf"
_PDF: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": JudgmentRecord, "content": {PDF: {}}, **with_headers(200, "ETag")[200]}
}


@router.put(
    "/judgments/{sha256}",
    status_code=202,
    response_model=Taken,
    responses={
        **with_headers(202, "ETag"),
        **problems(
            "not_found", "stale_version", "precondition_failed", "precondition_required", "too_large", "document_missing"
        ),
    },
    summary="报送裁判文书 Put a judgment",
)
async def put_judgment(
    request: Request,
    response: Response,
    _caller: Admitted,
    sha256: Sha256,
    posted: JudgmentFacts,
    made_of: MadeOf,
) -> Any:
    """Say of a document in the store that it is a judgment, and of which case of the same court."""
    must_own(request, posted.owner)
    feeds = behind(request).feeds
    case = await feeds.held.case(posted.case_id)
    must_own(request, None if case is None or case.court.code != posted.court.code else case.owner)
    held = await feeds.held.judgment(sha256)
    if held is not None:
        must_own(request, held.owner)
    must_be_there(held, made_of)
    version = None if held is None else held.version
    must_match(version, made_of)
    must_be_newer(version, posted.version)
    if await feeds.document(sha256) is None:
        raise ProblemError("document_missing")
    await feeds.put(JudgmentRecord.model_validate({**posted.model_dump(), "sha256": sha256, "issued_at": feeds.now()}))
    request.state.detail = f"version {posted.version} of case {posted.case_id}"
    response.headers["etag"] = etag(posted.version)
    return {"id": sha256, "version": posted.version}


@router.get(
    "/judgments/{sha256}",
    responses={**problems("not_found"), **_PDF},
    response_model=None,
    summary="调阅裁判文书 Get a judgment",
)
async def get_judgment(request: Request, _caller: Admitted, sha256: Sha256) -> Response:
    """The document itself; with `Accept: application/json` what is said of it."""
    feeds = behind(request).feeds
    held = await feeds.held.judgment(sha256)
    case = None if held is None else await feeds.held.case(held.case_id)
    must_own(request, None if held is None or case is None else case.owner)
    if held is None or case is None:  # must_own refuses it
        raise AssertionError
    request.state.object = ("judgment", sha256)
    headers = {"etag": etag(held.version), "cache-control": "no-store", "x-content-type-options": "nosniff"}
    if "application/json" in request.headers.get("accept", ""):
        return Response(held.model_dump_json(exclude_none=True), headers=headers, media_type="application/json")
    document = await feeds.document(sha256)
    if document is None:
        raise ProblemError("not_found")
    request.state.detail = f"the document, of case {held.case_id}"
    return Response(document, headers=headers, media_type=PDF)
