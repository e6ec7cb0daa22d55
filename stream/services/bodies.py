"""Hits by their places in the topic ``hits``: the ledger only points at them, for it keeps nothing personal."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

import msgspec

from connectors.kafka.places import Place, Places
from stream.core.hit import Hit

KEPT: Final = 4096


class Bodies:
    """The hits of this worker's last hours, and any other by reading it again."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._kept: OrderedDict[Place, Hit] = OrderedDict()

    def keep(self, place: Place, hit: Hit) -> None:
        """Remember a hit that was read from this place."""
        self._kept[place] = hit
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    async def hit(self, place: Place) -> Hit:
        """The hit at a place.

        Raises:
            KafkaError: Kafka does not answer, or keeps it no more.
            ValueError: what is there is no hit.
        """
        if (kept := self._kept.get(place)) is not None:
            return kept
        hit = Hit.model_validate(msgspec.json.decode(await asyncio.to_thread(self._places.read, *place)))
        self.keep(place, hit)
        return hit

    def close(self) -> None:
        self._places.close()
