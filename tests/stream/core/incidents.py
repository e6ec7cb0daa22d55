"""Builders of incidents' records, for the tests of everything that is about incidents."""

from __future__ import annotations

import datetime as dt
from typing import Final

from stream.core.hit import Says
from stream.core.incident import IncidentKind, Opening
from stream.core.incident_record import By, IncidentRecord, IncidentStep, Side, by_hand, incident_id, opened, told

START: Final = dt.datetime(2026, 11, 24, 2, 0, tzinfo=dt.UTC)
COURT, PROVINCE, STATION = "440106", "44", "440106-B-0001"


def at(hours: float) -> dt.datetime:
    return START + dt.timedelta(hours=hours)


def opening(kind: IncidentKind = IncidentKind.LAG, about: str = "chakong-screen", **place: str | None) -> Opening:
    return Opening.model_validate({"kind": kind, "about": about, "says": Says(zh="滞后", en="behind"), **place})


OPENING: Final = opening()
ID: Final = incident_id(OPENING, START)


def first(hours: float = 0, of: Opening = OPENING) -> IncidentRecord:
    return opened(incident_id(of, START), of, at(hours))


def who(side: Side | None) -> By:
    return By(id=f"somebody of {side}", roles=(), side=side)


def hand(step: IncidentStep, hours: float, side: Side | None = "court", key: str = "k") -> IncidentRecord:
    return by_hand(ID, step, who(side), f"{key} {step} {hours}", None, at(hours))


def taken(event: str, side: Side, level: str, hours: float) -> IncidentRecord:
    return told(ID, event, side, level, at(hours), "https://side.example/news")  # type: ignore[arg-type]
