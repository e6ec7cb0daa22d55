"""Contacts: who of each side is told of an incident, from the nearest on (S4.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from connectors.courts.endpoint import Endpoint
from connectors.courts.endpoints import Endpoints
from stream.core.authority import NATION
from stream.core.escalation import LEVELS, AnyLevel, Level
from stream.core.incident import Opening
from stream.core.incident_record import Side

Chain = Mapping[AnyLevel, Sequence[Endpoint]]
"""A side's levels that have endpoints, nearest first."""


class _Whose(NamedTuple):
    code: str
    province: str | None


def contacts(endpoints: Endpoints, opening: Opening) -> dict[Side, Chain]:
    """The two sides' contacts.

    A court's levels, its province's high court and the national command; a station, its province's police platform and the
    nation's. What is of no court or station begins with the province, and what is of none with the nation.
    """
    return {
        "court": {level: found for level, found in _courts(endpoints, opening) if found},
        "police": {level: found for level, found in _police(endpoints, opening) if found},
    }


def _courts(endpoints: Endpoints, opening: Opening) -> Iterator[tuple[AnyLevel, Sequence[Endpoint]]]:
    owner = opening.owner
    levels: Sequence[Level] = LEVELS if owner.court else LEVELS[-2:]
    whose = _Whose(owner.court or owner.province or NATION, owner.province)
    for level in levels:
        if level != "high_court" or owner.province not in (None, NATION):
            yield level, endpoints.of(whose, level)


def _police(endpoints: Endpoints, opening: Opening) -> Iterator[tuple[AnyLevel, Sequence[Endpoint]]]:
    owner = opening.owner
    if owner.station is not None:
        yield "station", endpoints.of_police(owner.station, "station")
    if owner.province is not None:
        yield "province_police", endpoints.of_police(owner.province, "province_police")
    yield "national_police", endpoints.of_police(NATION, "national_police")
