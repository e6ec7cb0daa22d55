"""What Redis holds of the tests of endpoints. A view of ``reachability``, the same after any replay of it.

<namespace>:reach                     digest of an endpoint and a step to the latest of it, of ``asked`` the last two
<namespace>:reach:test:<id>           the test's endpoint and its court, for as long as it may be answered
<namespace>:reach:claim:<digest>      somebody tests the endpoint just now
<namespace>:reach:positions           partition of ``reachability`` to the offset of the next record to take over
<namespace>:reach:listing             the lease of the worker that lists what orders lack
<namespace>:reach:listed              the last period whose lists were made
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final, cast, get_args

import msgspec
import redis.asyncio

from connectors.redis.errors import ViewUnavailableError, server_name, translated
from connectors.redis.keyspace import delete_all
from connectors.redis.lookback import DROP, TAKE
from connectors.redis.positions import Positions
from stream.core.delivery import Reason
from stream.core.escalation import Level
from stream.core.reachability import CLAIM, Asked, Noted, ReachRecord, ReachStep, Seen

ANSWERED_WITHIN: Final = dt.timedelta(days=30)
"""How long a test can be answered; an answer that comes later is one to nothing that is known."""
LISTING_S: Final = 60.0
"""A worker that lists, and stops, is followed by another after so long."""

PIECE: Final = 1000
"""Steps that are read at once."""

_RECORD: Final = """
for row = 1, #ARGV, 4 do
  local field, stamp, test, rest = ARGV[row], ARGV[row + 1], ARGV[row + 2], ARGV[row + 3]
  local new, all = stamp .. ' ' .. test .. ' ' .. rest, {}
  for one in string.gmatch(redis.call('HGET', KEYS[1], field) or '', '[^|]+') do
    if string.sub(one, 18, 17 + #test) == test then
      if one > new then new = one end
    else
      all[#all + 1] = one
    end
  end
  all[#all + 1] = new
  table.sort(all, function(a, b) return a > b end)
  local most = string.sub(field, -6) == ':asked' and 2 or 1
  redis.call('HSET', KEYS[1], field, table.concat(all, '|', 1, math.min(most, #all)))
end
return 1
"""
"""ARGV, by fours: digest and step, microseconds in sixteen digits, test id, and what else is said of the step."""
_DIGITS: Final = 16
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)


class KnownTest(msgspec.Struct, frozen=True, array_like=True):
    """A test that may be answered: of which endpoint it is, and who may answer."""

    endpoint: str
    court: str
    level: Level
    channel: str
    answer_by: dt.datetime


_Row = tuple[dt.datetime, str, str]
_STEPS: Final[tuple[ReachStep, ...]] = get_args(ReachStep)
_tests: Final = msgspec.json.Decoder(KnownTest)


class ReachabilityView:
    """One round trip each, but for ``record``, ``seen`` and ``wipe``; raises ViewUnavailableError."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str) -> None:
        rebuilt = Positions(client, f"{namespace}:reach")
        self.positions, self.moved = rebuilt.positions, rebuilt.moved
        self._client, self._namespace, self._name = client, namespace, f"{namespace}:reach"
        self._server = server_name(client)
        self._record, self._take, self._drop = (client.register_script(script) for script in (_RECORD, TAKE, DROP))

    async def record(self, records: Sequence[ReachRecord]) -> None:
        """Take over records that are durable; repeats, and any order, are harmless."""
        if not records:
            return
        rows = [part for record in records for part in _row(record)]
        with translated(ViewUnavailableError, self._server):
            async with self._client.pipeline(transaction=False) as asked:
                for record in records:
                    if record.step == "asked":
                        known = KnownTest(record.endpoint, record.court, record.level, record.channel, record.answer_by)
                        ends_at = record.at + ANSWERED_WITHIN
                        asked.set(self._test(record.test_id), msgspec.json.encode(known), pxat=ends_at)
                await asked.execute()
            await self._record(keys=[self._name], args=rows)

    async def seen(self) -> dict[str, Seen]:
        """What is on record of each endpoint that was ever tested, by its digest; in pieces, so that others have a turn."""
        steps: dict[str, dict[str, list[_Row]]] = {}
        with translated(ViewUnavailableError, self._server):
            async for field, value in self._client.hscan_iter(self._name, count=PIECE):
                endpoint, _, step = field.decode().partition(":")
                steps.setdefault(endpoint, {})[step] = _rows(value)
        return {endpoint: _seen(of) for endpoint, of in steps.items()}

    async def seen_of(self, endpoint: str) -> Seen:
        """What is on record of one endpoint, by its digest."""
        fields = [f"{endpoint}:{step}" for step in _STEPS]
        with translated(ViewUnavailableError, self._server):
            found = cast(list[bytes | None], await self._client.hmget(self._name, fields))
        return _seen({step: _rows(value) for step, value in zip(_STEPS, found, strict=True) if value is not None})

    async def test(self, test_id: str) -> KnownTest | None:
        """A test that may be answered."""
        with translated(ViewUnavailableError, self._server):
            found = await self._client.get(self._test(test_id))
        return None if found is None else _tests.decode(found)

    async def claim(self, endpoint: str) -> bool:
        """Whether this worker may test an endpoint now; nobody else may for ``CLAIM``."""
        with translated(ViewUnavailableError, self._server):
            return bool(await self._client.set(f"{self._name}:claim:{endpoint}", "1", nx=True, px=CLAIM))

    async def let_go(self, endpoint: str) -> None:
        """Give up a claim."""
        with translated(ViewUnavailableError, self._server):
            await self._client.delete(f"{self._name}:claim:{endpoint}")

    async def take_listing(self, worker: str) -> bool:
        """Take or prolong the lease of who lists; False where another worker holds it."""
        with translated(ViewUnavailableError, self._server):
            return bool(await self._take(keys=[f"{self._name}:listing"], args=[worker, round(LISTING_S * 1000)]))

    async def drop_listing(self, worker: str) -> None:
        """End the lease now, if it is this worker's."""
        with translated(ViewUnavailableError, self._server):
            await self._drop(keys=[f"{self._name}:listing"], args=[worker])

    async def listed(self) -> str | None:
        """The last period whose lists were made."""
        with translated(ViewUnavailableError, self._server):
            found = await self._client.get(f"{self._name}:listed")
        return found.decode() if isinstance(found, bytes) else None

    async def set_listed(self, period: str) -> None:
        """Note that a period's lists were made."""
        with translated(ViewUnavailableError, self._server):
            await self._client.set(f"{self._name}:listed", period)

    async def wipe(self) -> None:
        """Delete the view, and nothing else."""
        with translated(ViewUnavailableError, self._server):
            await self._client.delete(self._name)
            await delete_all(self._client, self._namespace, "reach")

    def _test(self, test_id: str) -> str:
        return f"{self._name}:test:{test_id}"


def _row(record: ReachRecord) -> tuple[str, str, str, str]:
    rest = str(_micros(record.answer_by)) if record.step == "asked" else record.outcome or ""
    return f"{record.endpoint}:{record.step}", f"{_micros(record.at):0{_DIGITS}d}", record.test_id, rest


def _rows(value: bytes) -> list[_Row]:
    rows = (one.split(" ") for one in value.decode().split("|"))
    return [(_at(stamp), test_id, rest) for stamp, test_id, rest in rows]


def _seen(steps: Mapping[str, list[_Row]]) -> Seen:
    asked = tuple(Asked(at, test_id, _at(rest)) for at, test_id, rest in steps.get("asked", ()))
    taken, failed, answered = (
        next((Noted(at, test_id, Reason(rest) if rest else None) for at, test_id, rest in steps.get(step, ())), None)
        for step in ("taken", "failed", "answered")
    )
    return Seen(asked, taken, failed, answered)


def _micros(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _at(micros: str) -> dt.datetime:
    return _EPOCH + int(micros) * _MICROSECOND
