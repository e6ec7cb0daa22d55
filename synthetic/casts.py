"""The director of one stream: turns a turn of the stream into a scene, its record, and the truth about both."""

from __future__ import annotations

import functools
from typing import Final

from synthetic.clock import rfc3339
from synthetic.crowd import SyntheticSighting
from synthetic.defects import encode, other_offset, unreadable, untidy
from synthetic.dice import Dice
from synthetic.orders import Order, OrderBook
from synthetic.places import SOURCES, Source
from synthetic.records import cast_record
from synthetic.scenes import Cast, Casting
from synthetic.truth import expected

_TRIES: Final = 200  # draws of an order that the scene at hand suits
_DIRTY_RECORDS: Final = 512  # ready-made ones of each kind
_UNREADABLE_PERCENT: Final = 12  # of the crowd's dirty records
_ALONE: Final = 1 << 32  # salt of sightings made one by one

_BY_KIND: Final = {source.kind: source for source in SOURCES}
_KINDS_OF: Final = {
    "exit_restriction": ("border_crossing",),
    "judicial_detention": tuple(_BY_KIND),
    "vehicle_seizure": ("vehicle_inspection", "border_crossing"),
}


class Director:
    """Makes what the crowd cannot. `dirtiness`: the share of the wanted whose records are badly written, but readable."""

    def __init__(self, seed: int, book: OrderBook, casting: Casting, stream: int, dirtiness: float) -> None:
        self.stream = stream
        self._seed = seed
        self._book = book
        self._casting = casting
        self._dirty_of_10000 = round(dirtiness * 10_000)
        self._pool = functools.lru_cache(maxsize=None)(self._ready_made)

    def hit(self, source: Source, number: int, moment: int) -> SyntheticSighting:
        """A sighting that at least one order must hit, of this kind if any order in force allows it."""
        dice = Dice(self._seed, b"hit", number, self.stream)
        for attempt in range(_TRIES):
            order = self._book[dice.below(self._book.count)]
            wanted = source if attempt < _TRIES // 2 else _BY_KIND[dice.of(_KINDS_OF[order.measure])]
            sighting = self.of_order(wanted, order, number, moment, dice)
            if sighting is not None:
                return sighting
        raise ValueError(f"no order of this world is in force at {rfc3339(moment)}: no sighting can hit")

    def of_order(
        self, source: Source, order: Order, number: int, moment: int, dice: Dice | None = None
    ) -> SyntheticSighting | None:
        """A sighting of the order's subject that this order must hit; None where chance or the law will not have it."""
        alone = dice is None
        dice = dice or Dice(self._seed, b"alone", number, _ALONE + self.stream)
        dirty = dice.below(10_000) < self._dirty_of_10000
        cast = self._casting.hit(source.kind, order, moment, dice, dirty=dirty)
        if cast is None:
            return None
        sighting = self._written(source, number, cast, dice, dirty=dirty)
        if alone:
            return sighting if any(pair.order_id == order.id for pair in sighting.expected) else None
        return sighting if sighting.expected else None

    def near_miss(self, source: Source, number: int, moment: int) -> SyntheticSighting:
        """A sighting that no order may hit, though it looks as if one did."""
        dice = Dice(self._seed, b"near miss", number, self.stream)
        for _ in range(_TRIES):
            order = self._book[dice.below(self._book.count)]
            cast = self._casting.near_miss(source.kind, order, moment, dice)
            if cast is not None:
                sighting = self._written(source, number, cast, dice, dirty=False)
                if not sighting.expected:
                    return sighting
        cast = self._casting.bystanders(source.kind, moment, dice, dirty=False)
        return self._written(source, number, cast, dice, dirty=False)

    def dirty(self, source: Source, number: int, local: bytes, chance: int) -> SyntheticSighting:
        """A stranger's badly written record, one in eight unreadable; `local` is the time without its offset."""
        key, value, defect = self._pool(source)[chance % _DIRTY_RECORDS]
        value = value.replace(b"@NUMBER@", b"%09d" % number).replace(b"@AT@", local)
        return SyntheticSighting(source.topic, key, value, (), defect)

    def _written(self, source: Source, number: int, cast: Cast, dice: Dice, *, dirty: bool) -> SyntheticSighting:
        moment = cast.scene.occurred
        at = other_offset(moment, dice) if dirty and dice.chance(20) else rfc3339(moment)
        station, fields = cast_record(source, self.stream, f"{number:09}", cast, dice, at)
        pairs = expected(self._book, cast.scene, station.code, fields["id"])
        value = untidy(fields, dice) if dirty else encode(fields)
        return SyntheticSighting(source.topic, station.code.encode(), value, pairs, None)

    def _ready_made(self, source: Source) -> list[tuple[bytes, bytes, str | None]]:
        made: list[tuple[bytes, bytes, str | None]] = []
        for i in range(_DIRTY_RECORDS):
            dice = Dice(self._seed, b"dirty", i * len(SOURCES) + SOURCES.index(source), self.stream)
            cast = self._casting.bystanders(source.kind, 0, dice, dirty=True)
            station, fields = cast_record(source, self.stream, "@NUMBER@", cast, dice, "@AT@+08:00")
            if dice.chance(_UNREADABLE_PERCENT):
                defect, value = unreadable(fields, dice)
                made.append((station.code.encode(), value, defect))
            else:
                made.append((station.code.encode(), untidy(fields, dice), None))
        return made
