"""Telling: both sides' contacts are told of incidents until they have taken the news (S4.5).

What is owed follows from an incident's records (``stream/core/incident_due.py``). That news was taken is on record after it
was, so a worker that dies in between is followed by one that tells the same again, under the same id.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import structlog

from connectors.courts.contacts import contacts
from connectors.courts.endpoint import Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.kafka.errors import KafkaError
from connectors.kafka.incidents import IncidentLog
from connectors.redis.incidents import IncidentsView
from stream import metrics
from stream.core.incident import IncidentKind
from stream.core.incident_due import Late, Limits, Owed, is_given_up, late, owed
from stream.core.incident_life import Incident
from stream.core.incident_record import told
from stream.core.notification import incident_notification
from stream.core.outage import RETRY_FIRST, RETRY_LONGEST
from stream.services.courier import LAST, Courier, always
from stream.under_way import UnderWay

TELL_S: Final = 90.0
"""How long telling one level may take, queues included."""
MOST: Final = 50
"""News under way at once; more waits for the next look."""
_DOUBLINGS_MAX: Final = 10
_log = structlog.get_logger("telling")


class _Tried(NamedTuple):
    """How often a level was not reached, and when it is tried again."""

    times: int
    next_at: dt.datetime


class Telling:
    """What the worker that watches tells."""

    def __init__(
        self,
        endpoints: Endpoints,
        courier: Courier,
        log: IncidentLog,
        view: IncidentsView,
        limits: Limits,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._endpoints, self._courier, self._log, self._view = endpoints, courier, log, view
        self._limits, self._clock = limits, clock
        self._tried: dict[tuple[str, Owed], _Tried] = {}
        self._telling: set[tuple[str, Owed]] = set()
        self.under_way = UnderWay()

    async def look(self) -> None:
        """Tell what is owed now; that is begun with, and not waited for. Raises ViewUnavailableError."""
        now, incidents = self._clock(), await self._view.unsettled()
        await self._view.settle([incident.id for incident in incidents if is_given_up(incident, now)])
        due: set[tuple[str, Owed]] = set()
        for incident in incidents:
            chains = contacts(self._endpoints, incident.opening)
            levels = {side: tuple(chain) for side, chain in chains.items()}
            for one in owed(incident, levels, now, self._limits):
                due.add((incident.id, one))
                self._begin(incident, one, chains[one.side][one.level], now)
        self._tried = {what: tried for what, tried in self._tried.items() if what in due}
        self._measure(incidents, now)

    def rest(self) -> None:
        """Another worker tells: what was measured here is old."""
        metrics.incidents_open.clear()
        metrics.incidents_overdue.clear()

    def _begin(self, incident: Incident, one: Owed, endpoints: Sequence[Endpoint], now: dt.datetime) -> None:
        what, tried = (incident.id, one), self._tried.get((incident.id, one))
        if what in self._telling or len(self._telling) >= MOST or (tried is not None and now < tried.next_at):
            return
        self._telling.add(what)
        self.under_way.begin(self._tell(incident, one, endpoints))

    async def _tell(self, incident: Incident, one: Owed, endpoints: Sequence[Endpoint]) -> None:
        what = incident.id, one
        try:
            taken_by = await self._sent(incident, one, endpoints)
            if taken_by is None:
                self._not_told(what)
            else:
                record = told(incident.id, one.event, one.side, one.level, self._clock(), taken_by.redacted)
                await self._log.add([record])
            metrics.incident_news.labels(one.side, "told" if taken_by else "not_told").inc()
        except KafkaError as error:  # told again, under the same id
            _log.warning("that an incident was told is not on record", incident=incident.id, reason=type(error).__name__)
        except Exception as error:
            _log.exception("an incident could not be told", incident=incident.id, error=type(error).__name__)
            self._not_told(what)
        finally:
            self._telling.discard(what)

    async def _sent(self, incident: Incident, one: Owed, endpoints: Sequence[Endpoint]) -> Endpoint | None:
        """The endpoint that took the news."""
        news = incident_notification(incident, one, self._limits, at=self._clock())
        try:
            async with asyncio.timeout(TELL_S):
                result = await self._courier.round(news, endpoints, always, LAST)
        except TimeoutError:
            return None
        return result.tried[-1][0] if result.delivered else None

    def _not_told(self, what: tuple[str, Owed]) -> None:
        times = self._tried[what].times + 1 if what in self._tried else 0
        wait = min(RETRY_FIRST * 2 ** min(times, _DOUBLINGS_MAX), RETRY_LONGEST)
        self._tried[what] = _Tried(times, self._clock() + wait)
        incident, one = what
        _log.warning("an incident's news waits", incident=incident, side=one.side, level=one.level, news=one.event)

    def _measure(self, incidents: Iterable[Incident], now: dt.datetime) -> None:
        open_, overdue = Counter[IncidentKind](), Counter[Late]()
        for incident in incidents:
            open_[incident.opening.kind] += incident.is_open
            overdue.update(late(incident, now, self._limits))
        for kind in IncidentKind:
            metrics.incidents_open.labels(kind.value).set(open_[kind])
        for why in Late:
            metrics.incidents_overdue.labels(why.value).set(overdue[why])
