"""Provincial rules (省级细则, S5.3): what counts in a province, since when and by whom; and each side changes its own."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from connectors.door import preconditions
from connectors.door.access import Admitted, must_own
from connectors.door.behind import behind
from connectors.door.documented import V1, problems, with_headers
from connectors.door.preconditions import Conditions, MadeOf
from connectors.door.rules import Change
from connectors.door.rules_shown import HistoryPage, RulesView, VersionView, etag
from matchers.wire import Timestamp
from stream.core.authority import Owner, Principal
from watchlists.overlay import SIDES, Side

PAGE_MAX = 1000
ProvincePath = Annotated[str, Path(pattern="^(0[1-9]|[1-9][0-9])$", description="GB/T 2260, two digits")]

router = APIRouter(prefix=V1)


@router.get(
    "/rules/{province}",
    response_model=RulesView,
    responses={**with_headers(200, "ETag"), **problems("not_found")},
    summary="省级细则 A province's rules",
)
async def get_rules(
    request: Request,
    response: Response,
    _caller: Admitted,
    province: ProvincePath,
    at: Annotated[Timestamp | None, Query(description="left out: now. Of a time to come: as far as it is known now")] = None,
) -> Any:
    """Both sides' rules and the policy that they make of the nation's, at an instant. The ETag names all of that."""
    must_own(request, Owner(province=province))
    desk = behind(request).rules
    history, instant = await desk.history(), at or desk.now()
    shown = RulesView.of(history, province, instant)
    newest = [one.version.name for side in SIDES if (one := history.newest(province, side)) is not None]
    response.headers["etag"] = preconditions.etag("/".join([shown.effective.version, *newest]))
    response.headers["cache-control"] = "no-store"
    return shown


@router.get(
    "/rules/{province}/history",
    response_model=HistoryPage,
    responses=problems("not_found"),
    summary="省级细则沿革 What a province's rules were",
)
async def get_rules_history(
    request: Request,
    _caller: Admitted,
    province: ProvincePath,
    after: Annotated[str, Query(pattern="^[0-9]{1,9}$", description="next, as the last page had it")] = "0",
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
) -> Any:
    """Every version that both sides ever made, in the order of the log: who, when, why, and since when it counts."""
    must_own(request, Owner(province=province))
    versions = (await behind(request).rules.history()).versions(province)
    start = int(after)
    end = start + limit
    items = [VersionView.of(stored) for stored in versions[start:end]]
    return HistoryPage(items=items, next=str(end) if end < len(versions) else None)


_CHANGES: dict[int | str, dict[str, Any]] = {
    **with_headers(200, "ETag"),
    **problems("not_found", "too_large", "widens", "precondition_failed", "precondition_required"),
}


@router.put(
    "/rules/{province}/court", response_model=VersionView, responses=_CHANGES, summary="变更法院侧细则 Change the courts' side"
)
async def change_court_rules(
    request: Request, response: Response, caller: Admitted, province: ProvincePath, put: Change, made_of: MadeOf
) -> Any:
    """What the province's courts set of their own, whole: it replaces their version before."""
    return await _change(request, response, caller, province, "court", put, made_of)


@router.put(
    "/rules/{province}/police",
    response_model=VersionView,
    responses=_CHANGES,
    summary="变更公安侧细则 Change the police side",
)
async def change_police_rules(
    request: Request, response: Response, caller: Admitted, province: ProvincePath, put: Change, made_of: MadeOf
) -> Any:
    """What the province's police set of their own, whole: it replaces their version before."""
    return await _change(request, response, caller, province, "police", put, made_of)


async def _change(
    request: Request,
    response: Response,
    caller: Principal,
    province: str,
    side: Side,
    put: Change,
    made_of: Conditions,
) -> VersionView:
    must_own(request, Owner(province=province))
    request.state.object = ("rules", f"{province}.{side}")
    stored = await behind(request).rules.change(province, side, put, caller, made_of)
    request.state.detail = f"version {stored.version.version}, counts from {stored.counts_from.isoformat()}"
    response.headers["etag"] = etag(stored) or ""
    return VersionView.of(stored)
