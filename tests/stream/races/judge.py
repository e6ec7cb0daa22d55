"""The last word on a run: what was sent and when, held against the log and against what the courts received.

Pure. Each failure is a sentence with the ids that one looks for in the log.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from stream.core.delivery import Reason, Receipt
from stream.core.due import due_of
from stream.core.hit import Hit
from stream.core.instruction import StationInstruction, instruction_id
from stream.core.story import Story, contribution_of, ended, is_being_withdrawn, is_withdrawn, newest, told_on
from tests.stream.races.schedule import Order, Sight

HIT, WITHDRAWAL = "chakong.hit.v1", "chakong.withdrawal.v1"
SLACK: Final = dt.timedelta(milliseconds=250)
"""From the fence's answer to the start of the attempt that it let pass, in a worker that others take the processor from."""
PASSAGE_S: Final = 60.0
"""A sighting is judged so long after it was sent at the latest, though workers die on the way."""
_NOT_SENT: Final = (Reason.CIRCUIT_OPEN, Reason.BUSY, Reason.NOT_SENT)
_AT_HOME: Final = (Reason.BUSY, Reason.NOT_SENT)
"""What has nothing to do with the endpoint."""
_SEES_RELEASE: Final = ("skipped", "recalled", "withdrawing")


class Arrival(NamedTuple):
    """A notification as it came to a court, each time it came."""

    at: dt.datetime
    type: str
    subject: str
    order_id: str


class Sent(NamedTuple):
    """An order's version and when it was sent; ``in_force_s``: from when it counted everywhere. Seconds of ``time.time``."""

    order: Order
    at_s: float
    in_force_s: float | None


class Pair(NamedTuple):
    """A sighting and an order that sought, in one of its versions, whom it is of; sent at ``at_s`` of ``time.time``."""

    hit_id: str
    order_id: str
    sight: Sight
    at_s: float


@dataclass(frozen=True, slots=True)
class Log:
    """What is there when all is quiet. ``released_at``: order id to when the index had its release."""

    hits: Sequence[Hit] = ()
    receipts: Sequence[Receipt] = ()
    instructions: Sequence[StationInstruction] = ()
    arrivals: Sequence[Arrival] = ()
    released_at: Mapping[str, dt.datetime] = field(default_factory=dict)

    def stories(self) -> dict[str, Story]:
        """Every hit's story, as its receipts tell it."""
        of: dict[str, list[Receipt]] = {}
        for receipt in self.receipts:
            of.setdefault(receipt.hit_id, []).append(receipt)
        return {hit_id: told_on({}, receipts) for hit_id, receipts in of.items()}


def judged(sent: Sequence[Sent], pairs: Sequence[Pair], log: Log, *, attempt_s: float, steady: Collection[str]) -> list[str]:
    """Everything that is wrong.

    ``sent``: every version of every order, in any order. ``pairs``: every pair that could ever be a hit. ``attempt_s``: how
    long an attempt takes at most. ``steady``: courts that never failed.
    """
    return list(_Judge(sent, pairs, log, attempt_s, steady).failures())


