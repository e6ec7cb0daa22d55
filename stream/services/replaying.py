"""Replaying a past sighting from the log: the sighting, the orders and the policy as they were, and the hits that there are.

RuntimeError
└── SightingGoneError    the log does not have the sighting, or has it no more
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

import redis.asyncio

from connectors.kafka.settings import KafkaSettings
from connectors.redis.client import connect
from connectors.redis.errors import ViewUnavailableError
from connectors.redis.leases import InForce, InForceMark
from connectors.redis.settings import RedisSettings
from matchers.sighting import Sighting
from stream.core.explanation import Everywhere, OrderPast, Past
from stream.core.hit import hit_id
from stream.core.replay import Found, LoggedHit, OrderThen, held_against, replay
from stream.services.order_history import History, OrderHistory
from stream.services.past_sightings import PastSighting, PastSightings
from watchlists.policy import Policy
from watchlists.rules import History as Rules
from watchlists.rules import judged_at

CLOCKS: Final = dt.timedelta(minutes=1)
"""How far a hit's producer may be behind the producer of its order."""
_UNCOMPARED: Final[Mapping[str, frozenset[str]]] = {"hits": frozenset({"warnings"})}
"""A hit's sighting was written again when it hit: what was odd about its bytes is not in it any more."""


class SightingGoneError(RuntimeError):
    """The log does not have the sighting."""

    def __init__(self) -> None:
        super().__init__(
            "the log has no such sighting: it never came, or it matched nothing and is kept no longer. Give it as a file."
        )


class Named(NamedTuple):
    """A sighting's identity."""

    station: str
    id: str


class Replaying:
    """Replays sightings. Each replay reads the log with connections of its own."""

    def __init__(self, kafka: KafkaSettings, views: RedisSettings, rules: Rules) -> None:
        self._kafka, self._views, self._rules = kafka, views, rules

    async def past(self, asked: Sighting | Named, instant: dt.datetime) -> Past:
        """The sighting at an instant, replayed.

        Raises:
            SightingGoneError: it was only named, and is not on the log.
            KafkaUnreachableError, TopicError: the log cannot be read.
        """
        seen = self._sighting(asked, instant)
        history = OrderHistory(self._kafka).about(seen.sighting.keys(), instant)
        policy_at = partial(self._policy_at, seen.sighting)
        policy = policy_at(instant)
        orders = replay(history.records, seen.sighting, policy, history.positions)
        hits = self._hits(orders, history, seen.sighting)
        marks = await self._marks([order.id for order in orders])
        found = Found(seen.sighting, policy_at, _UNCOMPARED.get(seen.source, frozenset()))
        pasts = []
        for order in orders:
            of_order = hits.get(order.id, [])
            finding = held_against(order, of_order, found, instant)
            everywhere = [Everywhere(mark.version, mark.at) for _, mark in sorted((marks or {}).get(order.id, {}).items())]
            pasts.append(OrderPast(order, of_order, finding, everywhere))
        return Past(
            sighting=seen.sighting,
            source=seen.source,
            at=instant,
            positions=history.positions,
            policy_version=policy.version,
            arrived=seen.arrived,
            screened=seen.screened,
            orders=pasts,
            whole=history.whole,
            times_known=marks is not None,
        )

    def _policy_at(self, seen: Sighting, instant: dt.datetime) -> Policy:
        """By which a sighting is judged at an instant, under the provinces' rules of its own time."""
        return self._rules.at(judged_at(seen.occurred_at, instant))

    def _sighting(self, asked: Sighting | Named, instant: dt.datetime) -> PastSighting:
        sightings = PastSightings(self._kafka)
        if isinstance(asked, Named):
            found = sightings.find(asked.station, asked.id, instant)
            if found is None:
                raise SightingGoneError
            return found
        screened = sightings.screened(asked.station.code, asked.id)
        # What was given is used, whatever the log says; where the log has it, too, its positions are known.
        if screened is None:
            return PastSighting(asked, "given")
        return PastSighting(asked, "given", screened.arrived, screened.screened)

    def _hits(self, orders: Sequence[OrderThen], history: History, seen: Sighting) -> dict[str, list[LoggedHit]]:
        """The hits on the log, by order. None is older than the first record of its order."""
        of = {hit_id(order.id, seen.station.code, seen.id): order.id for order in orders}
        found: dict[str, list[LoggedHit]] = {}
        if of:
            since = min(record.at for record in history.records) - CLOCKS
            for logged in PastSightings(self._kafka).hits(of.keys(), since):
                found.setdefault(of[logged.hit.id], []).append(logged)
        return found

    async def _marks(self, order_ids: Sequence[str]) -> dict[str, dict[int, InForceMark]] | None:
        """When versions were in force everywhere: a view that forgets, so nobody may know."""
        client: redis.asyncio.Redis = connect(self._views)
        try:
            return await InForce(client, self._views.namespace).of(order_ids) if order_ids else {}
        except ViewUnavailableError:
            return None
        finally:
            await client.aclose()
