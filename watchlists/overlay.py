"""What a province says of its own (S5.3), one side of it: the form of an overlay, in a file or on the topic ``rules``.

An overlay has words for narrowing only. Which of them a side may use, and how far, is the nation's to declare
(``[province]`` in ``policy.toml``) and ``Policy.widenings`` to check. A field that is not in the form is refused where an
overlay is made (``unknown_fields``), and carried where one is read from the log: a later engine may have more words.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, Field, model_validator

from matchers.sighting import Direction, Kind, Occasion, Sighting
from matchers.wire import Message, NonEmpty
from watchlists.order import PartyRole

Response = Literal["urgent", "routine"]
"""How soon a handler is to answer: the two priorities of the US NCIC's hit confirmation (10 minutes, 1 hour)."""
Side = Literal["police", "court"]
Part = Literal["narrow", "response", "group_minutes", "escalation", "liaison"]
"""What an overlay can speak of."""

SIDES: Final[tuple[Side, ...]] = ("court", "police")
NARROWINGS_MAX: Final = 200
SITUATIONS_MAX: Final = 50
LIAISONS_MAX: Final = 1000
CHARACTERS_MAX: Final = 200

_Short = Annotated[NonEmpty, Field(max_length=CHARACTERS_MAX)]


class Situation(Message):
    """What a sighting must be. A direction or occasion that the sighting does not tell is judged as ``of`` says."""

    kind: Kind
    direction: Direction | None = None
    occasion: Occasion | None = None

    @classmethod
    def of(cls, sighting: Sighting) -> Situation:
        """The situation of a sighting.

        A missing or wrong direction or occasion never costs a hit (contract, "Sighting"): a crossing is then judged as an
        exit, which is what border control is for, and an inspection as a find on duty (S3.2: 执勤执法).
        """
        if sighting.kind == "border_crossing":
            return cls(kind=sighting.kind, direction=sighting.direction or "exit")
        if sighting.kind == "vehicle_inspection":
            return cls(kind=sighting.kind, occasion=sighting.occasion or "roadside_check")
        return cls(kind=sighting.kind)

    def covers(self, other: Situation) -> bool:
        return self.kind == other.kind and self.direction in (None, other.direction) and self.occasion in (None, other.occasion)

    def __str__(self) -> str:
        detail = self.direction or self.occasion
        return f"{self.kind} ({detail})" if detail else self.kind


class ResponseTimes(Message):
    """Minutes within which a handler is to answer a hit, by the hit's response class."""

    urgent_minutes: int = Field(gt=0)
    routine_minutes: int = Field(gt=0)

    @model_validator(mode="after")
    def _urgent_is_sooner(self) -> Self:
        if self.urgent_minutes > self.routine_minutes:
            raise ValueError("urgent_minutes is longer than routine_minutes")
        return self

    def within(self, response: Response) -> dt.timedelta:
        return dt.timedelta(minutes=self.urgent_minutes if response == "urgent" else self.routine_minutes)

    def shorter(self, other: ResponseTimes) -> ResponseTimes:
        """Of each class the shorter time."""
        return ResponseTimes(
            urgent_minutes=min(self.urgent_minutes, other.urgent_minutes),
            routine_minutes=min(self.routine_minutes, other.routine_minutes),
        )


class Narrowing(Message):
    """One thing that an overlay takes away: of ``rule``, the situations in ``without``, or all where it has none."""

    rule: _Short
    without: tuple[Situation, ...] = Field(default=(), max_length=SITUATIONS_MAX)
    party_role: PartyRole | None = None

    def takes_away(self, party_role: PartyRole, situation: Situation) -> bool:
        if self.party_role not in (None, party_role):
            return False
        return not self.without or any(without.covers(situation) for without in self.without)


class Liaison(Message):
    """Whom to call at a court, or at a border station (S3.1)."""

    court: _Short | None = Field(default=None, description="the court's code; the court side's to name")
    station: _Short | None = Field(default=None, description="the border station's code; the police side's to name")
    name: _Short
    phone: _Short

    @model_validator(mode="after")
    def _is_of_one_place(self) -> Self:
        if (self.court is None) == (self.station is None):
            raise ValueError("name the court or the station whose liaison this is")
        return self


class Rules(Message):
    """What one side of a province says. A later version replaces all of it, so what is to stay is said again.

    ``narrow`` is never left out by mistake: one that takes nothing away says so, by an empty list.
    """

    narrow: tuple[Narrowing, ...] = Field(max_length=NARROWINGS_MAX)
    response: ResponseTimes | None = Field(default=None, description="shorter times to answer than the nation's")
    group_minutes: int | None = Field(default=None, ge=0, description="the longest window within which hits are one matter")
    escalation: tuple[_Short, ...] | None = Field(
        default=None,
        max_length=10,
        description="the levels above the handler that are told of a hit that nobody answers; the others are passed over",
    )
    liaison: tuple[Liaison, ...] = Field(default=(), max_length=LIAISONS_MAX, description="S3.1: whom to call")

    def parts(self) -> tuple[Part, ...]:
        """What it says something of."""
        said: dict[Part, bool] = {
            "narrow": bool(self.narrow),
            "response": self.response is not None,
            "group_minutes": self.group_minutes is not None,
            "escalation": self.escalation is not None,
            "liaison": bool(self.liaison),
        }
        return tuple(part for part, is_said in said.items() if is_said)


class Overlay(Rules):
    """One side's rules, and whose they are."""

    province: str = Field(pattern=r"^[0-9]{2}$")
    side: Side

    def only(self, allowed: tuple[Part, ...]) -> Overlay:
        """What it says of these parts, and nothing of the others."""
        unsaid = {"narrow": (), "response": None, "group_minutes": None, "escalation": None, "liaison": ()}
        return self.model_copy(update={part: nothing for part, nothing in unsaid.items() if part not in allowed})


def unknown_fields(message: BaseModel) -> Iterator[str]:
    """The places of fields that are not in the form, in it or in any part of it."""
    yield from message.model_extra or ()
    for name in type(message).model_fields:
        value = getattr(message, name)
        parts = enumerate(value) if isinstance(value, tuple) else [("", value)]
        for number, part in parts:
            if isinstance(part, BaseModel):
                where = f"{name}.{number}".rstrip(".")
                yield from (f"{where}.{inner}" for inner in unknown_fields(part))
