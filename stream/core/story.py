"""A hit's story: what its receipts say, taken together. The same for any order and number of repeats in which they come.

Whatever else the ledger shows is a function of one story: what was told, when the hit is due again, its part in its matter
and in its station's instruction.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

import msgspec

from stream.core.delivery import Facts, Reason, Receipt, Step
from stream.core.escalation import Level

StepKey = tuple[int, Step, int]
"""Order version, step and attempt: a receipt's identity within its hit. A repeat is the same step seen again."""

_SENT: Final[tuple[Step, ...]] = ("instructed", "attempted", "delivered")
_ENDED: Final[tuple[Step, ...]] = ("delivered", "undeliverable", "skipped")
_RANK: Final[dict[Step, int]] = {
    "planned": 0,
    "held": 1,
    "instructed": 2,
    "skipped": 3,
    "attempting": 4,
    "attempted": 5,
    "undeliverable": 6,
    "delivered": 7,
    "escalated": 8,
    "confirmed": 9,
    "recalled": 10,
    "withdrawing": 11,
    "withdrawn": 12,
}


class Known(msgspec.Struct, frozen=True, array_like=True):
    """The facts of a hit, as a story keeps them."""

    partition: int
    offset: int
    court: str
    instruction_id: str
    slot: str
    respond_within_s: int
    group_within_s: int
    expires_at: dt.datetime
    chain: tuple[Level, ...] = ()


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """When and how a step went. Of several receipts of one step the latest counts."""

    at: dt.datetime
    outcome: str
    answer: str = ""
    next_at: dt.datetime | None = None
    notification: str = ""
    matter: str = ""
    may_have_arrived: bool = False
    known: Known | None = None


class Told(NamedTuple):
    """What was told of a hit: the version that was last delivered (or sent, if none was) and the digest of what it said."""

    version: int
    answer: str
    delivered: bool


class Last(NamedTuple):
    """The newest step of a story."""

    at: dt.datetime
    step: Step
    outcome: str


class Mark(NamedTuple):
    """A hit's part in a repetition: told, or to be told at ``until`` for all that come before that, or carried by another."""

    role: Literal["told", "carries", "grouped"]
    matter: str
    at: dt.datetime
    until: dt.datetime


class Contribution(NamedTuple):
    """A hit's part in its station's instruction. ``changes``: how often it was given or recalled."""

    active: bool
    changes: int
    partition: int
    offset: int


Story = Mapping[StepKey, Seen]
"""Every step that was taken for one hit."""
Counts = Counter[tuple[Step, str]]


def told_on(story: Story, receipts: Iterable[Receipt]) -> dict[StepKey, Seen]:
    """The story with these receipts taken over."""
    steps = dict(story)
    for receipt in receipts:
        key = (receipt.order_version, receipt.step, receipt.attempt)
        seen = _seen(receipt)
        before = steps.get(key, seen)
        steps[key] = max(before, seen, key=_rank)
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


def newest(story: Story, step: Step) -> Seen | None:
    """The step of the highest order version, and of its highest attempt."""
    found = [(key, seen) for key, seen in story.items() if key[1] == step]
    return max(found, key=lambda item: item[0])[1] if found else None


def version_of(story: Story) -> int:
    """The highest order version that the story tells of."""
    return max(version for version, _, _ in story)


def known_of(story: Story) -> Known | None:
    """The facts of the newest version."""
    found = [(key, seen.known) for key, seen in story.items() if seen.known is not None]
    return max(found, key=lambda item: item[0])[1] if found else None


def may_be_known(story: Story) -> bool:
    """Whether the court may know of the hit: it was delivered, or an attempt was made whose outcome is not sure."""
    return bool(_arrivals(story))


def attempts_of(story: Story) -> int:
    """The number of the last attempt at the court's endpoints."""
    return max((attempt for _, step, attempt in story if step in ("attempting", "attempted", "delivered")), default=0)


def last_of(story: Story) -> Last:
    """The newest step; of several at one time the one that tells most."""
    at, _, step, outcome = max((seen.at, _RANK[step], step, seen.outcome) for (_, step, _), seen in story.items())
    return Last(at, step, outcome)


def counts_of(story: Story) -> Counts:
    """How many steps went how."""
    return Counter((step, seen.outcome) for (_, step, _), seen in story.items())


def ended(story: Story, version: int) -> bool:
    """Whether nothing more is tried for this version."""
    return any(of == version and step in _ENDED for of, step, _ in story)


def waits(story: Story) -> bool:
    """Whether the hit waits in the ledger: for its matter's window to end, or for its next attempt."""
    if not story or ended(story, version := version_of(story)):
        return False
    tried = last_attempt(story)
    if tried is not None:
        return tried.next_at is not None
    return (version, "held", 0) in story and (version, "planned", 0) not in story


