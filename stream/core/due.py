"""When a hit is to be taken up again, and for what: the next attempt, the end of its matter's window, the next of the chain."""

from __future__ import annotations

import datetime as dt
from typing import Literal, NamedTuple

from stream.core.delivery import Reason
from stream.core.story import Story, is_withdrawn, last_attempt, newest, waits


class Due(NamedTuple):
    """What is due, and from when on."""

    at: dt.datetime
    what: Literal["attempt", "carry", "withdraw"]


def due_of(story: Story) -> Due | None:
    """What is due next for a hit; None when nothing will be."""
    if not story:
        return None
    if any(step in ("withdrawing", "withdrawn") for _, step, _ in story):
        due = _withdrawal(story)
        return due if due is not None or is_withdrawn(story) else _told(story)
    return _told(story)


def _told(story: Story) -> Due | None:
    return min((due for due in (_attempt(story), _carry(story)) if due is not None), default=None)


def _withdrawal(story: Story) -> Due | None:
    tried = [(version, attempt, seen) for (version, step, attempt), seen in story.items() if step == "withdrawing"]
    if not tried or is_withdrawn(story):
        return None
    next_at = max(tried, key=lambda item: item[:2])[2].next_at
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
