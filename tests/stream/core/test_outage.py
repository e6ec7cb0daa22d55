"""What a court is owed of an endpoint's outage follows from one record, whatever the workers saw and in which order."""

from __future__ import annotations

import datetime as dt
import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core import outage as outages
from stream.core.delivery import Reason
from stream.core.health import Change, Health, State
from stream.core.notice import Kind
from stream.core.outage import CLAIM, EACH_KIND_AFTER, RETRY_LONGEST, UNSEEN_AFTER, Decision, Outage, Why

START = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
AFTER = {Kind.DOWN: State.OPEN, Kind.GONE: State.DISABLED, Kind.RECOVERED: State.CLOSED}
NEWS = Why.NEWS


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def change(kind: Kind, seconds: float = 0.0, failures: int = 5) -> Change:
    before = State.HALF_OPEN if kind is Kind.RECOVERED else State.CLOSED
    return Change(before, AFTER[kind], at(seconds), Health(AFTER[kind], at(seconds - 10), failures, Reason.TIMED_OUT))


def seen(*kinds: Kind, outage: Outage | None = None) -> Outage:
    """The record after changes, a second between them."""
    for number, kind in enumerate(kinds):
        outage = outages.noted(outage, kind, change(kind, number))
    assert outage is not None
    return outage


def owed(outage: Outage, seconds: float = 0.0, *, is_seen: bool = True) -> Decision:
    return outages.decide(outage, at(seconds), is_seen=is_seen)


DOWN, GONE, RECOVERED = Kind.DOWN, Kind.GONE, Kind.RECOVERED


@pytest.mark.parametrize(
    ("kinds", "kind"),
    [
        ((DOWN,), DOWN),
        ((DOWN, DOWN), DOWN),
        ((GONE,), GONE),
        ((DOWN, GONE), GONE),
        ((GONE, DOWN), GONE),
        ((GONE, RECOVERED), GONE),
        ((DOWN, RECOVERED), RECOVERED),
        ((DOWN, DOWN, RECOVERED), RECOVERED),
        ((DOWN, RECOVERED, RECOVERED), RECOVERED),
        ((DOWN, RECOVERED, DOWN), DOWN),
    ],
)
def test_what_is_owed_first(kinds: tuple[Kind, ...], kind: Kind) -> None:
    assert owed(seen(*kinds), 5) == (kind, NEWS)


def test_nothing_is_recorded_of_a_recovery_from_what_nobody_noted() -> None:
    assert outages.noted(None, RECOVERED, change(RECOVERED)) is None


def test_several_workers_views_are_one_outage_since_the_first_failure() -> None:
    later = outages.noted(None, DOWN, change(DOWN, 20, failures=9))
    both = outages.noted(later, DOWN, change(DOWN, 5, failures=5))
    assert both is not None
    assert (both.since, both.failures, both.noted_at) == (at(-5), 9, at(20))


def test_an_outage_is_told_once() -> None:
    told = outages.told(seen(DOWN), DOWN, at(1))
    assert owed(told, 2) == (None, Why.TOLD)
    again = seen(DOWN, DOWN, outage=told)
    assert owed(again, 86_400) == (None, Why.TOLD)
    recovered = seen(RECOVERED, outage=again)
    assert owed(recovered, 86_400) == (RECOVERED, NEWS)
    over = outages.told(recovered, RECOVERED, at(86_401))
    assert outages.is_over(over)
    assert owed(over, 200_000) == (None, Why.TOLD)
    assert seen(RECOVERED, outage=over) == over


def test_of_each_kind_once_an_hour_and_what_was_held_back_is_told_then() -> None:
    over = outages.told(outages.told(seen(DOWN), DOWN, at(0)), DOWN, at(0))
    over = outages.told(seen(RECOVERED, outage=over), RECOVERED, at(60))
    down_again = outages.noted(over, DOWN, change(DOWN, 120))
    assert down_again is not None
    assert owed(down_again, 120) == (None, Why.TOLD_RECENTLY)
    assert owed(down_again, 3600) == (DOWN, NEWS)
    recovered = outages.noted(down_again, RECOVERED, change(RECOVERED, 180))
    assert recovered is not None
    assert owed(recovered, 180) == (None, Why.TOLD_RECENTLY)
    assert owed(recovered, 3660) == (RECOVERED, NEWS)
    assert recovered.since == at(110)


