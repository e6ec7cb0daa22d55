"""A check: a desk that waits asks whether a vehicle may be registered anew (S3.2), or a person may leave the country (S3.1).

It is asked strictly, not leniently as a sighting is sent: a value that is dropped would be a vehicle that is not found, and
nothing found is leave to go ahead. Once read it is a sighting like any other, and is judged like one. Of what is found, a hit
is made as of any sighting; where nothing is found, nothing is kept.

    RuntimeError
    └── CannotSayError    the orders in force are not known well enough for an answer
    ValueError
    └── CheckError        what is asked makes no sense at this moment
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from matchers.documents import DocumentType
from matchers.plates import canonical_plate_class
from matchers.sighting import Kind, Sighting, sighting_in
from matchers.subject import Vehicle
from matchers.text import clean
from matchers.wire import Message, NonEmpty, Timestamp
from stream.core.currency import Doubt
from stream.core.hit import Hit, Says
from stream.core.instruction import Contact, StationInstruction, instruct
from watchlists.policy import Instruction, Policy

CLOCKS_DIFFER_MAX: Final = dt.timedelta(minutes=5)
"""A check is about now: how far a desk's clock may be from ours."""
Unsaid = Doubt | Literal["index_away", "rebuilding", "rules_unknown"]
Answer = Literal["clear", "blocked"]
Named = Annotated[NonEmpty, Field(max_length=200)]

FORBIDS: Final[frozenset[Instruction]] = frozenset({"deny_exit", "deny_exit_and_hold_documents", "refuse_registration"})
"""Instructions that what was asked for is not to be done. Any other lets it go ahead, and asks for something besides."""


class CannotSayError(RuntimeError):
    """Nothing can be said, and that is no leave to go ahead. ``reason`` says why."""

    def __init__(self, reason: Unsaid) -> None:
        super().__init__(reason)
        self.reason: Final = reason


class CheckError(ValueError):
    """A check that cannot be asked now: which field, and why; never its value."""


class Desk(Message):
    """The station that asks."""

    code: Named
    name: Named | None = None
    province: str | None = Field(default=None, pattern=r"^[0-9]{2}$", description="GB/T 2260 two digits, as in a sighting")


class AskedVehicle(Message):
    plate: Named | None = None
    plate_class: Named | None = Field(default=None, description='GA 24.7 code, "02" small, "52" small new-energy')
    vin: Named | None = None

    @model_validator(mode="after")
    def _says_what_it_names(self) -> Self:
        Vehicle.written(self.plate, self.plate_class, self.vin)
        for name in ("plate", "vin"):
            if (value := getattr(self, name)) is not None and not clean(value):
                raise ValueError(f"{name}: nothing is left after cleaning")
        if self.plate_class is not None and canonical_plate_class(self.plate_class) is None:
            raise ValueError("plate_class: not a GA 24.7 code; leave it out where it is not known")
        return self


class AskedDocument(Message):
    type: DocumentType
    number: Named

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not clean(self.number):
            raise ValueError("number: nothing is left after cleaning")
        return self


class AskedPerson(Message):
    document: AskedDocument
    name: Named | None = None


class AskedCrossing(Message):
    port: Named | None = None
    destination: Named | None = Field(default=None, description="ISO 3166 alpha-3")


class _Asked(Message):
    id: Named = Field(description="the station's own name of this check, once for ever: that of its sighting, too")
    station: Desk
    occurred_at: Timestamp | None = Field(default=None, description="now, by the desk's clock; without it, by the door's")


class VehicleCheck(_Asked):
    """May this vehicle be transferred or mortgaged? Fields that are not named here are not looked at."""

    vehicle: AskedVehicle
    occasion: Literal["transfer_registration", "mortgage_registration"]


class ExitCheck(_Asked):
    """May this person leave? Fields that are not named here are not looked at."""

    person: AskedPerson
    crossing: AskedCrossing = AskedCrossing()


Check = VehicleCheck | ExitCheck


class Told(Message):
    """What the station is asked to do: what the record of the topic ``instructions`` tells it that has the same ``id``."""

    id: str
    instruction: Instruction = Field(description="the strictest that is asked for")
    verify_first: bool
    checks: tuple[Says, ...] = Field(description="what to check first, when verify_first")
    call: tuple[Contact, ...]
    hit_ids: tuple[str, ...]
    order_ids: tuple[str, ...]
    expires_at: Timestamp


