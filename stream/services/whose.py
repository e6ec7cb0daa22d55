"""Whose a hit is, as the ledger and the hit itself have it, or a test of an endpoint; and what became of hits."""

from __future__ import annotations

from collections.abc import Collection

from connectors.door.hit_list import Told, owner_of
from connectors.redis.reachability import ReachabilityView
from stream.core.authority import Owner
from stream.core.hit_story import hit_story, may_be_told
from stream.core.ports import Ledger
from stream.core.story import known_of
from stream.services.bodies import Bodies


class LedgerHits:
    """The door's question, answered by the ledger, which points at the hit: one of which nothing was told yet is not known.

    A test of an endpoint is answered like a hit, and is asked for here, too. It is no handler's.
    """

    def __init__(self, ledger: Ledger, bodies: Bodies, tests: ReachabilityView) -> None:
        self._ledger, self._bodies, self._tests = ledger, bodies, tests

    async def owner_of(self, hit_id: str) -> Owner | None:
        """Whose a hit is, or whose endpoint was tested. Raises ViewUnavailableError, KafkaError."""
        known = known_of((await self._ledger.stories([hit_id]))[hit_id])
        if known is None:
            test = await self._tests.test(hit_id)
            return None if test is None else Owner(court=test.court)
        hit = await self._bodies.hit((known.partition, known.offset))
        return owner_of(hit)


class LedgerStories:
    """What became of hits: the ledger's stories, and the hits that they point at. Raises ViewUnavailableError, KafkaError."""

    def __init__(self, ledger: Ledger, bodies: Bodies) -> None:
        self._ledger, self._bodies = ledger, bodies

    async def told(self, hit_id: str) -> Told | None:
        """The newest version of a hit, with its story; None for one that may not be told."""
        story = (await self._ledger.stories([hit_id]))[hit_id]
        known = known_of(story)
        if known is None or not may_be_told(story):
            return None
        return Told(await self._bodies.hit((known.partition, known.offset)), hit_story(story))

    async def tellable(self, hit_ids: Collection[str]) -> frozenset[str]:
        """Those of the hits that may be told."""
        stories = await self._ledger.stories(list(hit_ids))
        return frozenset(hit_id for hit_id, story in stories.items() if may_be_told(story))

    async def of_order(self, order_id: str) -> list[str]:
        """The hits of an order that anything was done for, sorted."""
        return (await self._ledger.of_orders([order_id]))[order_id]
