"""Station instructions: what the place of a sighting is asked to do (contract, "The other topics": ``instructions``).

A station knows its own sighting, so the instruction names it by id and says nothing about the person or vehicle.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Literal

from pydantic import Field

from matchers.wire import Message, NonEmpty, Timestamp
from stream.core.hit import Hit, Says
from watchlists.policy import Instruction


class Contact(Message):
    """Whom to call: the judge who handles the order."""

    order_id: str
    court_code: str
    court_name: str | None
    case_number: str
    name: str
    phone: str


class StationInstruction(Message):
    """One instruction on the topic ``instructions``. A later record with its id replaces it."""

    id: str
    station_code: NonEmpty
    sighting_id: str
    hit_ids: tuple[str, ...] = Field(min_length=1)
    order_ids: tuple[str, ...] = Field(min_length=1)
    order_version: int
    instruction: Instruction
    verify_first: bool
    checks: tuple[Says, ...] = Field(description="what to check first, when verify_first")
    call: tuple[Contact, ...] = Field(min_length=1)
    state: Literal["active", "withdrawn"] = "active"
    occurred_at: Timestamp
    instructed_at: Timestamp
    withdrawn_at: Timestamp | None = None
    expires_at: Timestamp

    @property
    def key(self) -> str:
        """The record's key: the station's code."""
        return self.station_code


def instruction_id(hit_id: str) -> str:
    """The id of a hit's instruction: the same for every version of the order."""
    return str(uuid.uuid5(uuid.UUID(hit_id), "instruction"))


def instruct(hit: Hit, *, at: dt.datetime) -> StationInstruction:
    """What the station of a hit's sighting is asked to do. An instruction ``none`` is one too: the contract lists it."""
    contact = Contact(
        order_id=hit.order_id,
        court_code=hit.court.code,
        court_name=hit.court.name,
        case_number=hit.case_number,
        name=hit.handler.name,
        phone=hit.handler.phone,
    )
    return StationInstruction(
        id=instruction_id(hit.id),
        station_code=hit.sighting["station"]["code"],
        sighting_id=hit.sighting["id"],
        hit_ids=(hit.id,),
        order_ids=(hit.order_id,),
        order_version=hit.order_version,
        instruction=hit.instruction,
        verify_first=hit.verify_first,
        checks=hit.checks,
        call=(contact,),
        occurred_at=hit.occurred_at,
        instructed_at=at,
        expires_at=hit.expires_at,
    )


def withdraw(instruction: StationInstruction, *, at: dt.datetime) -> StationInstruction:
    """The same instruction, void from now on. The first withdrawal stands: withdrawing again changes nothing."""
    if instruction.state == "withdrawn":
        return instruction
    return instruction.model_copy(update={"state": "withdrawn", "withdrawn_at": at})