class Checked(Message):
    """The answer to a check."""

    id: str = Field(description="the check's")
    station_code: str
    answer: Answer = Field(description="whether an order forbids what was asked for; clear may come with an instruction")
    says: Says
    instruction: Told | None = Field(description="null where no order asks for anything")
    warnings: tuple[str, ...] = Field(description="what is odd in the identifiers that were asked for, without their values")
    as_of: Timestamp = Field(description="when it was judged")


_SAYS: Final[Mapping[tuple[Kind, Answer, bool], Says]] = {
    ("vehicle_inspection", "clear", False): Says(zh="无查控指令，可以办理", en="No order stands against it: go ahead"),
    ("vehicle_inspection", "clear", True): Says(
        zh="可以办理；另须按处置指令执行", en="Go ahead, and do what the instruction asks for besides"
    ),
    ("vehicle_inspection", "blocked", True): Says(
        zh="车辆已被查封，不予办理；请联系承办法官", en="The vehicle is sealed: refuse, and call the court"
    ),
    ("border_crossing", "clear", False): Says(zh="无查控指令，可以放行", en="No order stands against it: let pass"),
    ("border_crossing", "clear", True): Says(
        zh="无限制出境指令；另须按处置指令执行", en="No order forbids the exit; do what the instruction asks for besides"
    ),
    ("border_crossing", "blocked", True): Says(
        zh="已被限制出境，不予放行；请联系承办法官", en="The exit is forbidden: refuse, and call the court"
    ),
}
UNSAID: Final[Mapping[Unsaid, Says]] = {
    "index_away": Says(zh="查控索引无应答", en="the index does not answer"),
    "empty": Says(zh="查控索引为空", en="the index is empty"),
    "behind": Says(zh="查控索引尚未跟上最新指令", en="the index has not caught up with the latest orders"),
    "rebuilding": Says(zh="查控索引正在重建", en="the index is being rebuilt"),
    "log_away": Says(zh="无法确认最新指令", en="it is not known which orders are the latest"),
    "other_log": Says(zh="查控索引与指令记录不符", en="the index is not of this log of orders"),
    "rules_unknown": Says(zh="无法确认各省现行规则", en="it is not known which rules of the provinces count now"),
}


def read_check(check: Check, now: dt.datetime) -> Sighting:
    """The sighting that a check is.

    Raises:
        CheckError: ``occurred_at`` is not about now.
    """
    at = check.occurred_at or now
    if abs(at - now) > CLOCKS_DIFFER_MAX:
        raise CheckError(f"occurred_at: a check is about now, give or take {CLOCKS_DIFFER_MAX.seconds // 60} minutes")
    station = check.station.model_dump(exclude_none=True)
    fields: dict[str, Any] = {"id": check.id, "kind": "", "occurred_at": at.isoformat(), "station": station}
    if isinstance(check, VehicleCheck):
        fields["kind"] = "vehicle_inspection"
        fields["vehicle"] = check.vehicle.model_dump(exclude_none=True)
        fields["inspection"] = {"occasion": check.occasion}
    else:
        fields["kind"] = "border_crossing"
        fields["person"] = check.person.model_dump(exclude_none=True)
        fields["crossing"] = {**check.crossing.model_dump(exclude_none=True), "direction": "exit"}
    return sighting_in(fields)


def answer(sighting: Sighting, hits: Sequence[Hit], policy: Policy, at: dt.datetime) -> Checked:
    """What the desk is told: by all orders that the sighting hits, the strictest of them first."""
    told = instruct(hits, policy, at=at) if hits else None
    said: Answer = "blocked" if told is not None and told.instruction in FORBIDS else "clear"
    return Checked(
        id=sighting.id,
        station_code=sighting.station.code,
        answer=said,
        says=_SAYS[sighting.kind, said, told is not None],
        instruction=None if told is None else _told(told),
        warnings=sighting.warnings,
        as_of=at,
    )


def _told(instruction: StationInstruction) -> Told:
    return Told(**{name: getattr(instruction, name) for name in Told.model_fields})
