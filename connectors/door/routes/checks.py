"""Desks that wait ask whether they may go ahead: a vehicle office (S3.2), a border station (S3.1)."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from connectors.door.access import Admitted, must_own, put_on_record
from connectors.door.behind import behind
from connectors.door.documented import V1, problems
from connectors.door.problems import ProblemError
from connectors.door.short import ShortRoute
from stream.core.authority import Owner, Principal
from stream.core.check import UNSAID, CannotSayError, Check, Checked, CheckError, Desk, ExitCheck, VehicleCheck

AGAIN_S: Final = "1"

router = APIRouter(prefix=V1, route_class=ShortRoute)
_responses: Final = problems("not_found", "too_large", "cannot_say")


@router.post("/checks/vehicle", response_model=Checked, responses=_responses, summary="核查车辆 May it be registered anew?")
async def check_vehicle(request: Request, caller: Admitted, asked: VehicleCheck) -> Response:
    """Whether an order forbids a vehicle's transfer or mortgage. Only a 200 that says ``clear`` is leave to go ahead."""
    return await _answered(request, caller, asked)


@router.post("/checks/exit", response_model=Checked, responses=_responses, summary="核查出境 May this person leave?")
async def check_exit(request: Request, caller: Admitted, asked: ExitCheck) -> Response:
    """Whether an order forbids that a person leaves the country. Only a 200 that says ``clear`` is leave to go ahead."""
    return await _answered(request, caller, asked)


async def _answered(request: Request, caller: Principal, asked: Check) -> Response:
    """The answer; before that of a positive, that it becomes a hit is on the audit record, and then its sighting in Kafka."""
    request.state.object = ("station", asked.station.code)
    must_own(request, Owner(province=asked.station.province, station=asked.station.code))
    checks, desk = behind(request).checks, _placed(caller, asked.station)
    placed = asked if desk is asked.station else asked.model_copy(update={"station": desk})
    try:
        found = await checks.find(placed)
    except CannotSayError as error:
        request.state.detail = f"cannot_say: {error.reason}"
        raise _unsaid(error) from None
    except CheckError as error:
        raise ProblemError("invalid", detail=f"body.{error}") from None
    told = found.answer.instruction
    request.state.detail = found.answer.answer
    if told is not None:
        request.state.object = ("instruction", told.id)
        request.state.detail = f"{found.answer.answer}: {told.instruction}; hits {' '.join(told.hit_ids)}"
        await put_on_record(request)
        await checks.keep(found)
    return Response(found.answer.model_dump_json(), headers={"cache-control": "no-store"}, media_type="application/json")


def _placed(caller: Principal, desk: Desk) -> Desk:
    """The desk with the province that its own token names, which decides whose overlay rules there.

    Raises:
        ProblemError: it names another one.
    """
    granted = {grant.province for grant in caller.grants if grant.station == desk.code and grant.province is not None}
    if desk.province is None and len(granted) == 1:
        return desk.model_copy(update={"province": granted.pop()})
    if granted and desk.province not in granted:
        raise ProblemError("invalid", detail="body.station.province: not the province of this station")
    return desk


def _unsaid(error: CannotSayError) -> ProblemError:
    why: dict[str, Any] = {"answer": "cannot_say", "reason": error.reason, "says": UNSAID[error.reason].model_dump()}
    return ProblemError("cannot_say", headers={"retry-after": AGAIN_S}, **why)
