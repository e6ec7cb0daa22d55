"""Who the door takes somebody for, and what that opens to them."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from connectors.door.access import Admitted
from connectors.door.documented import V1, problems
from stream.core.authority import RIGHTS, Reach, Role, reach_of

router = APIRouter(prefix=V1)


class Granted(BaseModel):
    """A role, and where it is had."""

    role: Role
    court: str | None
    province: str | None
    station: str | None


class Me(BaseModel):
    """Whoever asks."""

    id: str
    name: str | None
    grants: list[Granted]
    operations: dict[str, Reach] = Field(description="what is open to them, and how far; what is not listed is not")


@router.get("/me", responses=problems(), summary="我是谁 Who am I")
async def who_am_i(caller: Admitted) -> Me:
    """Who the credential that was shown belongs to, and what it opens."""
    open_to_them = {operation: reach for operation in RIGHTS if (reach := reach_of(caller, operation)) is not Reach.NONE}
    grants = [Granted(**grant._asdict()) for grant in caller.grants]
    return Me(id=caller.id, name=caller.name, grants=grants, operations=open_to_them)
