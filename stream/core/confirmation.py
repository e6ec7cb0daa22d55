"""Confirmations: what a court answers to a hit, and what each answer means for the wait (topic ``confirmations``).

A confirmation is taken over at least once and in any order, so everything here is a function of the set of them.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from matchers.wire import Message, NonEmpty, Timestamp, UnreadableError, read_object, reason

Answer = Literal["acknowledged", "taking_over", "not_same", "executed", "needs_minutes", "cannot_act"]

CONFIRMATION_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:chakong:confirmation")
MINUTES_MAX: Final = 24 * 60
NOTE_CHARACTERS_MAX: Final = 2000
NAME_CHARACTERS_MAX: Final = 200

Minutes = Annotated[int, Field(strict=True, ge=1, le=MINUTES_MAX)]
Note = Annotated[NonEmpty, Field(max_length=NOTE_CHARACTERS_MAX)]
Name = Annotated[NonEmpty, Field(max_length=NAME_CHARACTERS_MAX)]


class Meaning(StrEnum):
    """What an answer does to the wait for one."""

    ENDS = "ends"
    PROLONGS = "prolongs"
    ESCALATES = "escalates"


MEANINGS: Final[dict[Answer, Meaning]] = {
    "acknowledged": Meaning.ENDS,
    "taking_over": Meaning.ENDS,
    "not_same": Meaning.ENDS,
    "executed": Meaning.ENDS,
    "needs_minutes": Meaning.PROLONGS,
    "cannot_act": Meaning.ESCALATES,
}


class Respondent(Message):
    """Who answered: the court by its code, the rest as the court gives it."""

    court: NonEmpty
    name: Name | None = None
    role: Name | None = None


class Said(Message):
    """An answer as a court gives it. ``minutes`` belongs to ``needs_minutes`` and to nothing else."""

    answer: Answer
    minutes: Minutes | None = None
    note: Note | None = None

    @model_validator(mode="after")
    def _has_minutes_where_they_are_asked_for(self) -> Self:
        if (self.minutes is not None) != (self.answer == "needs_minutes"):
            raise ValueError("minutes are given with needs_minutes, and with nothing else")
        return self


class Confirmation(Said):
    """A court's answer to one hit, on the topic ``confirmations`` keyed by hit id. A repeat has the same id."""

    id: NonEmpty
    hit_id: NonEmpty
    at: Timestamp = Field(description="when the door took it in")
    by: Respondent

    @property
    def meaning(self) -> Meaning:
        return MEANINGS[self.answer]

    def asked_for(self) -> dt.datetime:
        """Until when the court asked to be left alone: for an answer that prolongs nothing, its own time."""
        return self.at + dt.timedelta(minutes=self.minutes or 0)


def read_confirmation(raw: bytes) -> Confirmation:
    """A record of ``confirmations``.

    Raises:
        UnreadableError: it cannot be read; the text holds none of its values.
    """
    try:
        return Confirmation.model_validate(read_object(raw))
    except ValidationError as error:
        raise UnreadableError("invalid_confirmation", reason(error)) from None


def confirmation_id(court: str, hit_id: str, key: str) -> str:
    """The id of what a court sent of a hit under an idempotency key: sent again, it is the same confirmation (UUIDv5)."""
    name = json.dumps([court, hit_id, key], ensure_ascii=False, separators=(",", ":"))
    return str(uuid.uuid5(CONFIRMATION_NAMESPACE, name))


def counted(confirmations: Iterable[Confirmation]) -> list[Confirmation]:
    """Each confirmation once, by time. Of several under one id the earliest counts: a retry is no newer answer."""
    first: dict[str, Confirmation] = {}
    for confirmation in confirmations:
        known = first.get(confirmation.id, confirmation)
        first[confirmation.id] = min(known, confirmation, key=_order)
    return sorted(first.values(), key=_order)


def latest(confirmations: Iterable[Confirmation]) -> Confirmation | None:
    """The one that counts: of several answers the latest."""
    return next(reversed(counted(confirmations)), None)


def _order(confirmation: Confirmation) -> tuple[dt.datetime, str, str]:
    return confirmation.at, confirmation.id, confirmation.model_dump_json()
