"""A story as it is told, and the hits that are not told: reports after a release."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from stream.core.delivery import Facts, Reason, Receipt, Step
from stream.core.hit_story import hit_story, may_be_told
from stream.core.story import told_on
from tests.stream.core.hits import AT

FACTS = Facts(
    hit_at=(0, 0), court="440106", instruction_id="i", slot="s", respond_within_s=600, group_within_s=0, expires_at=AT
)
Told = tuple[Step, Reason, dict[str, Any]]
PLANNED: Told = ("planned", Reason.NEW, {"facts": FACTS})
DELIVERED: Told = ("delivered", Reason.DELIVERED, {"attempt": 1})
MAYBE: Told = ("attempted", Reason.TIMED_OUT, {"attempt": 1, "may_have_arrived": True})
REFUSED: Told = ("attempted", Reason.REFUSED, {"attempt": 1})
RELEASED: Told = ("skipped", Reason.ORDER_RELEASED, {})
WITHDRAWN: Told = ("withdrawn", Reason.DELIVERED, {"attempt": 1})


def receipts(*steps: Told) -> list[Receipt]:
    """One a minute."""
    fields = {"hit_id": "h", "order_id": "o", "order_version": 1}
    return [
        Receipt.model_validate(fields | {"at": AT + dt.timedelta(minutes=n), "step": step, "outcome": outcome} | more)
        for n, (step, outcome, more) in enumerate(steps)
    ]


@pytest.mark.parametrize(
    ("steps", "may"),
    [
        ([], False),
        ([PLANNED], True),
        ([PLANNED, DELIVERED], True),
        ([PLANNED, RELEASED], False),
        ([PLANNED, REFUSED, RELEASED], False),
        ([PLANNED, MAYBE, RELEASED], True),
        ([PLANNED, DELIVERED, RELEASED, WITHDRAWN], True),
        ([RELEASED], False),
    ],
)
def test_S3_3b_a_hit_that_was_void_before_anybody_heard_of_it_is_not_told(steps: list[Told], may: bool) -> None:
    assert may_be_told(told_on({}, receipts(*steps))) is may


def test_a_story_is_told_oldest_first_with_who_was_told() -> None:
    steps: list[Told] = [
        PLANNED,
        ("escalated", Reason.REFUSED, {"attempt": 1, "level": "duty_desk"}),
        ("escalated", Reason.DELIVERED, {"attempt": 3, "level": "high_court"}),
        ("confirmed", Reason.NEEDS_MINUTES, {"attempt": 5}),
        ("confirmed", Reason.EXECUTED, {"attempt": 6}),
        WITHDRAWN,
    ]
    story = hit_story(told_on({}, reversed(receipts(*steps))))
    assert [taken.step for taken in story.steps] == [step for step, _, _ in steps]
    assert [(told.level, told.step, told.outcome) for told in story.told] == [
        ("duty_desk", "escalated", "refused"),
        ("high_court", "escalated", "delivered"),
        ("handler", "withdrawn", "delivered"),
    ]
    assert [answer.answer for answer in story.answers] == ["needs_minutes", "executed"]
    assert story.answers[1].at == AT + dt.timedelta(minutes=4)
