"""A court's answers on their way in: durable on the topic ``confirmations`` first, and in effect from there."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any, Final, Protocol

from pydantic import Field

from connectors.door.repeats import Repeats
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import CONFIRMATIONS
from matchers.wire import Message
from stream.core.authority import Owner
from stream.core.confirmation import Confirmation, Name, Said, confirmation_id


class Hits(Protocol):
    """Whose a hit is. The ledger may implement it."""

    async def owner_of(self, hit_id: str) -> Owner | None:
        """The court and the handler that a hit was found for; None for a hit that is not known."""


class Signed(Message):
    """Who answers, as the court gives it."""

    name: Name | None = None
    role: Name | None = None


class Posted(Said):
    """What a court posts."""

    by: Signed = Field(default_factory=Signed)


class Answers:
    """Takes answers in."""

    def __init__(self, records: Records, hits: Hits, clock: Callable[[], dt.datetime], durable_s_max: float) -> None:
        self._records, self._hits, self._clock, self._durable_s_max = records, hits, clock, durable_s_max
        self._repeats: Final = Repeats()

    async def owner_of(self, hit_id: str) -> Owner | None:
        """Whose a hit is. Raises ViewUnavailableError."""
        return await self._hits.owner_of(hit_id)

    async def take_in(self, court: str, hit_id: str, key: str, posted: Posted) -> Confirmation:
        """The confirmation, once it is durable.

        Raises:
            ProblemError: ``key_reused``: with another answer.
            NotDurableError, TimeoutError: it may not be on record; a repeat under the same key is harmless.
        """
        confirmation = Confirmation.model_validate(self._fields(court, hit_id, key, posted))
        self._repeats.refuse_another(confirmation.id, posted.model_dump_json().encode())
        async with asyncio.timeout(self._durable_s_max):
            record = Record(CONFIRMATIONS, hit_id.encode(), confirmation.model_dump_json(exclude_none=True).encode())
            await self._records.send_soon([record])
        return confirmation

    def _fields(self, court: str, hit_id: str, key: str, posted: Posted) -> dict[str, Any]:
        """What was posted, unknown fields included; what the door knows better is the door's."""
        said = posted.model_dump()
        known = {"id": confirmation_id(court, hit_id, key), "hit_id": hit_id, "at": self._clock()}
        return {**said, **known, "by": {**said["by"], "court": court}}