def test_who_claims_tells_and_another_may_once_the_claim_ended() -> None:
    claimed = outages.claimed(seen(DOWN), at(0))
    assert owed(claimed, 1) == (None, Why.CLAIMED)
    assert owed(outages.let_go(claimed), 1) == (DOWN, NEWS)
    assert owed(claimed, CLAIM.total_seconds()) == (DOWN, NEWS)


def test_what_nobody_took_is_tried_after_waits_that_double_and_a_recovery_at_once() -> None:
    outage, now, waits = seen(DOWN), 0.0, []
    for _ in range(8):
        outage = outages.not_told(outage, at(now))
        assert owed(outage, now) == (None, Why.WAITS)
        assert outage.next_at is not None
        waits.append((outage.next_at - at(now)).total_seconds())
        now += waits[-1]
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert owed(seen(RECOVERED, outage=outages.not_told(outage, at(now))), now) == (RECOVERED, NEWS)


def test_an_outage_that_no_worker_sees_any_more_is_proved_over_by_telling_the_endpoint_itself() -> None:
    outage = outages.told(seen(DOWN), DOWN, at(0))
    unseen_s = UNSEEN_AFTER.total_seconds()
    assert owed(outage, unseen_s - 1, is_seen=False) == (None, Why.TOLD)
    assert owed(outage, unseen_s) == (None, Why.TOLD)
    assert owed(outage, unseen_s, is_seen=False) == (RECOVERED, Why.UNSEEN)
    assert outages.is_over(outages.told(outage, RECOVERED, at(unseen_s), proved=True))
    assert owed(outages.told(seen(GONE), GONE, at(0)), unseen_s, is_seen=False) == (None, Why.TOLD)


def test_a_record_that_holds_back_nothing_is_forgotten() -> None:
    over = outages.told(seen(DOWN, RECOVERED), RECOVERED, at(10))
    assert not outages.is_forgotten(over, at(3600))
    assert outages.is_forgotten(over, at(3610))
    assert not outages.is_forgotten(seen(DOWN), at(1e6))


STEPS = st.sampled_from(["down", "gone", "recovered", "claim", "tell", "fail", "leave", "forget"])


@given(st.lists(st.tuples(st.floats(0, 1500), st.integers(0, 2), STEPS), max_size=120))
def test_whatever_three_workers_see_and_do_no_court_is_flooded_and_none_left_in_the_dark(
    events: list[tuple[float, int, str]],
) -> None:
    """Each worker claims, and then tells, fails to tell, or dies; nobody tells without a claim that lasts."""
    outage: Outage | None = None
    claims: dict[int, tuple[Kind, dt.datetime]] = {}
    told: dict[Kind, list[dt.datetime]] = {kind: [] for kind in Kind}
    now = 0.0
    for step_s, worker, step in events:
        now += step_s
        claims = {of: claim for of, claim in claims.items() if claim[1] > at(now)}
        if step in set(Kind):
            outage = outages.noted(outage, Kind(step), change(Kind(step), now))
        if outage is None:
            continue
        if step == "claim" and worker not in claims:
            kind, _ = owed(outage, now)
            if kind is not None:
                assert not claims
                outage, claims[worker] = outages.claimed(outage, at(now)), (kind, at(now) + CLAIM)
        elif step in ("tell", "fail", "leave") and worker in claims:
            kind, _ = claims.pop(worker)
            if step == "tell":
                outage = outages.told(outage, kind, at(now))
                told[kind].append(at(now))
            elif step == "fail":
                outage = outages.not_told(outage, at(now))
        elif step == "forget" and outages.is_forgotten(outage, at(now)):
            outage = None
    for moments in told.values():
        assert all(later - earlier >= EACH_KIND_AFTER for earlier, later in itertools.pairwise(moments))
    if outage is not None:  # left alone for long enough, the court learns how it stands
        kind, why = owed(outage, now + max(EACH_KIND_AFTER, RETRY_LONGEST).total_seconds())
        last = RECOVERED if outage.recovered_at is not None else outage.kind
        assert (kind, why) in ((last, NEWS), (None, Why.TOLD))
        assert outage.said is last or kind is last


def test_a_record_reads_as_it_was_written() -> None:
    outage = outages.not_told(outages.told(seen(DOWN, RECOVERED), DOWN, at(3)), at(4))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(outage), type=Outage) == outage
