"""Changing a province's rules (S5.3): durable on the topic ``rules`` first, and in effect from there."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Callable
from typing import Annotated, Final

from pydantic import Field

from connectors.door.preconditions import Conditions, must_match
from connectors.door.problems import ProblemError
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import RULES
from matchers.wire import Message, Timestamp, place
from stream.core.authority import Principal
from stream.core.ports import ProvincialRules
from watchlists.overlay import CHARACTERS_MAX, Rules, Side, unknown_fields
from watchlists.rules import Author, History, Reason, RulesVersion, Stored

LOOK_S: Final = 0.02
DETAIL_MAX: Final = 1000


class Change(Message):
    """A new version, as it is put: the whole of what the side says from then on. A field that is not in the form is refused."""

    reason: Reason
    effective_from: Annotated[Timestamp | None, Field(description="left out: as soon as may be")] = None
    rules: Rules


class RulesDesk:
    """Shows the provinces' rules and takes changes in."""

    def __init__(
        self, records: Records, rules: ProvincialRules, clock: Callable[[], dt.datetime], durable_s_max: float
    ) -> None:
        self._records, self._rules, self._clock, self._durable_s_max = records, rules, clock, durable_s_max

    def now(self) -> dt.datetime:
        return self._clock()

    async def history(self) -> History:
        """Every version until now.

        Raises:
            TimeoutError: it is not known for the moment.
        """
        async with asyncio.timeout(self._durable_s_max):
            return await self._rules.up_to(self._clock())

    async def change(self, province: str, side: Side, put: Change, by: Principal, made_of: Conditions) -> Stored:
        """The new version, once it is durable and this door holds it as the newest.

        Raises:
            ProblemError: ``widens``, ``invalid``: nothing was changed; ``precondition_required`` or ``precondition_failed``:
                nothing either, or somebody else's version came first.
            NotDurableError, TimeoutError: it may be on record. Whoever puts it again is told by the precondition.
        """
        history, now = await self.history(), self._clock()
        newest = history.newest(province, side)
        must_match(None if newest is None else newest.version.name, made_of)
        if unknown := ", ".join(place(where.split(".")) for where in unknown_fields(put)):
            raise ProblemError("invalid", detail=f"body: not in the form: {unknown}"[:DETAIL_MAX])
        if put.effective_from is not None and put.effective_from < now:
            raise ProblemError("invalid", detail="body.effective_from: has passed; what happened then was judged already")
        version = RulesVersion(
            id=str(uuid.uuid4()),
            province=province,
            side=side,
            version=1 if newest is None else newest.version.version + 1,
            at=now,
            by=Author(id=by.id[:CHARACTERS_MAX], role=" ".join(by.roles)),
            reason=put.reason,
            effective_from=put.effective_from or now,
            rules=put.rules,
        )
        if widens := history.base.widenings(version.overlay()):
            raise ProblemError("widens", widens=[f"body.rules.{place}" for place in widens])
        async with asyncio.timeout(self._durable_s_max):
            raw = version.model_dump_json(exclude_none=True).encode()
            await self._records.send_soon([Record(RULES, province.encode(), raw)])
            return await self._first_of_its_number(version)

    async def _first_of_its_number(self, version: RulesVersion) -> Stored:
        """Two may have made the same version at once, at two doors. The first in the log is the one that counts."""
        while True:
            for stored in self._rules.so_far().versions(version.province):
                if (stored.version.side, stored.version.version) == (version.side, version.version):
                    if stored.version.id == version.id:
                        return stored
                    raise ProblemError("precondition_failed")
            await asyncio.sleep(LOOK_S)
