"""Watching: one worker at a time looks at what the engine stands on, opens incidents, and tells both sides (S4.5).

Whoever watches holds a lease; a worker that stops is followed by another. What is told twice by that has the same id.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import structlog
from confluent_kafka import KafkaException

from connectors.courts.endpoints import Endpoints
from connectors.kafka.errors import KafkaError
from connectors.kafka.incidents import IncidentLog
from connectors.redis.endpoints import Outages
from connectors.redis.errors import RedisError
from connectors.redis.incidents import IncidentsView
from connectors.redis.leases import Leases
from stream.core import watching as watchers
from stream.core.incident import IncidentKind, Opening
from stream.core.notice import Place
from stream.core.outage import Outage
from stream.core.silence import Pattern, first_look, look
from stream.core.watching import Fullness, Progress, Reader, Source, Surge, Thresholds
from stream.services.observing import Standing
from stream.services.telling import Telling
from watchlists.index import WatchlistIndex

LOOK_EVERY_S: Final = 10.0
SAVE_EVERY: Final = dt.timedelta(minutes=1)
_log = structlog.get_logger("watching")


class Ground(Protocol):
    """What is looked at in Kafka; ``Observing`` is one."""

    def standings(self) -> Mapping[Reader, Standing]: ...

    def ends_of_orders(self) -> dict[int, int]: ...

    def dead_letters(self) -> int: ...

    def arrivals(self) -> Mapping[Source, int]: ...


class Views(NamedTuple):
    """What is looked at in Redis."""

    incidents: IncidentsView
    leases: Leases
    outages: Outages
    watchlist: WatchlistIndex


class Watching:
    """The watch of one worker."""

    def __init__(
        self,
        worker: str,
        ground: Ground,
        views: Views,
        endpoints: Endpoints,
        log: IncidentLog,
        telling: Telling,
        faults: Callable[[], Awaitable[Iterable[tuple[str, str]] | None]],
        thresholds: Thresholds,
        clock: Callable[[], dt.datetime],
    ) -> None:
        """``faults``: what the last verification of the audit log found; None while there is nothing new."""
        self._worker, self._ground, self._views, self._endpoints = worker, ground, views, endpoints
        self._log, self._telling, self._faults = log, telling, faults
        self._thresholds, self._clock = thresholds, clock
        self._progress: dict[Reader, Progress[tuple[str, int]]] = {}
        self._index: Progress[int] = Progress()
        self._surge, self._fullness = Surge(), Fullness()
        self._patterns: dict[Source, Pattern] | None = None
        self._saved_at = clock()
        self._blind_since: dt.datetime | None = None
        self._stopping = False

    async def run(self) -> None:
        """Look until stopped."""
        while not self._stopping:
            try:
                if await self._views.incidents.take_watching(self._worker):
                    await self.look()
                else:
                    self._forget()
                self._blind_since = None
            except RedisError as error:
                _log.warning("Redis does not answer; the watch waits", detail=str(error))
                await self._blind()
            except (KafkaError, KafkaException) as error:
                _log.warning("Kafka does not answer; the watch waits", reason=type(error).__name__)
            except Exception as error:
                _log.exception("the watch could not look", error=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_S)

    def stop(self) -> None:
        self._stopping = True

    async def leave(self) -> None:
        """Let another worker watch."""
        try:
            await self._views.incidents.drop_watching(self._worker)
        except RedisError as error:  # it ends by itself
            _log.warning("the watch was not given up", detail=str(error))

    async def look(self) -> None:
        """One look: open what stands, and tell who is owed news."""
        now = self._clock()
        found = [
            ({IncidentKind.LAG}, await self._lags(now)),
            ({IncidentKind.STALE_INDEX}, await self._stale_index(now)),
            ({IncidentKind.SILENT_SOURCE}, await self._silent_sources(now)),
            ({IncidentKind.FAILING_ENDPOINT}, await self._failing_endpoints(now)),
            ({IncidentKind.FILTER_FULL}, await self._filter_full(now)),
            ({IncidentKind.DEAD_LETTERS}, await self._dead_letters(now)),
        ]
        faults = await self._faults()
        if faults is not None:
            found.append(({IncidentKind.AUDIT_GAP}, watchers.audit_gaps(faults)))
        await self._see(found)
        await self._telling.look()

    async def _see(self, found: Sequence[tuple[Collection[IncidentKind], Sequence[Opening]]]) -> None:
        kinds = {kind for of, _ in found for kind in of}
        await self._log.see(kinds, [opening for _, openings in found for opening in openings])

    async def _lags(self, now: dt.datetime) -> list[Opening]:
        standings = await asyncio.to_thread(self._ground.standings)
        behind = {
            reader: self._progress.setdefault(reader, Progress()).seen(now, standing.ends, standing.read)
            for reader, standing in standings.items()
        }
        return watchers.lags(behind, self._thresholds)

    async def _stale_index(self, now: dt.datetime) -> list[Opening]:
        ends = await asyncio.to_thread(self._ground.ends_of_orders)
        behind_s = self._index.seen(now, ends, await self._views.watchlist.positions())
        return watchers.stale_index(behind_s, self._thresholds)

    async def _silent_sources(self, now: dt.datetime) -> list[Opening]:
        came = await asyncio.to_thread(self._ground.arrivals)
        if self._patterns is None:
            self._patterns = await self._views.incidents.patterns()
        known = self._patterns
        for source in came.keys() | known.keys():
            known[source] = look(known.get(source) or first_look(now), now, came.get(source, 0))
        if now - self._saved_at >= SAVE_EVERY:
            self._saved_at = now
            await self._views.incidents.save_patterns(known)
        return watchers.silent_sources(known, self._thresholds)

    async def _failing_endpoints(self, now: dt.datetime) -> list[Opening]:
        outages = await self._views.outages.all()
        return watchers.failing_endpoints(self._placed(outages), now, self._thresholds)

    def _placed(self, outages: Mapping[str, Outage]) -> Iterable[tuple[Place, Outage]]:
        for digest, outage in outages.items():
            endpoint = self._endpoints.named(digest)
            if endpoint is not None:  # one that was taken out of the file fails nobody
                yield Place(endpoint.court, endpoint.level, endpoint.channel, endpoint.redacted), outage

    async def _filter_full(self, now: dt.datetime) -> list[Opening]:
        live = await self._views.leases.live()
        fills = [lease.fill for lease in live.values() if lease.fill is not None]
        return watchers.filter_full(self._fullness.seen(now, fills, self._thresholds.fill), self._thresholds)

    async def _dead_letters(self, now: dt.datetime) -> list[Opening]:
        total = await asyncio.to_thread(self._ground.dead_letters)
        return watchers.dead_letter_surge(self._surge.seen(now, total, self._thresholds.dead_letters_s), self._thresholds)

    async def _blind(self) -> None:
        """A Redis that is away for long has an index that is stale for certain; every worker sees that, and writes the same."""
        now = self._clock()
        self._blind_since = self._blind_since or now
        openings = watchers.stale_index((now - self._blind_since).total_seconds(), self._thresholds)
        try:
            for opening in openings:
                await self._log.open(opening)
        except KafkaError as error:
            _log.warning("an incident could not be opened", reason=type(error).__name__)

    def _forget(self) -> None:
        """Another worker watches: what was seen here is old when this one's turn comes."""
        self._progress.clear()
        self._index, self._surge, self._fullness = Progress(), Surge(), Fullness()
        self._patterns = None
        self._telling.rest()
