"""The delivery plan: what is done about a hit, stage by stage, each with its reason.

is it new?  is it in force?  when?            decided here, of what the ledger and the index say
to whom?  attempt  record                     done in ``stream/services/delivering.py``
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple

from stream.core.delivery import Reason, answer_of, fence
from stream.core.hit import Hit
from stream.core.matter import Later, Now, when
from stream.core.story import Mark, Story, ended, is_being_withdrawn, may_be_known, told_of, version_of, waits
from watchlists.index import Standing


class Tell(NamedTuple):
    """Tell the station and the court now; an ``update`` is told again, under a higher version of the order."""

    why: Reason
    matter: str
    update: bool


class Hold(NamedTuple):
    """Instruct the station; the court is told later, by the notification of ``carrier``."""

    why: Reason
    matter: str
    carrier: str
    until: dt.datetime


class Skip(NamedTuple):
    """Nothing is sent. ``recorded``: the story says why already."""

    why: Reason
    recorded: bool


Plan = Tell | Hold | Skip


def plan(hit: Hit, story: Story, marks: Mapping[str, Mark], standing: Standing, now: dt.datetime) -> Plan:
    """What is done about a hit as it comes from the topic ``hits``, perhaps for the second time."""
    return _new(hit, story) or _in_force(hit, standing) or _when(hit, story, marks, now)


def _new(hit: Hit, story: Story) -> Skip | None:
    told = told_of(story)
    if told is not None and told.delivered:
        if told.version >= hit.order_version:
            return Skip(Reason.ALREADY_DELIVERED, recorded=True)
        if told.answer == answer_of(hit) and not is_being_withdrawn(story):
            return Skip(Reason.UNCHANGED, recorded=False)
    if story and version_of(story) >= hit.order_version:
        if ended(story, hit.order_version):
            return Skip(Reason.ALREADY_DELIVERED, recorded=True)
        if waits(story):
            return Skip(Reason.GROUPED, recorded=True)
    return None


def _in_force(hit: Hit, standing: Standing) -> Skip | None:
    answer = fence(hit, standing)
    return None if answer.passes else Skip(answer.reason, recorded=False)


def _when(hit: Hit, story: Story, marks: Mapping[str, Mark], now: dt.datetime) -> Plan:
    update = told_before(story, hit.order_version)
    place = Now(marks[hit.id].matter) if hit.id in marks else when(hit, marks, now)
    if isinstance(place, Later) and not update:
        return Hold(Reason.CARRIES if place.carrier == hit.id else Reason.GROUPED, *place)
    return Tell(Reason.UPDATE if update else Reason.NEW, place.matter, update)


def told_before(story: Story, version: int) -> bool:
    """Whether the court knows of the hit, or may, under a lower version of the order."""
    return may_be_known({key: seen for key, seen in story.items() if key[0] < version})
