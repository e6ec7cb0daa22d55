"""Reachability: when an endpoint is due for a test, and what its tests say of it (topic ``reachability``).

A test is a signed event like any other, and asks for an answer. That a machine took it and that somebody answered it are two
things, and are kept apart. Pure: the moment is passed in. Any order and any repeats of the same steps say the same.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from pydantic import Field, ValidationError

from matchers.wire import Message, NonEmpty, Timestamp, UnreadableError, read_object, reason
from stream.core.delivery import Reason
from stream.core.escalation import Level

TEST_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:chakong:test")
AGAIN_AFTER: Final = dt.timedelta(minutes=15)
"""A test that no machine took is sent again after so long."""
CLAIM: Final = dt.timedelta(seconds=60)
"""A test that a worker began to send, and of which nothing came, is sent again after so long: nobody else has it before."""
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DIGITS: Final = 8

ReachStep = Literal["asked", "taken", "failed", "answered"]


class Reach(StrEnum):
    """What is known of whether an endpoint reaches anybody."""

    ANSWERED = "answered"
    TAKEN_ONLY = "taken_only"
    UNANSWERED = "unanswered"
    FAILING = "failing"
    NEVER_TESTED = "never_tested"


UNREACHABLE: Final = frozenset({Reach.UNANSWERED, Reach.FAILING})
"""What is known to reach nobody. An endpoint whose answer may still come is not among them."""


class Rhythm(NamedTuple):
    """How often an endpoint is sent a test, and how soon an answer is expected."""

    every: dt.timedelta
    answer_within: dt.timedelta


class ReachRecord(Message):
    """One step of a test, on the topic ``reachability`` keyed by the endpoint's digest. It holds no address and no name."""

    test_id: NonEmpty
    endpoint: NonEmpty = Field(description="a digest that tells nothing of the endpoint; another URL has another")
    court: NonEmpty = Field(description="as the endpoints file has it: a court's code, a province, `nation`, or `*`")
    level: Level
    channel: NonEmpty
    step: ReachStep = Field(
        description="`asked`: on record before an attempt; `taken`: a machine has it; `answered`: somebody read it"
    )
    at: Timestamp
    answer_by: Timestamp = Field(description="until when an answer was expected")
    outcome: Reason | None = Field(default=None, description="of `failed`: why; of `answered`: what was answered")


class Asked(NamedTuple):
    """A test that was begun; sent again, it was begun then."""

    at: dt.datetime
    test_id: str
    answer_by: dt.datetime


class Noted(NamedTuple):
    """The latest step of a kind: when, of which test, and how it went."""

    at: dt.datetime
    test_id: str
    outcome: Reason | None = None


class Seen(NamedTuple):
    """What is on record of one endpoint: its last two tests, the newest first, and the latest of each other step."""

    asked: tuple[Asked, ...] = ()
    taken: Noted | None = None
    failed: Noted | None = None
    answered: Noted | None = None


class Ask(NamedTuple):
    """A test to be sent now, and until when an answer to it is expected."""

    test_id: str
    answer_by: dt.datetime


def read_record(raw: bytes) -> ReachRecord:
    """A record of ``reachability``.

    Raises:
        UnreadableError: it cannot be read; the text holds none of its values.
    """
    try:
        return ReachRecord.model_validate(read_object(raw))
    except ValidationError as error:
        raise UnreadableError("invalid_reachability", reason(error)) from None


def seen_of(records: Iterable[ReachRecord]) -> Seen:
    """What records of one endpoint say together."""
    asked: dict[str, Asked] = {}
    latest: dict[ReachStep, Noted] = {}
    for record in records:
        if record.step == "asked":
            one = Asked(record.at, record.test_id, record.answer_by)
            asked[record.test_id] = max(asked.get(record.test_id, one), one)
        else:
            noted = Noted(record.at, record.test_id, record.outcome)
            latest[record.step] = max(latest.get(record.step, noted), noted, key=lambda step: (step.at, step.test_id))
    newest = tuple(sorted(asked.values(), reverse=True)[:2])
    return Seen(newest, latest.get("taken"), latest.get("failed"), latest.get("answered"))


def due(endpoint: str, seen: Seen, now: dt.datetime, rhythm: Rhythm) -> Ask | None:
    """The test that an endpoint, by its digest, is to be sent now; None: nothing.

    One test a period, which begins at a moment of the endpoint's own, and none while the answer to the one before may still
    come. The id follows from endpoint and period: whoever sends it again sends the same.
    """
    test_id = _test_id(endpoint, (now - _EPOCH - _spread(endpoint, rhythm.every)) // rhythm.every)
    if seen.asked and not _may_ask(seen, seen.asked[0], test_id, now):
        return None
    return Ask(test_id, now + rhythm.answer_within)


def _may_ask(seen: Seen, last: Asked, test_id: str, now: dt.datetime) -> bool:
    """Whether the test of this period may be sent, after the last one that was begun."""
    if _is_taken(seen, last):
        return last.test_id != test_id and (now >= last.answer_by or _is_answered(seen, last))
    if last.test_id != test_id:
        return True
    if seen.failed is None or seen.failed.at < last.at:  # nothing came of it: whoever sent it may have died
        return now >= last.at + CLAIM
    return seen.failed.outcome is not Reason.ENDPOINT_GONE and now >= seen.failed.at + AGAIN_AFTER


def reach(seen: Seen, now: dt.datetime) -> Reach:
    """What the tests of an endpoint say of it now."""
    if not seen.asked:
        return Reach.NEVER_TESTED
    if seen.failed is not None and all(one is None or one.at < seen.failed.at for one in (seen.taken, seen.answered)):
        return Reach.FAILING
    last = seen.asked[0]
    if _is_answered(seen, last):
        return Reach.ANSWERED
    if now >= last.answer_by:
        return Reach.UNANSWERED
    if len(seen.asked) > 1:  # the answer to the last one may still come: what the one before said stands
        return Reach.ANSWERED if _is_answered(seen, seen.asked[1]) else Reach.UNANSWERED
    return Reach.TAKEN_ONLY if seen.taken is not None else Reach.NEVER_TESTED


def _is_answered(seen: Seen, test: Asked) -> bool:
    """Whether anybody has answered the test, whatever their clock said, or since it was begun an older one: they read."""
    return seen.answered is not None and (seen.answered.at >= test.at or seen.answered.test_id == test.test_id)


def _is_taken(seen: Seen, test: Asked) -> bool:
    return _is_answered(seen, test) or (seen.taken is not None and seen.taken.test_id == test.test_id)


def _spread(endpoint: str, every: dt.timedelta) -> dt.timedelta:
    """Where in a period an endpoint's own begins, so that not all are asked at once."""
    return every * (int(endpoint[:_DIGITS], 16) / 16**_DIGITS)


def _test_id(endpoint: str, number: int) -> str:
    return str(uuid.uuid5(TEST_NAMESPACE, json.dumps([endpoint, number], separators=(",", ":"))))
