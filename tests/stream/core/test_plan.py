"""The delivery plan, stage by stage: is it new, is it in force, when; and when a hit that waits is due again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.sighting import read_sighting
from stream.core.delivery import Facts, Reason, Receipt, Step, answer_of, fence
from stream.core.due import Due, due_of
from stream.core.hit import Hit, hit_id
from stream.core.instruction import instruction_id
from stream.core.matter import matter_id, matter_of, slot_of
from stream.core.plan import Hold, Plan, Skip, Tell, plan
from stream.core.resolve import resolve
from stream.core.story import Mark, Story, contribution_of, is_withdrawn, mark_of, may_be_known, told_on
from tests.factory import as_record, person_fields, sighting_fields
from tests.stream.core.hits import AT, hit
from tests.watchlists import orders
from watchlists.index import Standing, Watchlist
from watchlists.lifecycle import Decision, Held
from watchlists.policy import Policy

IN_FORCE = Standing(Held("440106", 1), None)
RELEASED = Standing(Held("440106", 2, released=True), None)
CHANGED = Standing(Held("440106", 2), None)
WINDOW_S = 600


def later(seconds: float) -> dt.datetime:
    return AT + dt.timedelta(seconds=seconds)


def grouped(number: int, **changes: Any) -> Hit:
    """A hit of the same order at the same station: a repetition."""
    fields = {"id": hit_id("ZX-1", "440106-H-0012", str(number)), "sighting": sighting_fields(id=str(number))}
    return hit(**{**fields, "group_within_s": WINDOW_S, **changes})


def facts(of: Hit) -> Facts:
    return Facts(
        hit_at=(0, 7),
        court=of.court.code,
        instruction_id=instruction_id(of),
        slot=slot_of(of),
        respond_within_s=of.respond_within_s,
        group_within_s=of.group_within_s,
        expires_at=of.expires_at,
    )


def receipt(of: Hit, step: Step, outcome: Reason, at_s: float = 0.0, **fields: Any) -> Receipt:
    return Receipt(
        hit_id=of.id,
        order_id=of.order_id,
        order_version=of.order_version,
        at=later(at_s),
        step=step,
        outcome=outcome,
        answer=answer_of(of),
        facts=facts(of) if step in ("planned", "held") else None,
        **fields,
    )


def story(*receipts: Receipt) -> Story:
    return told_on({}, receipts)


def planned(of: Hit, at_s: float = 0.0) -> Receipt:
    return receipt(of, "planned", Reason.NEW, at_s, matter=matter_id(of.id))


def test_a_new_hit_of_an_order_in_force_is_told_now() -> None:
    assert plan(hit(), {}, {}, IN_FORCE, AT) == Tell(Reason.NEW, matter_id(hit().id), update=False)


DELIVERED = receipt(hit(), "delivered", Reason.DELIVERED, attempt=1, may_have_arrived=True)
PARKED = receipt(hit(), "attempted", Reason.TIMED_OUT, attempt=1, next_at=later(60), may_have_arrived=True)
REFUSED_FOR_GOOD = receipt(hit(), "undeliverable", Reason.ENDPOINT_GONE, attempt=1)


@pytest.mark.parametrize(
    ("receipts", "standing", "version", "expected"),
    [
        ((DELIVERED,), IN_FORCE, 1, Skip(Reason.ALREADY_DELIVERED, recorded=True)),
        ((REFUSED_FOR_GOOD,), IN_FORCE, 1, Skip(Reason.ALREADY_DELIVERED, recorded=True)),
        ((planned(hit()), PARKED), IN_FORCE, 1, Skip(Reason.GROUPED, recorded=True)),
        ((DELIVERED,), CHANGED, 2, Skip(Reason.UNCHANGED, recorded=False)),
        ((), RELEASED, 1, Skip(Reason.ORDER_RELEASED, recorded=False)),
        ((), CHANGED, 1, Skip(Reason.ORDER_CHANGED, recorded=False)),
        ((planned(hit()),), IN_FORCE, 1, Tell(Reason.NEW, matter_id(hit().id), update=False)),
        ((planned(hit()), PARKED), CHANGED, 2, Tell(Reason.UPDATE, matter_id(hit().id), update=True)),
    ],
)
def test_what_is_on_record_decides(receipts: Iterable[Receipt], standing: Standing, version: int, expected: Plan) -> None:
    assert plan(hit(version=version), story(*receipts), {}, standing, AT) == expected


def test_an_update_with_another_answer_is_told_even_within_a_window() -> None:
    before, now = grouped(1), grouped(1, order_version=2, instruction="report_only")
    told = story(planned(before), receipt(before, "delivered", Reason.DELIVERED, attempt=1))
    other = Mark("carries", "m", AT, later(WINDOW_S))
    assert plan(now, told, {"another": other}, CHANGED, AT) == Tell(Reason.UPDATE, "m", update=True)


# -- repetition -----------------------------------------------------------------------------------------------------------


def run_of(times_s: list[float]) -> tuple[list[Plan], dict[str, Story]]:
    """What is decided about one hit after another at these seconds; a window that ends in between is told of."""
    stories: dict[str, Story] = {}
    plans: list[Plan] = []
    for number, at_s in enumerate(times_s):
        now = grouped(number)
        for hit_id_, told in list(stories.items()):
            due = due_of(told)
            if due is not None and due.what == "carry" and due.at <= later(at_s):
                carrier = next(one for one in map(grouped, range(number)) if one.id == hit_id_)
                again = receipt(
                    carrier,
                    "planned",
                    Reason.REPEATED,
                    (due.at - AT).total_seconds(),
                    matter=mark_of(told).matter,  # type: ignore[union-attr]
                )
                stories[hit_id_] = told_on(told, [again])
        marks = {hit_id_: mark for hit_id_, told in stories.items() if (mark := mark_of(told)) is not None}
        decided = plan(now, {}, marks, IN_FORCE, later(at_s))
        plans.append(decided)
        if isinstance(decided, Hold):
            held = receipt(
                now, "held", decided.why, at_s, matter=decided.matter, notification=decided.carrier, next_at=decided.until
            )
            stories[now.id] = story(held)
        elif isinstance(decided, Tell):
            stories[now.id] = story(receipt(now, "planned", decided.why, at_s, matter=decided.matter))
    return plans, stories


def test_repeats_within_the_window_are_one_matter_and_the_first_of_them_carries_it() -> None:
    plans, stories = run_of([0, 10, 20, WINDOW_S - 1])
    first, carrier = grouped(0), grouped(1)
    matter = matter_id(first.id)
    assert plans == [
        Tell(Reason.NEW, matter, update=False),
        Hold(Reason.CARRIES, matter, carrier.id, later(WINDOW_S)),
        Hold(Reason.GROUPED, matter, carrier.id, later(WINDOW_S)),
        Hold(Reason.GROUPED, matter, carrier.id, later(WINDOW_S)),
    ]
    assert [due_of(told) for told in stories.values()] == [None, Due(later(WINDOW_S), "carry"), None, None]
    listed = matter_of(matter, {hit_id_: mark for hit_id_, told in stories.items() if (mark := mark_of(told)) is not None})
    assert (listed["count"], [one["id"] for one in listed["hits"]]) == (4, list(stories))


def test_a_repeat_after_the_window_is_told_at_once() -> None:
    plans, _ = run_of([0, WINDOW_S + 1])
    assert [type(decided) for decided in plans] == [Tell, Tell]
    assert plans[0].matter != plans[1].matter  # type: ignore[union-attr]


def test_what_the_carrier_told_opens_the_next_window_of_the_same_matter() -> None:
    plans, _ = run_of([0, 10, WINDOW_S + 5, 3 * WINDOW_S + 1])
    assert [type(decided) for decided in plans] == [Tell, Hold, Hold, Tell]
    assert plans[2] == Hold(Reason.CARRIES, matter_id(grouped(0).id), grouped(2).id, later(2 * WINDOW_S))


@given(st.lists(st.floats(0, 5 * WINDOW_S), min_size=1, max_size=30).map(sorted))
def test_every_hit_is_told_or_named_by_one_that_will_be(times_s: list[float]) -> None:
    plans, _ = run_of(times_s)
    told = {grouped(number).id for number, decided in enumerate(plans) if isinstance(decided, Tell)}
    carriers = {decided.carrier for decided in plans if isinstance(decided, Hold)}
    for number, decided in enumerate(plans):
        if isinstance(decided, Hold):
            assert (decided.carrier == grouped(number).id) is (decided.why is Reason.CARRIES)
            assert decided.until > later(times_s[number])
    assert grouped(0).id in told
    assert not told & carriers


def test_another_station_kind_or_answer_is_another_slot() -> None:
    slots = {
        slot_of(grouped(1)),
        slot_of(grouped(1, sighting=sighting_fields(id="1", station={"code": "440106-H-0013"}))),
        slot_of(grouped(1, sighting=sighting_fields(id="1", kind="identity_check"))),
        slot_of(grouped(1, rule="another")),
        slot_of(grouped(1, instruction="report_only")),
        slot_of(grouped(1, order_id="ZX-2")),
    }
    assert len(slots) == 6
    assert slot_of(grouped(1)) == slot_of(grouped(2))


# -- what follows from a story -----------------------------------------------------------------------------------------------


def test_an_attempt_that_waits_is_due_until_the_story_has_ended() -> None:
    waiting = (planned(hit()), PARKED)
    assert due_of(story(*waiting)) == Due(later(60), "attempt")
    assert due_of(story(*waiting, DELIVERED)) is None
    assert due_of(story(*waiting, receipt(hit(), "skipped", Reason.ORDER_RELEASED))) is None


def test_a_withdrawal_is_due_until_the_court_has_it() -> None:
    owed = receipt(hit(), "withdrawing", Reason.ORDER_RELEASED, 5, next_at=later(30))
    told = (planned(hit()), DELIVERED, owed)
    assert due_of(story(*told)) == Due(later(30), "withdraw")
    failed = receipt(hit(), "withdrawing", Reason.REFUSED, 6, attempt=1, next_at=later(90))
    assert due_of(story(*told, failed)) == Due(later(90), "withdraw")
    done = story(*told, failed, receipt(hit(), "withdrawn", Reason.DELIVERED, 91, attempt=2))
    assert due_of(done) is None
    assert is_withdrawn(done)


def test_a_court_may_know_what_was_delivered_or_got_no_answer_and_not_what_never_left() -> None:
    assert may_be_known(story(DELIVERED))
    assert may_be_known(story(PARKED))
    assert not may_be_known(story(planned(hit()), receipt(hit(), "attempted", Reason.UNREACHABLE, attempt=1)))


def test_an_instruction_that_was_recalled_and_given_again_is_active() -> None:
    given_, recalled = receipt(hit(), "instructed", Reason.NEW), receipt(hit(), "recalled", Reason.NO_HIT_ANY_MORE)
    assert contribution_of(story(planned(hit()), given_)).active is True  # type: ignore[union-attr]
    assert contribution_of(story(planned(hit()), given_, recalled)).active is False  # type: ignore[union-attr]
    new = receipt(hit(version=2), "instructed", Reason.NEW)
    again = contribution_of(story(planned(hit()), given_, recalled, new))
    assert again is not None
    assert (again.active, again.changes) == (True, 3)


def test_S3_3b_a_release_stops_hits_everywhere_at_once_and_for_good() -> None:
    """Nothing is found any more, what was found is not told, what waits is not sent, and no later version revives it."""
    watchlist, other = Watchlist(), orders.order("ZX-2", 1, ["E12345678"])
    for logged in (orders.order("ZX-1", 1, ["E12345678"]), other):
        watchlist.apply(logged)
    person = person_fields("E12345678", "passport")
    seen = read_sighting(as_record(sighting_fields(id="1", person=person)))
    found = {hit.order_id: hit for hit in resolve(seen, watchlist.candidates(seen.keys()), Policy.national(), AT)}
    assert set(found) == {"ZX-1", "ZX-2"}
    waiting = story(receipt(found["ZX-1"], "planned", Reason.NEW))

    def standing(order_id: str) -> Standing:
        return Standing(watchlist.held(order_id), watchlist.order(order_id))

    assert fence(found["ZX-1"], standing("ZX-1")).passes
    assert watchlist.apply(orders.release("ZX-1", 2)) is Decision.RELEASED

    assert [hit.order_id for hit in resolve(seen, watchlist.candidates(seen.keys()), Policy.national(), AT)] == ["ZX-2"]
    assert fence(found["ZX-1"], standing("ZX-1")).reason is Reason.ORDER_RELEASED
    for told in ({}, waiting):
        assert plan(found["ZX-1"], told, {}, standing("ZX-1"), later(1)) == Skip(Reason.ORDER_RELEASED, recorded=False)
    assert isinstance(plan(found["ZX-2"], {}, {}, standing("ZX-2"), later(1)), Tell)
    assert watchlist.apply(orders.order("ZX-1", 3, ["E12345678"], action="amend")) is Decision.REFUSED_AFTER_RELEASE
    assert not watchlist.held("ZX-1").in_place
