"""The demo's last word: what had to reach the courts, what did, and what must not have.

A pair counts as due from the moment its order was in force everywhere. Between an order's sending and that moment either
answer is right. So it is around a release: a sighting still on its way when the release takes effect is judged without that
order. After a release is in force everywhere none may be delivered, whenever it was seen. A hit that was held back by the
fence, because its order had been released before it could be delivered (a worker was dead, say), has a receipt that says so.
What was told of an order that was released must be withdrawn. A repetition is told by its matter: its receipt names that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from connectors.courts.receiver import Received
from synthetic.truth import Expected


@dataclass(frozen=True, slots=True)
class Sent:
    """A pair of the truth, and when its sighting was sent (seconds of ``time.time``)."""

    pair: Expected
    at_s: float


@dataclass(slots=True)
class Life:
    """What the demo did to one order and when; None where it did not. Seconds of ``time.time``."""

    placed_s: float
    in_force_s: float | None = None
    release_sent_s: float | None = None
    released_s: float | None = None


@dataclass(slots=True)
class Result:
    """Hit ids by what they were; ``either`` counts pairs for which both answers were right."""

    due: int = 0
    found: int = 0
    either: int = 0
    missed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    after_release: list[str] = field(default_factory=list)
    not_withdrawn: list[str] = field(default_factory=list)
    grouped: int = 0
    withdrawn: int = 0
    repeated: int = 0

    @property
    def is_clean(self) -> bool:
        return not (self.missed or self.false or self.wrong or self.after_release or self.not_withdrawn)


def judge_run(
    sent: Iterable[Sent],
    lives: Mapping[str, Life],
    received: Mapping[str, Received],
    fenced: Collection[str] = (),
    passage_s: float = 0.0,
    held: Collection[str] = (),
    withdrawn: Collection[str] = (),
) -> Result:
    """Reconcile a run against the truth.

    ``received`` is by hit id; ``fenced`` are the hits whose receipt says that their order was released, ``held`` those whose
    receipt says that their matter tells of them, ``withdrawn`` those that the court was told are void.
    ``passage_s`` (seconds): how long a sighting may take to its judgement.
    """
    result = Result(repeated=sum(hit.times - 1 for hit in received.values()), withdrawn=len(withdrawn))
    known: dict[str, Expected] = {}
    for one in sent:
        pair = one.pair
        known[pair.hit_id] = pair
        hit = received.get(pair.hit_id)
        if hit is not None and _judged(pair) != (hit.order_id, hit.measure, hit.certainty, hit.instruction):
            result.wrong.append(pair.hit_id)
        if _is_due(one, lives[pair.order_id], pair.hit_id in fenced, passage_s):
            result.due += 1
            if hit is None and pair.hit_id in held:
                result.found += 1
                result.grouped += 1
            elif hit is None:
                result.missed.append(pair.hit_id)
            else:
                result.found += 1
        else:
            result.either += 1
    for hit_id, hit in received.items():
        pair_ = known.get(hit_id)
        if pair_ is None:
            result.false.append(hit_id)
            continue
        released = lives[pair_.order_id].released_s
        if released is not None and hit.at.timestamp() > released:
            result.after_release.append(hit_id)
        if lives[pair_.order_id].release_sent_s is not None and hit_id not in withdrawn:
            result.not_withdrawn.append(hit_id)
    return result


def _is_due(sent: Sent, life: Life, fenced: bool, passage_s: float) -> bool:
    if life.in_force_s is None or sent.at_s <= life.in_force_s:
        return False
    return life.release_sent_s is None or (sent.at_s + passage_s < life.release_sent_s and not fenced)


def _judged(pair: Expected) -> tuple[str, str, str, str]:
    return pair.order_id, pair.measure, pair.certainty, pair.instruction
