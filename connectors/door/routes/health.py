"""How the engine is (运行状况)."""

from __future__ import annotations

from fastapi import APIRouter, Request

from connectors.door.access import Admitted, must_own
from connectors.door.behind import behind
from connectors.door.documented import V1, problems
from connectors.door.health import HealthReport
from stream.core.authority import Owner

router = APIRouter(prefix=V1)


@router.get("/health", responses=problems(), summary="运行状况 Health of the engine")
async def get_health(request: Request, _caller: Admitted) -> HealthReport:
    """Workers and how far they are, the index, the ledger, and how many endpoints answer. Of no court and no case."""
    must_own(request, Owner())
    return await behind(request).health.report()
