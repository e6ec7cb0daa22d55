"""The sighting's record around its person and vehicle: station, time and the kind's own block."""

from __future__ import annotations

import functools
from typing import Any

from synthetic.dice import Dice
from synthetic.places import Source, Station, stations
from synthetic.scenes import Cast

Fields = dict[str, Any]

_DESTINATIONS = ("JPN", "KOR", "THA", "SGP", "USA", "AUS", "HKG", "MAC")
_stations = functools.lru_cache(maxsize=None)(stations)


def blank_record(source: Source, stream: int, dice: Dice, occurred_at: str) -> tuple[Station, Fields]:
    """A record without its subjects, from some station; its `id` has a field `{number}` still to be formatted."""
    station = dice.of(_stations(source))
    mark = "核" if source.kind == "identity_check" else ""
    fields: Fields = {
        "id": f"{station.code}/{mark}{stream}-{{number}}",
        "kind": source.kind,
        "occurred_at": occurred_at,
        "station": {"code": station.code, "name": station.name, "province": station.province},
    }
    return station, fields | _own_block(source.kind, station, dice, occurred_at)


def cast_record(source: Source, stream: int, number: str, cast: Cast, dice: Dice, at: str) -> tuple[Station, Fields]:
    """The record of a scene, complete and clean. `number`: nine digits; `at`: when, as RFC 3339 writes it."""
    station, fields = blank_record(source, stream, dice, at)
    fields["id"] = fields["id"].format(number=number)
    if cast.person is not None:
        fields["person"] = cast.person
    if cast.vehicle is not None:
        fields["vehicle"] = cast.vehicle
    if cast.scene.kind == "border_crossing":
        fields["crossing"]["direction"] = cast.scene.detail
    if cast.scene.kind == "vehicle_inspection":
        fields["inspection"] = {"occasion": cast.scene.detail}
    return station, fields | cast.extra


def _own_block(kind: str, station: Station, dice: Dice, occurred_at: str) -> Fields:
    if kind == "hotel_checkin":
        room = f"{1 + dice.below(30)}{1 + dice.below(20):02}"
        stay = {"check_in": occurred_at, "check_out": None, "hotel": station.name, "address": station.address, "room": room}
        return {"stay": stay}
    if kind == "border_crossing":
        direction = dice.of(("exit", "entry"))
        return {"crossing": {"direction": direction, "port": station.name, "destination": dice.of(_DESTINATIONS)}}
    if kind == "identity_check":
        return {"check": {"place": station.address, "reason": dice.of(("巡逻盘查", "安全检查", "办理业务"))}}
    return {}