class _Judge:
    def __init__(
        self, sent: Sequence[Sent], pairs: Sequence[Pair], log: Log, attempt_s: float, steady: Collection[str]
    ) -> None:
        self._versions: dict[str, list[Sent]] = defaultdict(list)
        for one in sorted(sent, key=lambda one: one.order.version):
            self._versions[one.order.id].append(one)
        self._pairs, self._log, self._steady = {pair.hit_id: pair for pair in pairs}, log, steady
        self._attempt = dt.timedelta(seconds=attempt_s)
        self._stories = log.stories()
        self._hits = {hit.id: hit for hit in sorted(log.hits, key=lambda hit: hit.order_version)}
        self._told = {one.subject for one in log.arrivals if one.type == HIT}
        self._withdrawn = {one.subject for one in log.arrivals if one.type == WITHDRAWAL}

    def failures(self) -> Iterator[str]:
        yield from self._late_attempts()
        yield from self._troubled()
        for hit_id, hit in self._hits.items():
            if hit_id not in self._pairs:
                yield f"hit {hit_id} of {hit.order_id}: no order ever sought whom it tells of"
                continue
            story = self._stories.get(hit_id, {})
            for wrong in (*self._unfinished(hit, story), *self._wrongly_told(hit, story)):
                yield f"hit {hit_id} of {hit.order_id}: {wrong}: {_words(story)}"
        for arrival in self._log.arrivals:
            if arrival.type == HIT and arrival.subject not in self._hits:
                yield f"hit {arrival.subject} of {arrival.order_id}: it was told and is not in the log"
        yield from self._missed()
        yield from self._instructions()

    # -- (a) the fence ---------------------------------------------------------------------------------------------------

    def _late_attempts(self) -> Iterator[str]:
        """Once anybody has seen a release, no attempt to tell a hit of its order starts."""
        fenced = dict(self._log.released_at)
        for receipt in self._log.receipts:
            if receipt.step in _SEES_RELEASE and receipt.outcome is Reason.ORDER_RELEASED:
                fenced[receipt.order_id] = min(receipt.at, fenced.get(receipt.order_id, receipt.at))
        for receipt in self._log.receipts:
            if receipt.step in ("attempted", "delivered") and receipt.outcome not in _NOT_SENT and receipt.order_id in fenced:
                after = receipt.at - dt.timedelta(seconds=receipt.took_s) - fenced[receipt.order_id]
                if after > SLACK:
                    yield f"hit {receipt.hit_id} of {receipt.order_id}: an attempt started {after} after its release was seen"
        for arrival in self._log.arrivals:  # of a worker that died in the attempt there is no receipt
            if arrival.type == HIT and arrival.order_id in fenced:
                after = arrival.at - fenced[arrival.order_id]
                if after > SLACK + self._attempt:
                    yield f"hit {arrival.subject} of {arrival.order_id}: it came {after} after its release was seen"

    def _troubled(self) -> Iterator[str]:
        """A court that never failed must not notice that others do: its own hits alone may be too many at once (``busy``)."""
        for receipt in self._log.receipts:
            court = self._versions[receipt.order_id][0].order.court if receipt.order_id in self._versions else ""
            if court in self._steady and receipt.step == "attempted" and receipt.outcome not in _AT_HOME:
                yield f"hit {receipt.hit_id} of {receipt.order_id}: {receipt.outcome} at a court that never failed"

    # -- (b) every hit's story ends --------------------------------------------------------------------------------------

    def _unfinished(self, hit: Hit, story: Story) -> Iterator[str]:
        if not story:
            yield "nothing is on record"
            return
        due = due_of(story)
        if due is not None and due.what in ("attempt", "withdraw"):
            yield f"its {due.what} is left open"
        held = newest(story, "held")
        if not ended(story, hit.order_version) and held is None:
            yield "it ended without a reason"
        if held is not None and not ended(story, hit.order_version):
            carrier = self._stories.get(held.notification, {})
            if not any(step in ("held", "planned", "skipped") for _, step, _ in carrier):
                yield f"it is held, and {held.notification} does not tell of it"

    # -- (c) every hit that must be --------------------------------------------------------------------------------------

    def _missed(self) -> Iterator[str]:
        for pair in self._pairs.values():
            if pair.hit_id not in self._hits and self._is_due(pair):
                yield f"hit {pair.hit_id} of {pair.order_id}: it never came"

    def _is_due(self, pair: Pair) -> bool:
        """Its order was in force everywhere, and sought this person from then on until it must have been judged."""
        versions = self._versions[pair.order_id]
        in_force = [one for one in versions if one.in_force_s is not None and one.in_force_s < pair.at_s]
        later = [one for one in versions if in_force and one.order.version > in_force[-1].order.version]
        counted = [*in_force[-1:], *(one for one in later if one.at_s < pair.at_s + PASSAGE_S)]
        return bool(counted) and all(one.order.passport == pair.sight.passport for one in counted)

    # -- (d) one order's end is its own ----------------------------------------------------------------------------------

    def _wrongly_told(self, hit: Hit, story: Story) -> Iterator[str]:
        passports = [one.order.passport for one in self._versions[hit.order_id]]
        seeks, released = self._seeks(hit.id), passports[-1] is None
        if released and hit.id in self._told and not (hit.id in self._withdrawn and is_withdrawn(story)):
            yield "it was told, its order is released, and it was not withdrawn"
        if hit.id in self._withdrawn and set(passports) == {self._pairs[hit.id].sight.passport}:
            yield "it was withdrawn, and its order has never changed in that"
        if seeks and is_being_withdrawn(story):
            yield "it was withdrawn last, and its order is in force"
        if seeks and hit.id not in self._told and newest(story, "held") is None:
            yield "its order is in force, and it was not told"
        part = contribution_of(story)
        if part is not None and part.active is not seeks:
            yield f"its part in its station's instruction is {'active' if part.active else 'recalled'}"

    def _seeks(self, hit_id: str) -> bool:
        """Whether the newest version of a hit's order seeks whom it tells of."""
        pair = self._pairs[hit_id]
        return self._versions[pair.order_id][-1].order.passport == pair.sight.passport

    def _instructions(self) -> Iterator[str]:
        """A station holds, for each sighting, the record of the highest revision: it names whoever asks, and nobody else."""
        held: dict[str, StationInstruction] = {}
        for record in self._log.instructions:
            before = held.get(record.id)
            if before is None or record.revision >= before.revision:
                held[record.id] = record
        asking: dict[str, set[str]] = defaultdict(set)
        for hit_id, story in self._stories.items():
            part = contribution_of(story)
            if hit_id in self._pairs and part is not None:
                asking[instruction_id(self._hits[hit_id])] |= {hit_id} if part.active else set()
        for id_, hit_ids in asking.items():
            instruction = held.get(id_)
            named = set(instruction.hit_ids) if instruction is not None and instruction.state == "active" else set()
            if named != hit_ids:
                yield f"instruction {id_}: it names {sorted(named)}, and {sorted(hit_ids)} ask for it"


def _words(story: Story) -> str:
    """A story as one reads it: by time, each step with its version, its attempt and its outcome."""
    steps = sorted((seen.at, version, step, attempt, seen.outcome) for (version, step, attempt), seen in story.items())
    return ", ".join(f"{at:%M:%S.%f} v{version} {step} {attempt} {outcome}" for at, version, step, attempt, outcome in steps)
