"""What Redis holds of incidents. A view of ``incidents``, the same after any replay of it.

<namespace>:incidents             id to all records of the incident, as a JSON array by time
<namespace>:incidents:order       ids by when they were opened
<namespace>:incidents:unsettled   ids of those that are open, or of which somebody is owed news
<namespace>:incidents:things      kind and thing to the id of the incident that is open about it, or whose condition stands
<namespace>:incidents:positions   partition of ``incidents`` to the offset of the next record to take over
<namespace>:incidents:watching    the lease of the worker that watches and tells
<namespace>:incidents:patterns    what is usual of each source of sightings; learned, and learned anew where it is lost
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple, cast

import msgspec
import redis.asyncio
from pydantic import TypeAdapter

from connectors.redis.errors import ViewUnavailableError, server_name, translated
from connectors.redis.lookback import DROP, TAKE
from connectors.redis.positions import Positions
from stream.core.incident_life import Incident, incident_of, is_settled, merged, thing_of
from stream.core.incident_record import IncidentRecord
from stream.core.silence import Pattern
from stream.core.watching import Source

WATCHING_S: Final = 30.0
"""A worker that watches, and stops, is followed by another after so long."""
PIECE: Final = 200
"""Incidents that are read at once."""
_TRIES_MAX: Final = 20
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_records: Final = TypeAdapter(tuple[IncidentRecord, ...])
_patterns: Final = msgspec.msgpack.Decoder(list[tuple[str, str | None, Pattern]])

_REPLACE: Final = """
local id, thing = ARGV[1], ARGV[7]
if (redis.call('HGET', KEYS[1], id) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], id, ARGV[3])
if ARGV[4] == '' then return 1 end
redis.call('ZADD', KEYS[2], ARGV[4], id)
if ARGV[5] == '1' then redis.call('SADD', KEYS[3], id) else redis.call('SREM', KEYS[3], id) end
if ARGV[6] == '1' then redis.call('HSET', KEYS[4], thing, id)
elseif redis.call('HGET', KEYS[4], thing) == id then redis.call('HDEL', KEYS[4], thing) end
return 1
"""
"""ARGV: id, the records as they were read, as they are to be, when it was opened (empty: not known yet), whether it is
unsettled, whether its thing is taken by it, its thing."""


class Listed(NamedTuple):
    """A place in the list of incidents, newest first: microseconds of the opening, and the id."""

    opened_us: int
    id: str


class IncidentsView:
    """Raises ViewUnavailableError."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str) -> None:
        rebuilt = Positions(client, f"{namespace}:incidents")
        self.positions, self.moved = rebuilt.positions, rebuilt.moved
        self._client, self._name = client, f"{namespace}:incidents"
        self._server = server_name(client)
        self._replace, self._take, self._drop = (client.register_script(script) for script in (_REPLACE, TAKE, DROP))

    async def record(self, records: Iterable[IncidentRecord]) -> None:
        """Take over records that are durable; repeats, and any order, are harmless."""
        by_id = sorted(records, key=lambda record: record.incident_id)
        for id_, of_one in groupby(by_id, key=lambda record: record.incident_id):
            await self._add(id_, tuple(of_one))

    async def _add(self, id_: str, added: Sequence[IncidentRecord]) -> None:
        names = [self._name, *(f"{self._name}:{part}" for part in ("order", "unsettled", "things"))]
        for _ in range(_TRIES_MAX):
            with translated(ViewUnavailableError, self._server):
                before = cast(bytes | None, await self._client.hget(self._name, id_)) or b""
            after = merged(_read(before), added)
            written = _records.dump_json(tuple(after), exclude_none=True)
            if written == before:
                return
            args: list[str | bytes] = [id_, before, written, *_indexed(incident_of(after))]
            with translated(ViewUnavailableError, self._server):
                if await self._replace(keys=names, args=args):
                    return
        raise ViewUnavailableError("contended", f"{self._server}: an incident was written by others {_TRIES_MAX} times over")

    async def find(self, id_: str) -> Incident | None:
        """One incident."""
        return next(iter(await self.some([id_])), None)

    async def some(self, ids: Sequence[str]) -> list[Incident]:
        """Incidents by their ids, in that order; those that are not known are left out."""
        if not ids:
            return []
        with translated(ViewUnavailableError, self._server):
            found = cast(list[bytes | None], await self._client.hmget(self._name, list(ids)))
        told = (incident_of(_read(value)) for value in found if value is not None)
        return [incident for incident in told if incident is not None]

    async def about(self, thing: str) -> Incident | None:
        """The incident that is open about a thing, or whose condition stands."""
        with translated(ViewUnavailableError, self._server):
            id_ = cast(bytes | None, await self._client.hget(f"{self._name}:things", thing))
        return None if id_ is None else await self.find(id_.decode())

    async def taken(self) -> list[Incident]:
        """Every incident that is open, or whose condition stands."""
        with translated(ViewUnavailableError, self._server):
            ids = cast(list[bytes], await self._client.hvals(f"{self._name}:things"))
        return await self._all(ids)

    async def unsettled(self) -> list[Incident]:
        """Every incident that is open, or of which somebody is owed news."""
        with translated(ViewUnavailableError, self._server):
            ids = cast(set[bytes], await self._client.smembers(f"{self._name}:unsettled"))
        return await self._all(sorted(ids))

    async def settle(self, ids: Sequence[str]) -> None:
        """Of these nobody is owed anything any more."""
        if ids:
            with translated(ViewUnavailableError, self._server):
                await self._client.srem(f"{self._name}:unsettled", *ids)

    async def _all(self, ids: Sequence[bytes]) -> list[Incident]:
        pieces = [ids[start : start + PIECE] for start in range(0, len(ids), PIECE)]
        return [incident for piece in pieces for incident in await self.some([id_.decode() for id_ in piece])]

    async def after(self, place: Listed | None, most: int) -> list[Listed]:
        """The next places of the list, newest first; those of one moment by their ids."""
        name, skip = f"{self._name}:order", 0
        with translated(ViewUnavailableError, self._server):
            if place is not None:
                of_moment = cast(list[bytes], await self._client.zrangebyscore(name, place.opened_us, place.opened_us))
                skip = sum(id_.decode() >= place.id for id_ in of_moment)
            high = "+inf" if place is None else place.opened_us
            found = await self._client.zrevrangebyscore(name, high, "-inf", start=skip, num=most, withscores=True)
        return [Listed(int(score), id_.decode()) for id_, score in cast(list[tuple[bytes, float]], found)]

    async def take_watching(self, worker: str) -> bool:
        """Take or prolong the lease of who watches; False where another worker holds it."""
        with translated(ViewUnavailableError, self._server):
            return bool(await self._take(keys=[f"{self._name}:watching"], args=[worker, round(WATCHING_S * 1000)]))

    async def drop_watching(self, worker: str) -> None:
        """End the lease now, if it is this worker's."""
        with translated(ViewUnavailableError, self._server):
            await self._drop(keys=[f"{self._name}:watching"], args=[worker])

    async def patterns(self) -> dict[Source, Pattern]:
        """What is usual of each source; nothing where it is lost, or was written by another version."""
        with translated(ViewUnavailableError, self._server):
            saved = cast(bytes | None, await self._client.get(f"{self._name}:patterns"))
        try:
            return {} if saved is None else {Source(topic, of): pattern for topic, of, pattern in _patterns.decode(saved)}
        except msgspec.DecodeError:
            return {}

    async def save_patterns(self, patterns: Mapping[Source, Pattern]) -> None:
        """Note what is usual of each source."""
        saved = msgspec.msgpack.encode([(*source, pattern) for source, pattern in patterns.items()])
        with translated(ViewUnavailableError, self._server):
            await self._client.set(f"{self._name}:patterns", saved)

    async def wipe(self) -> None:
        """Delete the view, and nothing else: what was learned of sources stays."""
        names = ("order", "unsettled", "things", "positions")
        with translated(ViewUnavailableError, self._server):
            await self._client.delete(self._name, *(f"{self._name}:{part}" for part in names))


def opened_us(incident: Incident) -> int:
    """When an incident was opened, as the list has it: a sorted set holds microseconds exactly until the year 2255."""
    return (incident.opened_at - _EPOCH) // _MICROSECOND


def _indexed(incident: Incident | None) -> tuple[str, str, str, str]:
    if incident is None:
        return "", "", "", ""
    taken = incident.is_open or incident.standing is not None
    return str(opened_us(incident)), str(int(not is_settled(incident))), str(int(taken)), thing_of(incident.opening)


def _read(value: bytes) -> tuple[IncidentRecord, ...]:
    return _records.validate_json(value) if value else ()
