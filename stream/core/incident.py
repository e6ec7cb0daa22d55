"""Incidents: what goes wrong between the platforms, told to both sides within 24 hours and followed until resolved (S4.5)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Protocol

from pydantic import Field

from matchers.wire import Message
from stream.core.authority import Owner
from stream.core.hit import Says

_PROVINCE_DIGITS: Final = 2


class IncidentKind(StrEnum):
    """What is wrong. All but the last the system notices by itself."""

    LAG = "lag"
    STALE_INDEX = "stale_index"
    SILENT_SOURCE = "silent_source"
    FAILING_ENDPOINT = "failing_endpoint"
    FILTER_FULL = "filter_full"
    AUDIT_GAP = "audit_gap"
    ODD_QUERYING = "odd_querying"
    DEAD_LETTERS = "dead_letters"
    BY_HAND = "by_hand"


class Opening(Message):
    """What opens an incident. Its text tells nothing of a person or a vehicle."""

    kind: IncidentKind
    about: str = Field(description="what it is about: a topic, an endpoint, a station, a credential; never a person's data")
    says: Says
    court: str | None = None
    province: str | None = None
    station: str | None = None

    @property
    def owner(self) -> Owner:
        """Whose it is: who may see it. What names no province is that of its court's or station's code (GB/T 2260)."""
        return Owner(self.court, self.province or _province_of(self.court or self.station), self.station)


def _province_of(code: str | None) -> str | None:
    """The province that the first two digits of a code name."""
    digits = (code or "")[:_PROVINCE_DIGITS]
    return digits if len(digits) == _PROVINCE_DIGITS and digits.isascii() and digits.isdigit() else None


class Incidents(Protocol):
    """Where an incident is opened. One that is open already is not opened again."""

    async def open(self, opening: Opening) -> None:
        """Put the opening on record, or leave it where the same one is open. Raises KafkaError."""