def last_attempt(story: Story) -> Seen | None:
    """The last attempt for the newest version that failed, or was begun and has no outcome."""
    version = version_of(story)
    tried = [
        (attempt, seen)
        for (of, step, attempt), seen in story.items()
        if of == version and (step == "attempted" or (step == "attempting" and not _has_outcome(story, of, attempt)))
    ]
    return max(tried, key=lambda item: item[0])[1] if tried else None


def is_withdrawn(story: Story) -> bool:
    """Whether the court was told last that the hit is void, or there was nobody to tell it to."""
    return _taken_back(story, ("withdrawn",))


def is_being_withdrawn(story: Story) -> bool:
    """Whether what the court was told last is being taken back, or has been."""
    return _taken_back(story, ("withdrawing", "withdrawn"))


def is_void(story: Story) -> bool:
    """Whether the hit is one no more: its order was released, or amended so, and no news of a later version is on its way."""
    taken_back = max((version for version, step, _ in story if step in ("withdrawing", "withdrawn")), default=0)
    return is_released(story) or (is_being_withdrawn(story) and not is_superseded(story, taken_back))


def is_superseded(story: Story, version: int) -> bool:
    """Whether the court is told anew under a later version, which takes the place of whatever an amendment called for."""
    return any(of > version and step == "planned" for of, step, _ in story)


def _taken_back(story: Story, steps: tuple[Step, ...]) -> bool:
    """Whether one of these steps was taken, and the last of them after whatever arrived.

    What an amendment called for takes back what was told before: news of a later version stands, though the withdrawal arrived
    after that. A release takes back every version.
    """
    least = known_version(story)
    released_at = min((seen.at for seen in story.values() if seen.outcome == Reason.ORDER_RELEASED), default=None)
    taken = [
        seen.at
        for (version, step, _), seen in story.items()
        if step in steps and (version >= least or (released_at is not None and seen.at >= released_at))
    ]
    return bool(taken) and max(taken) >= max((at for _, at in _arrivals(story)), default=max(taken))


def known_version(story: Story) -> int:
    """The highest order version under which the court knows of the hit, or may; 0: under none."""
    return max((version for version, _ in _arrivals(story)), default=0)


def _arrivals(story: Story) -> list[tuple[int, dt.datetime]]:
    """Under which version and when the news arrived, or may have: an attempt that was begun and has no outcome is one, too."""
    return [
        (version, seen.at)
        for (version, step, attempt), seen in story.items()
        if step == "delivered"
        or (step == "attempted" and seen.may_have_arrived)
        or (step == "attempting" and not _has_outcome(story, version, attempt))
    ]


def _has_outcome(story: Story, version: int, attempt: int) -> bool:
    return (version, "attempted", attempt) in story or (version, "delivered", attempt) in story


def is_released(story: Story) -> bool:
    """Whether the story says that the order was released, which is final."""
    return any(seen.outcome == Reason.ORDER_RELEASED for seen in story.values())


def mark_of(story: Story) -> Mark | None:
    """The hit's part in its matter; None where it is in none."""
    known, held, planned = known_of(story), newest(story, "held"), newest(story, "planned")
    if known is None or not known.group_within_s:
        return None
    if planned is not None:
        until = planned.at + dt.timedelta(seconds=known.group_within_s)
        return Mark("told", planned.matter, planned.at, until)
    if held is None or held.next_at is None:
        return None
    return Mark("carries" if held.outcome == Reason.CARRIES else "grouped", held.matter, held.at, held.next_at)


def contribution_of(story: Story) -> Contribution | None:
    """The hit's part in its station's instruction; None before it was given."""
    known = known_of(story)
    given = [version for version, step, _ in story if step == "instructed"]
    recalled = [version for version, step, _ in story if step == "recalled"]
    if known is None or not given:
        return None
    active = not recalled or max(given) > max(recalled)
    return Contribution(active, len(given) + len(recalled), known.partition, known.offset)


def _seen(receipt: Receipt) -> Seen:
    facts: Facts | None = receipt.facts
    known = None
    if facts is not None:
        partition, offset = facts.hit_at
        known = Known(
            partition,
            offset,
            facts.court,
            facts.instruction_id,
            facts.slot,
            facts.respond_within_s,
            facts.group_within_s,
            _utc(facts.expires_at),
            facts.chain,
        )
    return Seen(
        _utc(receipt.at),
        receipt.outcome.value,
        receipt.answer or "",
        None if receipt.next_at is None else _utc(receipt.next_at),
        receipt.notification or "",
        receipt.matter or "",
        receipt.may_have_arrived,
        known,
    )


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC)


def _rank(seen: Seen) -> tuple[dt.datetime, bytes]:
    return seen.at, msgspec.msgpack.encode(seen)
