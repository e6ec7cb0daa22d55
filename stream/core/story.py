"""A hit's story: what its receipts say, taken together. The same for any order and number of repeats in which they come."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

from stream.core.delivery import Receipt, Step
from stream.core.ports import Told

StepKey = tuple[int, Step, int]
"""Order version, step and attempt: a receipt's identity within its hit. A repeat is the same step seen again."""

_SENT: Final[tuple[Step, ...]] = ("instructed", "attempted", "delivered")
_RANK: Final[dict[Step, int]] = {"instructed": 0, "skipped": 1, "attempted": 2, "undeliverable": 3, "delivered": 4}


class Seen(NamedTuple):
    """When and how a step went. Of several receipts of one step the latest counts."""

    at: dt.datetime
    outcome: str
    answer: str


class Last(NamedTuple):
    """The newest step of a story."""

    at: dt.datetime
    step: Step
    outcome: str


Story = Mapping[StepKey, Seen]
"""Every step that was taken for one hit."""
Counts = Counter[tuple[Step, str]]


def told_on(story: Story, receipts: Iterable[Receipt]) -> dict[StepKey, Seen]:
    """The story with these receipts taken over."""
    steps = dict(story)
    for receipt in receipts:
        key = (receipt.order_version, receipt.step, receipt.attempt)
        seen = Seen(receipt.at.astimezone(dt.UTC), receipt.outcome.value, receipt.answer or "")
        steps[key] = max(seen, steps.get(key, seen))
    return steps


def told_of(story: Story) -> Told | None:
    """What was told: of the newest version that was delivered, else of the newest that anything was sent of."""
    sent = {key: seen for key, seen in story.items() if key[1] in _SENT}
    if not sent:
        return None
    delivered = {key: seen for key, seen in sent.items() if key[1] == "delivered"}
    newest = max(version for version, _, _ in delivered or sent)
    answer = max((seen.at, seen.answer) for (version, _, _), seen in (delivered or sent).items() if version == newest)[1]
    return Told(newest, answer, bool(delivered))


def last_of(story: Story) -> Last:
    """The newest step; of several at one time the one that tells most."""
    at, _, step, outcome = max((seen.at, _RANK[step], step, seen.outcome) for (_, step, _), seen in story.items())
    return Last(at, step, outcome)


def attempts_of(story: Story) -> int:
    """How often the court's endpoint was tried."""
    tried: tuple[Literal["attempted", "delivered"], ...] = ("attempted", "delivered")
    return len({(version, attempt) for version, step, attempt in story if step in tried})


def counts_of(story: Story) -> Counts:
    """How many steps went how."""
    return Counter((step, seen.outcome) for (_, step, _), seen in story.items())
