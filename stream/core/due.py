"""When a hit is to be taken up again, and for what: the next attempt, the end of its matter's window, the next of the chain."""

from __future__ import annotations

import datetime as dt
from typing import Literal, NamedTuple, cast

from stream.core import escalation
from stream.core.confirmation import Answer, Confirmation, Respondent
from stream.core.delivery import Reason
from stream.core.story import (
    Known,
    Story,
    is_released,
    is_superseded,
    is_void,
    is_withdrawn,
    known_of,
    known_version,
    last_attempt,
    newest,
    waits,
)


class Due(NamedTuple):
    """What is due, and from when on."""

    at: dt.datetime
    what: Literal["attempt", "carry", "withdraw", "escalate"]


def due_of(story: Story) -> Due | None:
    """What is due next for a hit; None when nothing will be."""
    dues = (_withdrawal(story), _attempt(story), _carry(story), _escalation(story)) if story else ()
    return min((due for due in dues if due is not None), default=None)


def _withdrawal(story: Story) -> Due | None:
    """One that was begun with, of what is told now: a release voids every version, an amendment the one that it changed."""
    released = is_released(story)
    least = 0 if released else known_version(story)
    tried = [(key, seen) for key, seen in story.items() if key[1] == "withdrawing" and key[0] >= least]
    if not tried or is_withdrawn(story):
        return None
    (version, _, _), last = max(tried, key=lambda item: item[0])
    if not released and is_superseded(story, version):
        return None
    next_at = last.next_at
    return None if next_at is None else Due(next_at, "withdraw")


def _attempt(story: Story) -> Due | None:
    tried = last_attempt(story)
    if tried is None or tried.next_at is None or not waits(story):
        return None
    return Due(tried.next_at, "attempt")


def _carry(story: Story) -> Due | None:
    held = newest(story, "held")
    if held is None or held.next_at is None or held.outcome != Reason.CARRIES or not waits(story):
        return None
    return Due(held.next_at, "carry") if newest(story, "planned") is None else None


def _escalation(story: Story) -> Due | None:
    waits_for = next_level(story)
    return Due(waits_for.at, "escalate") if isinstance(waits_for, escalation.Due) else None


def next_level(story: Story) -> escalation.Due | escalation.Rest | None:
    """Who is told next while nobody answers; None where nobody waits for an answer: nothing was told, or it is void."""
    planned, known = newest(story, "planned"), known_of(story)
    if planned is None or known is None or is_void(story):
        return None
    delivered = newest(story, "delivered")
    return escalation.due(
        planned.at,
        None if delivered is None else delivered.at,
        dt.timedelta(seconds=known.respond_within_s),
        _confirmations(story, known),
        escalated_of(story),
        ("handler", *known.chain),
    )


def escalated_of(story: Story) -> list[escalation.Escalated]:
    """The levels that were told, and when."""
    return [
        escalation.Escalated(escalation.LEVELS[level], seen.at)
        for (_, step, level), seen in story.items()
        if step == "escalated"
    ]


def _confirmations(story: Story, known: Known) -> list[Confirmation]:
    return [
        Confirmation(
            id=str(at_ms),
            hit_id="-",
            at=seen.at,
            by=Respondent(court=known.court),
            answer=cast(Answer, seen.outcome),
            minutes=None if seen.next_at is None else round((seen.next_at - seen.at).total_seconds() / 60),
        )
        for (_, step, at_ms), seen in story.items()
        if step == "confirmed"
    ]
