"""A hit's story as it is told to whoever asks for it: each step, who was told when, and what was answered (S3.3, S5.2)."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from matchers.wire import Message, Timestamp
from stream.core.delivery import Step
from stream.core.escalation import LEVELS, Level
from stream.core.story import Seen, StepKey, Story, is_void, known_of, may_be_known

_OF_A_LEVEL: Final = "escalated"
_SAID: Final[tuple[Step, ...]] = ("delivered", "escalated", "withdrawn")


class StepTaken(Message):
    """One step."""

    at: Timestamp
    step: Step
    outcome: str = Field(description="why the step went as it did: a reason as receipts have it")
    order_version: int
    attempt: int = Field(description="of a delivery or withdrawal, from 1; else 0")
    next_at: Timestamp | None = Field(default=None, description="when the hit is taken up again")
    notification: str | None = Field(default=None, description="the id of the event that told")
    may_have_arrived: bool = Field(default=False, description="the court may know, whatever the outcome")


class Telling(Message):
    """Somebody was told, or that was tried."""

    level: Level = Field(description="who, along the court's chain")
    at: Timestamp
    step: Step
    outcome: str


class Answered(Message):
    """A court's answer."""

    answer: str
    at: Timestamp


class HitStory(Message):
    """What became of a hit, oldest step first."""

    void: bool = Field(description="the order was released, or amended so that this is no hit any more")
    told: tuple[Telling, ...] = Field(description="who was told when")
    answers: tuple[Answered, ...] = Field(description="oldest first; the latest counts")
    steps: tuple[StepTaken, ...]


def may_be_told(story: Story) -> bool:
    """Whether a hit may be told to whoever asks for it.

    One that nobody has begun to tell has not passed the fence. One that is void, and of which its court never heard, would be
    a report after the release.
    """
    return known_of(story) is not None and (may_be_known(story) or not is_void(story))


def hit_story(story: Story) -> HitStory:
    """The story, in words of the wire. ``story`` is not empty."""
    steps = sorted(story.items(), key=lambda item: (item[1].at, item[0]))
    return HitStory(
        void=is_void(story),
        told=tuple(_telling(key, seen) for key, seen in steps if key[1] in _SAID),
        answers=tuple(Answered(answer=seen.outcome, at=seen.at) for (_, step, _), seen in steps if step == "confirmed"),
        steps=tuple(_taken(key, seen) for key, seen in steps),
    )


def _telling(key: StepKey, seen: Seen) -> Telling:
    _, step, attempt = key
    return Telling(level=LEVELS[attempt if step == _OF_A_LEVEL else 0], at=seen.at, step=step, outcome=seen.outcome)


def _taken(key: StepKey, seen: Seen) -> StepTaken:
    version, step, attempt = key
    return StepTaken(
        at=seen.at,
        step=step,
        outcome=seen.outcome,
        order_version=version,
        attempt=0 if step in ("confirmed", "escalated") else attempt,
        next_at=seen.next_at,
        notification=seen.notification or None,
        may_have_arrived=seen.may_have_arrived,
    )
