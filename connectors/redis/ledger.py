"""The delivery ledger: what became of each hit. A view of ``receipts``; replaying them gives the identical view.

<namespace>:hit:<id>       told, answer, delivered: of the newest version that anything was sent of; step, at: the last
<namespace>:receipts       partition of ``receipts`` to the offset of the next one to take over
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import redis.asyncio

from connectors.redis.errors import ViewUnavailableError, translated
from stream.core.delivery import Receipt
from stream.core.ports import Told

_RECORD: Final = """
-- Each receipt: hit, version, step, outcome, answer, at. Written only where it is newer, so that repeats change nothing.
local space = ARGV[1]
for i = 2, #ARGV, 6 do
    local key, version = space .. ':hit:' .. ARGV[i], tonumber(ARGV[i + 1])
    local step, outcome, answer, at = ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5]
    if step == 'delivered' and version >= tonumber(redis.call('HGET', key, 'told') or '0') then
        redis.call('HSET', key, 'told', version, 'answer', answer)
    end
    if at >= (redis.call('HGET', key, 'at') or '') then
        redis.call('HSET', key, 'at', at, 'step', step, 'outcome', outcome)
    end
end
if #KEYS > 0 then redis.call('HSET', KEYS[1], KEYS[2], KEYS[3]) end
"""


class RedisLedger:
    """The ledger that all workers share."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str) -> None:
        self._client, self._space = client, namespace
        self._record_script = client.register_script(_RECORD)

    async def told(self, hit_ids: Sequence[str]) -> dict[str, Told]:
        with translated(ViewUnavailableError):
            async with self._client.pipeline(transaction=False) as pipe:
                for hit_id in hit_ids:
                    pipe.hmget(f"{self._space}:hit:{hit_id}", "told", "answer")
                rows = await pipe.execute()
        return {
            hit_id: Told(int(version), (answer or b"").decode(), delivered=True)
            for hit_id, (version, answer) in zip(hit_ids, rows, strict=True)
            if version is not None
        }

    async def record(self, receipts: Sequence[Receipt]) -> None:
        with translated(ViewUnavailableError):
            await self._record_script(keys=[], args=[self._space, *_arguments(receipts)])

    async def record_from(self, partition: int, end: int, receipts: Sequence[Receipt]) -> None:
        """Take over receipts read from the log, and the position after them, at once: how the view is rebuilt."""
        keys = [f"{self._space}:receipts", str(partition), str(end)]
        with translated(ViewUnavailableError):
            await self._record_script(keys=keys, args=[self._space, *_arguments(receipts)])

    async def positions(self) -> dict[int, int]:
        """How far in ``receipts`` the view is, a partition; empty when it was wiped."""
        with translated(ViewUnavailableError):
            found = cast(dict[bytes, bytes], await self._client.hgetall(f"{self._space}:receipts"))
        return {int(partition): int(offset) for partition, offset in found.items()}


def _arguments(receipts: Sequence[Receipt]) -> list[str | int]:
    arguments: list[str | int] = []
    for receipt in receipts:
        at = receipt.at.isoformat(timespec="microseconds")
        arguments += [receipt.hit_id, receipt.order_version, receipt.step, receipt.outcome.value, receipt.answer or "", at]
    return arguments
