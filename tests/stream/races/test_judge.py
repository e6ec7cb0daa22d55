"""The judge of the races finds each way of being wrong, and forgives only what either answer is right for."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from stream.core.delivery import Facts, Reason, Receipt, Step
from stream.core.hit import Hit
from stream.core.instruction import StationInstruction, instruct, instruction_id
from tests.stream.core.hits import AT, hit
from tests.stream.races.judge import HIT, WITHDRAWAL, Arrival, Log, Pair, Sent, judged
from tests.stream.races.schedule import STEADY, Order, Sight
from watchlists.policy import Policy

ATTEMPT_S = 2.0
OTHER = "440107"
A, B = hit("A"), hit("B")
T0 = AT.timestamp()


def sent(passport: str | None = "E1", *, order: str = "A", version: int = 1, at_s: float = -10, court: str = OTHER) -> Sent:
    in_force_s = T0 + at_s + 1
    return Sent(Order(order, version, court, passport, "1"), T0 + at_s, in_force_s)


def pair(of: Hit = A, at_s: float = 0.0) -> Pair:
    return Pair(of.id, of.order_id, Sight("1", "440106-H-0012", "E1"), T0 + at_s)


def receipt(step: Step, outcome: Reason, *, of: Hit = A, at_s: float = 1.0, attempt: int = 0, **more: Any) -> Receipt:
    facts = Facts(
        hit_at=(0, 0),
        court=of.court.code,
        instruction_id=instruction_id(of),
        slot="s",
        respond_within_s=600,
        group_within_s=3600,
        expires_at=AT,
    )
    return Receipt(
        hit_id=of.id,
        order_id=of.order_id,
        order_version=of.order_version,
        at=AT + dt.timedelta(seconds=at_s),
        step=step,
        outcome=outcome,
        attempt=attempt,
        facts=facts if step in ("planned", "held") else None,
        **more,
    )


def told(of: Hit = A, at_s: float = 1.0) -> list[Receipt]:
    return [
        receipt("planned", Reason.NEW, of=of, at_s=at_s, matter="m"),
        receipt("instructed", Reason.NEW, of=of, at_s=at_s),
        receipt("delivered", Reason.DELIVERED, of=of, at_s=at_s, attempt=1, took_s=0.1),
    ]


def withdrawn(of: Hit = A, at_s: float = 6.0) -> list[Receipt]:
    return [
        receipt("withdrawing", Reason.ORDER_RELEASED, of=of, at_s=at_s),
        receipt("recalled", Reason.ORDER_RELEASED, of=of, at_s=at_s),
        receipt("withdrawn", Reason.DELIVERED, of=of, at_s=at_s, attempt=1),
    ]


def arrival(type_: str = HIT, *, of: Hit = A, at_s: float = 1.0) -> Arrival:
    return Arrival(AT + dt.timedelta(seconds=at_s), type_, of.id, of.order_id)


def instruction(*hits: Hit, revision: int = 1, gone: bool = False) -> StationInstruction:
    return instruct(hits, Policy.national(), revision=revision, withdrawn=gone, at=AT)


RELEASE = sent(None, version=2, at_s=5)


def wrong(versions: list[Sent], pairs: list[Pair], log: Log) -> list[str]:
    return judged(versions, pairs, log, attempt_s=ATTEMPT_S, steady={STEADY})


def log(*receipts: Receipt, arrivals: list[Arrival] | None = None, hits: tuple[Hit, ...] = (A,), **more: Any) -> Log:
    given = more.pop("instructions", [instruction(A)])
    return Log(hits, receipts, given, [arrival()] if arrivals is None else arrivals, **more)


def test_told_is_right() -> None:
    assert wrong([sent()], [pair()], log(*told())) == []


RECALLED = [instruction(A), instruction(A, revision=2, gone=True)]
VOIDED = [arrival(), arrival(WITHDRAWAL, at_s=6)]


def test_told_and_withdrawn_with_its_order_is_right() -> None:
    found = log(*told(), *withdrawn(), arrivals=VOIDED, instructions=RECALLED)
    assert wrong([sent(), RELEASE], [pair()], found) == []


def test_a_second_order_of_the_same_person_that_stands_is_right() -> None:
    receipts = [*told(), *withdrawn(), *told(B)]
    found = log(
        *receipts, hits=(A, B), arrivals=[*VOIDED, arrival(of=B)], instructions=[instruction(A, B), instruction(B, revision=3)]
    )
    assert wrong([sent(), RELEASE, sent(order="B")], [pair(), pair(B)], found) == []


@pytest.mark.parametrize("in_redis", [False, True])
def test_an_attempt_that_starts_after_the_release_was_seen(in_redis: bool) -> None:
    again = receipt("attempted", Reason.REFUSED, at_s=8, attempt=2, took_s=0.5, may_have_arrived=True)
    seen = {"A": AT + dt.timedelta(seconds=7)} if in_redis else {}
    ended = withdrawn(at_s=9 if in_redis else 6)
    found = log(*told(), again, *ended, arrivals=VOIDED, instructions=RECALLED, released_at=seen)
    (words, *_) = wrong([sent(), RELEASE], [pair()], found)
    assert "an attempt started 0:00:0" in words


def test_an_attempt_that_was_under_way_when_the_release_was_seen_is_right() -> None:
    slow = receipt("delivered", Reason.DELIVERED, at_s=7, attempt=1, took_s=1.5)
    found = log(*told()[:2], slow, *withdrawn(at_s=8), arrivals=VOIDED, instructions=RECALLED)
    found = Log(found.hits, found.receipts, found.instructions, found.arrivals, {"A": AT + dt.timedelta(seconds=6)})
    assert wrong([sent(), RELEASE], [pair()], found) == []


def test_an_attempt_without_a_receipt_is_seen_at_the_court() -> None:
    found = log(*told(), *withdrawn(), arrivals=[*VOIDED, arrival(at_s=9)], instructions=RECALLED)
    (words,) = wrong([sent(), RELEASE], [pair()], found)
    assert "it came 0:00:03 after its release was seen" in words


def test_another_orders_release_shuts_no_fence() -> None:
    found = log(*told(), *told(B, at_s=20), *withdrawn(), hits=(A, B), arrivals=[*VOIDED, arrival(of=B, at_s=20)])
    found = Log(found.hits, found.receipts, [instruction(B, revision=3)], found.arrivals)
    assert wrong([sent(), RELEASE, sent(order="B")], [pair(), pair(B)], found) == []


@pytest.mark.parametrize(("court", "found"), [(STEADY, 1), (OTHER, 0)])
def test_a_court_that_never_failed_and_met_a_failure(court: str, found: int) -> None:
    failed = receipt("attempted", Reason.TIMED_OUT, at_s=0.5, attempt=0)
    assert len(wrong([sent(court=court)], [pair()], log(failed, *told()))) == found


def test_a_hit_without_a_story() -> None:
    assert any("nothing is on record" in words for words in wrong([sent()], [pair()], log(arrivals=[], instructions=[])))


def test_a_hit_that_waits_for_ever_is_open() -> None:
    waits = receipt("attempted", Reason.REFUSED, attempt=1, next_at=AT)
    words = wrong([sent()], [pair()], log(*told()[:2], waits))
    assert any("attempt is left open" in one for one in words)
    assert any("it ended without a reason" in one for one in words)


def test_a_withdrawal_that_is_owed_is_open() -> None:
    owed = receipt("withdrawing", Reason.ORDER_RELEASED, at_s=6, next_at=AT)
    recalled = receipt("recalled", Reason.ORDER_RELEASED, at_s=6)
    words = wrong([sent(), RELEASE], [pair()], log(*told(), owed, recalled, instructions=RECALLED))
    assert any("withdraw is left open" in one for one in words)
    assert any("its order is released, and it was not withdrawn" in one for one in words)


def test_undeliverable_with_a_reason_is_an_end() -> None:
    gone = receipt("undeliverable", Reason.ENDPOINT_GONE, attempt=1)
    words = wrong([sent()], [pair()], log(*told()[:2], gone, arrivals=[]))
    assert [one for one in words if "open" in one or "without a reason" in one] == []


def test_held_is_told_by_its_carrier() -> None:
    carried = [
        receipt("held", Reason.GROUPED, of=B, notification=A.id, matter="m"),
        receipt("instructed", Reason.GROUPED, of=B),
    ]
    both = {"hits": (A, B), "instructions": [instruction(A, B)]}
    orders, pairs = [sent(), sent(order="B")], [pair(), pair(B)]
    assert wrong(orders, pairs, log(*told(), *carried, **both)) == []
    lost = [carried[0].model_copy(update={"notification": "nobody"}), carried[1]]
    assert any("does not tell of it" in words for words in wrong(orders, pairs, log(*told(), *lost, **both)))


NOTHING = Log()


def test_missed() -> None:
    assert wrong([sent()], [pair()], NOTHING) == [f"hit {A.id} of A: it never came"]


@pytest.mark.parametrize(
    "versions",
    [
        [sent(at_s=-0.5)],
        [sent(), sent(None, version=2, at_s=5)],
        [sent(), sent(None, version=2, at_s=-0.5)],
        [sent(), sent("E2", version=2, at_s=5)],
        [sent("E2"), sent(version=2, at_s=-0.5)],
    ],
    ids=["not yet in force", "released soon", "just released", "amended soon", "just amended"],
)
def test_around_an_orders_beginning_and_end_either_answer_is_right(versions: list[Sent]) -> None:
    assert wrong(versions, [pair()], NOTHING) == []


def test_amended_to_seek_the_same_person_it_is_due() -> None:
    assert wrong([sent(), sent(version=2, at_s=0.5)], [pair()], NOTHING) == [f"hit {A.id} of A: it never came"]


def test_a_hit_that_no_order_ever_sought() -> None:
    (words,) = wrong([sent("E2")], [], log(*told()))
    assert "no order ever sought" in words


def test_told_and_not_in_the_log() -> None:
    assert any("it was told and is not in the log" in words for words in wrong([sent()], [], log(hits=(), instructions=[])))


def test_another_orders_end_withdrew_it() -> None:
    words = wrong([sent()], [pair()], log(*told(), *withdrawn(), arrivals=VOIDED, instructions=RECALLED))
    assert any("its order has never changed in that" in one for one in words)
    assert any("its order is in force" in one for one in words)
    assert any("instruction is recalled" in one for one in words)


def test_in_force_and_not_told() -> None:
    skipped = receipt("skipped", Reason.ORDER_CHANGED)
    words = wrong([sent()], [pair()], log(*told()[:2], skipped, arrivals=[]))
    assert any("its order is in force, and it was not told" in one for one in words)


def test_a_released_order_that_the_station_still_acts_for() -> None:
    found = log(*told(), *[one for one in withdrawn() if one.step != "recalled"], arrivals=VOIDED)
    words = wrong([sent(), RELEASE], [pair()], found)
    assert any("instruction is active" in one for one in words)


@pytest.mark.parametrize("held", [[], [instruction(A, B)], [instruction(A, revision=1), instruction(A, revision=2, gone=True)]])
def test_an_instruction_that_names_others_than_those_who_ask(held: list[StationInstruction]) -> None:
    (words,) = wrong([sent()], [pair()], log(*told(), instructions=held))
    assert "ask for it" in words
