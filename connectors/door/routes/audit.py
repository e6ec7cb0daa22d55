"""Auditors read the audit log (审计): they seek, have records proved, and have the log verified. What they do is on it, too."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from connectors.audit.reading import BusyError, TooMuchError
from connectors.door.access import Admitted, must_own
from connectors.door.behind import behind
from connectors.door.cursors import CHARACTERS_MAX, CursorError, read_cursor, write_cursor
from connectors.door.documented import V1, problems
from connectors.door.problems import ProblemError
from matchers.wire import Text, UnreadableError
from stream.core.audit.fault import Fault
from stream.core.audit.proof import NoProofError, NotCoveredError, Proof
from stream.core.audit.record import TEXT_MAX, AuditRecord, Head, Outcome
from stream.core.audit.search import Sought
from stream.core.authority import Owner

PAGE_MAX = 1000
HEADS_MAX = 200
BUSY_S = 10

Asked = Annotated[str | None, Query(min_length=1, max_length=TEXT_MAX)]

router = APIRouter(prefix=f"{V1}/audit")


class AuditPage(BaseModel):
    """Records of operations, as they are stored, oldest first. There may be none, and more beyond: come back with ``next``."""

    items: list[AuditRecord]
    next: str | None = Field(description="the cursor to come back with as `after`; null: there is nothing beyond")


class Verification(BaseModel):
    """What is to be verified: all of the log, or what Kafka has had in a time."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    known: list[Head] = Field(default=[], max_length=HEADS_MAX, description="heads of an earlier verification")


class FaultFound(BaseModel):
    """A fault, and the records of a chain that it is about."""

    fault: Fault
    writer: Text
    first: int | None
    last: int | None
    partition: int | None
    offset: int | None
    says: str


class VerificationReport(BaseModel):
    """What a verification found. Keep ``heads``, and hand them in next time: then a log whose end is gone is missed."""

    whole: bool = Field(description="all of the log was looked at, ends and roots included")
    records: int
    checkpoints: int
    uncovered: int = Field(description="records that no checkpoint covers yet")
    faults: list[FaultFound]
    heads: list[Head]


@router.get("", response_model=AuditPage, responses=problems(), summary="检索审计日志 Search the audit log")
async def search_audit(
    request: Request,
    _caller: Admitted,
    who: Asked = None,
    operation: Asked = None,
    object: Asked = None,
    outcome: Annotated[Outcome | None, Query()] = None,
    since: Annotated[AwareDatetime | None, Query()] = None,
    until: Annotated[AwareDatetime | None, Query()] = None,
    after: Annotated[str | None, Query(max_length=CHARACTERS_MAX)] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
) -> Response:
    """Operations by who did them, what they were, which object they were about (by its id), how they ended, and when."""
    must_own(request, Owner())
    request.state.object = ("audit", "log")
    try:
        positions = None if after is None else read_cursor(after)
    except CursorError as error:
        raise ProblemError("invalid", detail=f"query.after: {error}") from None
    sought = Sought(who, operation, object, outcome, since, until)
    page = await behind(request).audit.page(sought, positions, limit)
    asked = [f"{name} {value}" for name, value in sought._asdict().items() if value is not None]
    request.state.detail = f"{len(page.records)} records" + (f" of {', '.join(asked)}" if asked else "")
    body = {
        "items": [msgspec.Raw(record) for record in page.records],
        "next": write_cursor(page.positions) if page.more else None,
    }
    return Response(msgspec.json.encode(body), headers={"cache-control": "no-store"}, media_type="application/json")


@router.get(
    "/{writer}/{sequence}/proof",
    response_model=Proof,
    response_model_exclude_none=True,
    responses=problems("not_found", "not_covered", "chain_damaged"),
    summary="出具记录证明 Prove a record",
)
async def prove_audit(
    request: Request,
    _caller: Admitted,
    writer: Annotated[str, Path(pattern="^[0-9a-f]{32}$")],
    sequence: Annotated[int, Path(ge=0)],
    earlier: Annotated[
        int | None, Query(ge=0, description="a checkpoint that is to be proved the beginning of the one used")
    ] = None,
) -> Any:
    """Prove that a record stands in the log, under a signed checkpoint. `chakong audit check` checks it."""
    must_own(request, Owner())
    request.state.object = ("audit record", f"{writer}/{sequence}")
    try:
        return await behind(request).audit.proof(writer, sequence, earlier)
    except NotCoveredError:
        raise ProblemError("not_covered", headers={"retry-after": "60"}) from None
    except NoProofError:
        raise ProblemError("not_found") from None
    except (UnreadableError, ValidationError):
        raise ProblemError("chain_damaged") from None


@router.post(
    "/verifications",
    response_model=VerificationReport,
    responses=problems("too_large", "too_much"),
    summary="校验审计日志 Verify the audit log",
)
async def verify_audit(request: Request, _caller: Admitted, asked: Verification) -> VerificationReport:
    """Find every record that was removed, changed, inserted or moved. One at a time, of so many records at most."""
    must_own(request, Owner())
    request.state.object = ("audit", "log")
    try:
        found = await behind(request).audit.verification(asked.since, asked.until, asked.known)
    except BusyError:
        raise ProblemError("too_many", headers={"retry-after": str(BUSY_S)}) from None
    except TooMuchError:
        raise ProblemError("too_much") from None
    request.state.detail = f"{found.records} records, {len(found.faults)} faults"
    return VerificationReport(
        whole=asked.since is None and asked.until is None,
        records=found.records,
        checkpoints=found.checkpoints,
        uncovered=found.uncovered,
        faults=[FaultFound(**one._asdict()) for one in found.faults],
        heads=list(found.heads),
    )
