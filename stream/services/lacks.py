"""What orders lack, given a deployment's endpoints and what is on record of their tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final, NamedTuple

from connectors.courts.endpoint import ANY_COURT, Endpoint
from connectors.courts.endpoints import Endpoints
from stream.core.escalation import Level
from stream.core.lacking import Lack, lacking
from stream.core.reachability import Reach, Seen, reach
from watchlists.order import Court, Order

_NOTHING: Final = Seen()


class _OfCourt(NamedTuple):
    handler: tuple[Reach, ...]
    chain: tuple[Level, ...]


class Lacks:
    """Answers for any order, as of one moment."""

    def __init__(self, endpoints: Endpoints, seen: Mapping[str, Seen], at: dt.datetime) -> None:
        """``seen`` by the endpoints' digests."""
        self.at: Final = at
        self.endpoints: Final = endpoints
        self._seen = seen
        self._has_high_courts = any(one.level == "high_court" and one.court != ANY_COURT for one in endpoints)
        self._courts: dict[tuple[str, str | None], _OfCourt] = {}

    def of(self, order: Order) -> tuple[Lack, ...]:
        """What an order lacks."""
        handler, chain = self._of_court(order.court)
        return lacking(order, handler, chain, has_high_courts=self._has_high_courts)

    def seen(self, endpoint: Endpoint) -> Seen:
        """What is on record of an endpoint."""
        return self._seen.get(endpoint.digest, _NOTHING)

    def reach(self, endpoint: Endpoint) -> Reach:
        """What its tests say of an endpoint."""
        return reach(self.seen(endpoint), self.at)

    def handler(self, court: Court) -> tuple[Reach, ...]:
        """What is known of each endpoint of a court's handlers, in the order in which they are tried."""
        return self._of_court(court).handler

    def _of_court(self, court: Court) -> _OfCourt:
        place = court.code, court.province
        known = self._courts.get(place)
        if known is None:
            states = (self.reach(one) for one in self.endpoints.of(court))
            known = self._courts[place] = _OfCourt(tuple(states), self.endpoints.chain(court))
        return known
