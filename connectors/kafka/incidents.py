"""Incidents on their way in: on the topic ``incidents`` first, and in effect from there.

The door and the workers open them alike. Two that open the same thing at once write the same step, and one incident is made.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from typing import Final

from connectors.kafka.errors import NotDurableError
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import INCIDENTS
from connectors.redis.errors import ViewUnavailableError
from connectors.redis.incidents import IncidentsView
from stream.core.incident import IncidentKind, Opening
from stream.core.incident_life import Incident, next_at, thing_of
from stream.core.incident_record import IncidentRecord, by_engine, incident_id, opened

DURABLE_S_MAX: Final = 15.0
AGAIN_AFTER: Final = dt.timedelta(minutes=10)
"""What comes and goes is on record no more often than so."""
REMEMBERED_MAX: Final = 1000


class IncidentLog:
    """The port ``Incidents``, and all other steps of incidents."""

    def __init__(
        self, records: Records, view: IncidentsView, clock: Callable[[], dt.datetime], *, keeps_view: bool = False
    ) -> None:
        """``keeps_view``: what is durable is put into the view at once, by a worker; the door leaves that to the workers."""
        self._records, self._view, self._clock, self._keeps_view = records, view, clock, keeps_view
        self._written: Final[OrderedDict[str, None]] = OrderedDict()

    async def open(self, opening: Opening) -> None:
        """Put an opening on record, or leave it where the same one is open, or stands although it was resolved.

        Where Redis does not answer, it is written once in a period by each process; that makes one incident all the same.

        Raises:
            KafkaError: it may not be on record.
        """
        now = self._clock()
        id_ = incident_id(opening, now)
        try:
            record = await self._step(opening, id_, now)
        except ViewUnavailableError:
            record = opened(id_, opening, now)
            if record.id in self._written:
                return
        if record is not None:
            await self.add([record])

    async def see(self, kinds: Collection[IncidentKind], openings: Sequence[Opening]) -> None:
        """Take over what stands now of some kinds: it is opened, and what stood before and does not any more has passed.

        Raises:
            KafkaError: some of it may not be on record.
            ViewUnavailableError: it is not known what stood.
        """
        for opening in openings:
            await self.open(opening)
        standing = {thing_of(opening) for opening in openings}
        now = self._clock()
        passed = [
            by_engine(incident.id, "cleared", incident.changed.id, next_at(incident, now))
            for incident in await self._view.taken()
            if incident.opening.kind in kinds and incident.standing is not None and thing_of(incident.opening) not in standing
            if now - incident.changed.at >= AGAIN_AFTER or not incident.is_open
        ]
        await self.add(passed)

    async def add(self, records: Sequence[IncidentRecord]) -> None:
        """Put steps on record.

        Raises:
            KafkaError: they may not be on record; a repeat is harmless.
        """
        if not records:
            return
        try:
            async with asyncio.timeout(DURABLE_S_MAX):
                await self._records.send_soon([Record(INCIDENTS, one.incident_id.encode(), one.body()) for one in records])
        except TimeoutError:
            raise NotDurableError("steps of incidents were not stored in time") from None
        for one in records:
            self._written[one.id] = None
        while len(self._written) > REMEMBERED_MAX:
            self._written.popitem(last=False)
        if self._keeps_view:
            try:
                await self._view.record(records)
            except ViewUnavailableError:  # whoever follows the topic has it still
                return

    async def _step(self, opening: Opening, id_: str, now: dt.datetime) -> IncidentRecord | None:
        """The step that an opening is: the first of its incident, or one of an incident that is there; None: nothing is new."""
        there = await self._view.about(thing_of(opening))
        if there is not None:
            return _recurrence(there, now)
        before = await self._view.find(id_)
        if before is None:
            record = opened(id_, opening, now)
            return None if record.id in self._written else record
        return None if before.resolved is None else by_engine(id_, "reopened", before.resolved.id, next_at(before, now))


def _recurrence(there: Incident, now: dt.datetime) -> IncidentRecord | None:
    """What is there again while its incident is open. An incident resolved although its condition stands is left so."""
    if not there.is_open or there.standing is not None or there.changed.step != "cleared":
        return None
    if now - there.changed.at < AGAIN_AFTER:
        return None
    return by_engine(there.id, "recurred", there.changed.id, next_at(there, now))
