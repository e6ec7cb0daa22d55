"""Why a sighting hit or did not, at an instant (S5.2: every act can be explained later)."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Any, Literal, Self

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from connectors.door.access import Admitted, must_own, owns
from connectors.door.behind import behind
from connectors.door.documented import V1, problems
from connectors.door.problems import ProblemError
from matchers.sighting import read_sighting
from matchers.wire import UnreadableError
from stream.core.hit import EvidenceItem, Says
from stream.core.replay import Agreement, State

router = APIRouter(prefix=V1)
Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Asked(BaseModel):
    """A sighting, or its station's code and its id, and the instant that is asked about; none: now."""

    model_config = ConfigDict(extra="forbid")

    sighting: dict[str, Any] | None = Field(default=None, description="as it was sent (contract, Sighting)")
    station_code: Text | None = None
    sighting_id: Text | None = None
    at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _is_one_sighting(self) -> Self:
        named = (self.station_code is not None, self.sighting_id is not None)
        if named != ((self.sighting is None),) * 2:
            raise ValueError("give sighting, or station_code and sighting_id")
        return self


class StepDone(BaseModel):
    """A record of the order, and what it did to it. ``before``: it lies before the instant."""

    partition: int
    offset: int
    at: dt.datetime
    version: int
    action: str
    court: str
    reason: str | None
    decision: str
    before: bool


class HitOnLog(BaseModel):
    order_version: int
    detected_at: dt.datetime
    lookback: bool
    certainty: str
    instruction: str
    rule: str
    policy_version: str
    partition: int
    offset: int


class EverywhereAt(BaseModel):
    version: int
    at: dt.datetime


class OrderExplained(BaseModel):
    """An order that holds or held a key of the sighting, as it was at the instant."""

    order_id: str
    court: str | None
    version: int | None = Field(description="the version that was in place, or that was released")
    measure: str | None
    state: State
    outcome: str = Field(description="hit, or why it is none")
    says: Says
    is_hit: bool
    certainty: str | None
    evidence: list[EvidenceItem]
    control: dict[str, Any] | None
    policy: dict[str, Any] | None
    warnings: list[str]
    hit_id: str | None
    steps: list[StepDone]
    everywhere: list[EverywhereAt] = Field(description="when versions were in force, or released, everywhere")
    hits: list[HitOnLog] = Field(description="what the log has of this order and the sighting")
    agreement: Agreement
    agreement_says: Says
    differences: list[str] = Field(description="fields of the hit in which log and replay differ")


class KeyShown(BaseModel):
    kind: str
    value: str


class Explanation(BaseModel):
    """A sighting at an instant, as far as it concerns orders that are open to whoever asks."""

    sighting: str
    station: str
    kind: str
    occurred_at: dt.datetime
    source: Literal["given", "candidates", "sightings", "hits"]
    at: dt.datetime
    positions: dict[str, int] = Field(description="how far the log of orders was, a partition")
    policy_version: str
    arrived: dict[str, Any] | None = Field(description="where the sighting lies on the log, and Kafka's time of it")
    screened: dict[str, Any] | None = Field(description="when a filter took it for a maybe, and how far that filter was")
    keys: list[KeyShown] = Field(description="of a sighting that was sent; none of one that was only named")
    warnings: list[str]
    orders: list[OrderExplained]
    hits: int
    agrees: bool = Field(description="nothing on the log speaks against the replay")
    whole: bool = Field(description="the log of orders has its beginning")
    times_known: bool = Field(description="whether it is still known when orders were in force everywhere")


@router.post(
    "/explanations",
    response_model=Explanation,
    responses=problems("not_found", "too_large"),
    summary="说明命中或未命中的理由 Explain a sighting",
)
async def explain_sighting(request: Request, caller: Admitted, asked: Asked) -> Response:
    """Why a sighting hit or did not at an instant, replayed from the log. It reads, and changes nothing.

    A sighting that is only named is explained where it hits, or hit, an order that is open to whoever asks; any other is
    answered like one that does not exist. One at a time for each caller; it takes seconds.
    """
    question = _question(request, asked)
    found = await behind(request).explanations.explain(caller.id, question, owns(request))
    if found is None:
        must_own(request, None)
    return Response(msgspec.json.encode(found), headers={"cache-control": "no-store"}, media_type="application/json")


def _question(request: Request, asked: Asked) -> dict[str, Any]:
    """Raises ProblemError: the sighting cannot be read."""
    if asked.sighting is None:
        request.state.object = ("sighting", str(asked.sighting_id))
        return {"station": asked.station_code, "id": asked.sighting_id, "at": asked.at}
    try:
        seen = read_sighting(json.dumps(asked.sighting).encode())
    except UnreadableError as error:
        raise ProblemError("invalid", detail=f"body.sighting: {error.detail}") from None
    request.state.object = ("sighting", seen.id)
    return {"sighting": seen.fields, "at": asked.at}
