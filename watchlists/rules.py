"""Provincial rules (S5.3): versions of one side's rules of one province, their history, and what counts at any instant.

A record of the topic ``rules`` is one whole version. When does it count? For what happens from ``Stored.counts_from`` on:
``effective_from``, but never sooner than ``MARGIN`` after Kafka took it in. Both times are in the log, so any replay finds the
same policy at the same instant, and a court can be told of any hit which rules judged it. The margin is what lets a worker be
sure: who held every record that there was at some moment knows every rule that counts until ``MARGIN`` after it.

What happened is judged by the rules of its own time, however late it comes or is searched for. The engine's own time bounds
that from above (``judged_at``), for a clock that is ahead must not borrow rules that may still change.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple

from pydantic import Field, ValidationError

from matchers.wire import Message, NonEmpty, Timestamp, UnreadableError, read_object, reason
from watchlists.overlay import CHARACTERS_MAX, SIDES, Overlay, Rules, Side
from watchlists.policy import Named, Policy

MARGIN: Final = dt.timedelta(seconds=10)
"""Between a record's arrival in Kafka and its effect. It is part of what the log means, so it is no setting."""
REASON_CHARACTERS_MAX: Final = 2000

Province = Annotated[str, Field(pattern=r"^(0[1-9]|[1-9][0-9])$")]
"""A GB/T 2260 two-digit code. ``00``, the nation, has the national policy and no rules beside it."""
Reason = Annotated[NonEmpty, Field(max_length=REASON_CHARACTERS_MAX)]


class Author(Message):
    """Who made a version, as the audit log knows them."""

    id: Annotated[NonEmpty, Field(max_length=CHARACTERS_MAX)]
    role: Annotated[str, Field(max_length=CHARACTERS_MAX)]


class RulesVersion(Message):
    """One version of one side's rules of one province, on the topic ``rules`` keyed by province; kept for ever.

    It replaces the version before it whole. A lower or equal version than the one held changes nothing.
    """

    id: NonEmpty = Field(description="this record's own: of two that were given one version, the first in the log counts")
    province: Province
    side: Side
    version: int = Field(strict=True, ge=1)
    at: Timestamp = Field(description="when the door took it in")
    by: Author
    reason: Reason
    effective_from: Timestamp = Field(description="it counts from then on, but not within ten seconds of its arrival in Kafka")
    rules: Rules

    @property
    def name(self) -> str:
        """What it is called in a policy's version."""
        return f"{self.province}.{self.side}.{self.version}"

    def overlay(self) -> Overlay:
        said = {part: getattr(self.rules, part) for part in Rules.model_fields}
        return Overlay(province=self.province, side=self.side, **said)


class Stored(NamedTuple):
    """A version, and when Kafka took it in."""

    version: RulesVersion
    stored_at: dt.datetime

    @property
    def counts_from(self) -> dt.datetime:
        return max(self.version.effective_from, self.stored_at + MARGIN)


class History:
    """Every version of every province's rules, in the order of the log; immutable."""

    def __init__(self, base: Policy, held: Mapping[str, tuple[Stored, ...]] = MappingProxyType({})) -> None:
        self.base: Final = base
        self._held: Final = held
        self._policies: Final[dict[int, Policy]] = {0: base}

    def having(self, version: RulesVersion, stored_at: dt.datetime) -> History:
        """This history and the next record of the log. The same one where the record changes nothing."""
        newest = self.newest(version.province, version.side)
        if newest is not None and version.version <= newest.version.version:
            return self
        versions = (*self.versions(version.province), Stored(version, stored_at))
        return History(self.base, {**self._held, version.province: versions})

    def at(self, instant: dt.datetime) -> Policy:
        """The policy at an instant: the nation's, narrowed by what counts then in each province."""
        number = bisect_right(self._begins, instant)
        policy = self._policies.get(number)
        if policy is None:
            policy = self._policies[number] = self.base.narrowed(self._counting(instant))
        return policy

    def versions(self, province: str) -> tuple[Stored, ...]:
        """Every version of both sides of a province, oldest first."""
        return self._held.get(province, ())

    def newest(self, province: str, side: Side) -> Stored | None:
        """The newest version of a side, whether or not it counts already."""
        return next((one for one in reversed(self.versions(province)) if one.version.side == side), None)

    def counting(self, province: str, side: Side, instant: dt.datetime) -> Stored | None:
        """The version of a side that counts at an instant: of those that have begun the newest."""
        begun = (one for one in reversed(self.versions(province)) if one.counts_from <= instant)
        return next((one for one in begun if one.version.side == side), None)

    @cached_property
    def _begins(self) -> list[dt.datetime]:
        """The instants at which something begins to count: between two of them the policy is one."""
        return sorted({stored.counts_from for versions in self._held.values() for stored in versions})

    def _counting(self, instant: dt.datetime) -> list[Named]:
        places = [(province, side) for province in sorted(self._held) for side in SIDES]
        found = (self.counting(province, side, instant) for province, side in places)
        return [Named(one.version.name, one.version.overlay()) for one in found if one is not None]


def judged_at(occurred_at: dt.datetime, detected_at: dt.datetime) -> dt.datetime:
    """The instant whose rules judge a sighting: its own, unless it claims to be of the future."""
    return min(occurred_at, detected_at)


def read_version(raw: bytes) -> RulesVersion:
    """A record of ``rules``.

    Raises:
        UnreadableError: it cannot be read; the text holds none of its values.
    """
    try:
        return RulesVersion.model_validate(read_object(raw))
    except ValidationError as error:
        raise UnreadableError("invalid_rules", reason(error)) from None
