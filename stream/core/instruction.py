"""Station instructions: what the place of a sighting is asked to do (contract, "The other topics": ``instructions``).

A station knows its own sighting, so the instruction names it by id and says nothing about the person or vehicle.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from typing import Final, Literal

from pydantic import Field

from matchers.wire import Message, NonEmpty, Text, Timestamp
from stream.core.hit import Hit, LiaisonContact, Says
from watchlists.policy import Instruction, Policy

INSTRUCTION_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:chakong:instruction")


class Contact(Message):
    """Whom to call: the judge who handles the order."""

    order_id: str
    court_code: str
    court_name: str | None
    case_number: str
    name: str
    phone: str
    liaison: LiaisonContact | None = Field(default=None, description="the court's for stations, where its province names one")


class StationInstruction(Message):
    """What a station is asked to do about one sighting of its own, whoever asks it: one instruction for all courts.

    On the topic ``instructions`` a record with a higher ``revision`` replaces those before it, in whatever order they come.
    """

    id: str
    revision: int = Field(ge=1, description="grows with every order that begins or ends to ask for it")
    station_code: NonEmpty
    station_province: Text | None = Field(
        default=None, description="as the sighting says; a police platform of this province is shown the instruction, too"
    )
    sighting_id: str
    hit_ids: tuple[str, ...] = Field(min_length=1)
    order_ids: tuple[str, ...] = Field(min_length=1)
    order_versions: tuple[int, ...] = Field(min_length=1, description="one for each of order_ids")
    instruction: Instruction = Field(description="the strictest that is asked for")
    verify_first: bool = Field(description="whether everybody who asks for the strictest wants it verified first")
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


def instruction_id(hit: Hit) -> str:
    """The id of the instruction about a hit's sighting: the same for every order and version (UUIDv5)."""
    station, sighting = hit.sighting["station"]["code"], hit.sighting["id"]
    name = json.dumps([station, sighting], ensure_ascii=False, separators=(",", ":"))
    return str(uuid.uuid5(INSTRUCTION_NAMESPACE, name))


def instruct(
    hits: Sequence[Hit], policy: Policy, *, revision: int = 1, withdrawn: bool = False, at: dt.datetime
) -> StationInstruction:
    """What the station of a sighting is asked to do, by all orders that hit it; ``withdrawn``: by none of them any more.

    The strictest instruction stands, by the policy's declared priority, and everybody who asks is to be called. An instruction
    ``none`` is one too: the contract lists it.
    """
    hits = sorted(hits, key=lambda hit: (hit.order_id, hit.id))
    strictest = policy.strictest(hit.instruction for hit in hits)
    asking = [hit for hit in hits if hit.instruction == strictest]
    verify_first = all(hit.verify_first for hit in asking)
    checks = dict.fromkeys((check.zh, check.en) for hit in asking for check in hit.checks) if verify_first else {}
    return StationInstruction(
        id=instruction_id(hits[0]),
        revision=revision,
        station_code=hits[0].sighting["station"]["code"],
        station_province=_province(hits[0]),
        sighting_id=hits[0].sighting["id"],
        hit_ids=tuple(hit.id for hit in hits),
        order_ids=tuple(hit.order_id for hit in hits),
        order_versions=tuple(hit.order_version for hit in hits),
        instruction=strictest,
        verify_first=verify_first,
        checks=tuple(Says(zh=zh, en=en) for zh, en in checks),
        call=tuple(_contact(hit, policy) for hit in hits),
        state="withdrawn" if withdrawn else "active",
        occurred_at=hits[0].occurred_at,
        instructed_at=at,
        withdrawn_at=at if withdrawn else None,
        expires_at=max(hit.expires_at for hit in hits),
    )


def _province(hit: Hit) -> str | None:
    """The station's province, as the sighting was sent; a value that is no text is none."""
    province = hit.sighting["station"].get("province")
    return province if isinstance(province, str) else None


def _contact(hit: Hit, policy: Policy) -> Contact:
    return Contact(
        order_id=hit.order_id,
        court_code=hit.court.code,
        court_name=hit.court.name,
        case_number=hit.case_number,
        name=hit.handler.name,
        phone=hit.handler.phone,
        liaison=LiaisonContact.of(policy.liaison_of_court(hit.court.province, hit.court.code)),
    )
