"""Instructing stations: one instruction a sighting, whichever courts ask for it, given and recalled order by order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import msgspec

from connectors.kafka.places import Place
from connectors.kafka.records import Record
from connectors.kafka.topics import INSTRUCTIONS
from stream.core.delivery import Facts, Reason, Receipt
from stream.core.escalation import Level
from stream.core.hit import Hit
from stream.core.instruction import instruct, instruction_id
from stream.core.matter import slot_of
from stream.core.ports import Contributions, Ledger, ProvincialRules
from stream.core.story import Contribution
from stream.services.bodies import Bodies
from stream.services.patience import ledger_answer
from stream.services.scribe import Scribe


class Instructing:
    """Tells stations. What they were told before is in the ledger, so any worker can go on."""

    def __init__(
        self, ledger: Ledger, rules: ProvincialRules, bodies: Bodies, scribe: Scribe, clock: Callable[[], dt.datetime]
    ) -> None:
        self._rules = rules
        self._ledger, self._bodies, self._scribe, self._clock = ledger, bodies, scribe, clock

    async def give(self, hit: Hit, why: Reason, before: Sequence[Receipt]) -> None:
        """Ask the station of the hit's sighting for what this order wants, too; ``before`` are receipts that come first."""
        changed = await self._scribe.record([*before, self._scribe.receipt(hit, "instructed", why)])
        await self._tell(hit, changed)

    async def recall(self, hit: Hit, why: Reason) -> None:
        """This order asks for it no more. The instruction stands as long as another does."""
        await self._tell(hit, await self._scribe.record([self._scribe.receipt(hit, "recalled", why)]))

    async def repeat(self, hit: Hit) -> None:
        """Tell the station once more what is on record: a worker may have died between record and telling."""
        await self._tell(hit, {})

    async def _tell(self, hit: Hit, changed: Contributions) -> None:
        id_ = instruction_id(hit)
        parts = changed.get(id_) or await self._parts(id_)
        if not parts:
            return
        active = {hit_id: part for hit_id, part in parts.items() if part.active}
        hits = [hit if hit_id == hit.id else await self._other(part) for hit_id, part in (active or parts).items()]
        revision = sum(part.changes for part in parts.values())
        now = self._clock()
        policy = self._rules.so_far().at(now)  # whom to call is asked of the rules of now; what is asked for is in the hits
        told = instruct(hits, policy, revision=revision, withdrawn=not active, at=now)
        value = msgspec.json.encode(told.model_dump(mode="json"))
        await self._scribe.send([Record(INSTRUCTIONS, told.key.encode(), value)])

    async def _parts(self, id_: str) -> dict[str, Contribution]:
        return (await ledger_answer(lambda: self._ledger.contributions([id_])))[id_]

    async def _other(self, part: Contribution) -> Hit:
        return await self._bodies.hit((part.partition, part.offset))


def facts_of(hit: Hit, place: Place, chain: tuple[Level, ...] = ()) -> Facts:
    """What the hit's story needs to know of it."""
    return Facts(
        hit_at=place,
        court=hit.court.code,
        instruction_id=instruction_id(hit),
        slot=slot_of(hit),
        respond_within_s=hit.respond_within_s,
        group_within_s=hit.group_within_s,
        chain=chain,
        expires_at=hit.expires_at,
    )
