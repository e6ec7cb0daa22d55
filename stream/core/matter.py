"""Repetition: the same subject, seen again by the same station within a window, is one matter with a count, not ten alarms.

As Alertmanager groups alerts: the first hit tells at once and opens a window. The first repeat within it carries the others
that come until the window ends, and then tells of them all; that opens the next window. A new place, a new kind of sighting or
another answer is another slot, so it tells at once, and so does whatever policy gives no window.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from stream.core.delivery import answer_of
from stream.core.hit import Hit
from stream.core.story import Mark


class Now(NamedTuple):
    """The hit is told at once, and opens a window."""

    matter: str


class Later(NamedTuple):
    """The hit waits: ``carrier`` (a hit, itself perhaps) will tell of it at ``until``."""

    matter: str
    carrier: str
    until: dt.datetime


def slot_of(hit: Hit) -> str:
    """What two hits must share for the second to be a repetition: order, station, situation and what is told."""
    seen = hit.sighting
    crossing, inspection = seen.get("crossing"), seen.get("inspection")
    situation = (
        hit.rule,
        seen.get("kind"),
        crossing.get("direction") if isinstance(crossing, dict) else None,
        inspection.get("occasion") if isinstance(inspection, dict) else None,
    )
    about = (hit.order_id, seen["station"]["code"], situation, answer_of(hit))
    return hashlib.blake2b(msgspec.json.encode(about), digest_size=12).hexdigest()


def matter_id(hit_id: str) -> str:
    """The id of the matter that a hit opens."""
    return str(uuid.uuid5(uuid.UUID(hit_id), "matter"))


def when(hit: Hit, marks: Mapping[str, Mark], now: dt.datetime) -> Now | Later:
    """Whether a hit is told now or carried, by what was told in its slot; its own mark, if it has one, is not looked at."""
    others = {hit_id: mark for hit_id, mark in marks.items() if hit_id != hit.id}
    waiting = [(mark.until, hit_id, mark.matter) for hit_id, mark in others.items() if mark.role == "carries"]
    if waiting:
        until, carrier, matter = max(waiting)
        return Later(matter, carrier, until)
    told = [(mark.until, mark.matter) for mark in others.values() if mark.role == "told"]
    if told and hit.group_within_s:
        until, matter = max(told)
        if now < until:
            return Later(matter, hit.id, until)
    return Now(matter_id(hit.id))


def matter_of(matter: str, marks: Mapping[str, Mark]) -> dict[str, Any]:
    """A matter as its notification lists it: every hit of it, in the order in which they came."""
    of = sorted((mark.at, hit_id) for hit_id, mark in marks.items() if mark.matter == matter)
    return {
        "id": matter,
        "count": len(of),
        "hits": [{"id": hit_id, "at": at.isoformat()} for at, hit_id in of],
    }
