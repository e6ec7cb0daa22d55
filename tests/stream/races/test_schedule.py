"""A schedule is what its seed says, and holds what races are made of."""

from __future__ import annotations

from collections import defaultdict

from tests.stream.races.schedule import COURTS, STEADY, Fail, Kill, Order, scheduled


def test_one_seed_is_one_schedule() -> None:
    first, again, other = (scheduled(seed, 500, 30.0, 2) for seed in (7, 7, 8))
    assert first.events == again.events
    assert first.placed == again.placed
    assert first.events != other.events


def test_versions_of_an_order_come_one_by_one_and_end_with_its_release() -> None:
    schedule = scheduled(1, 3_000, 30.0, 2)
    of: dict[str, list[Order]] = defaultdict(list)
    for order in (*schedule.placed, *(event.what for event in schedule.events if isinstance(event.what, Order))):
        of[order.id].append(order)
    for versions in of.values():
        assert [order.version for order in versions] == list(range(1, len(versions) + 1))
        assert all(order.passport is not None for order in versions[:-1])
        assert len({order.court for order in versions}) == 1
    assert any(versions[-1].passport is None for versions in of.values())
    assert any(versions[-1].passport is not None for versions in of.values())


def test_courts_fail_and_recover_in_turn_and_one_never_fails() -> None:
    of: dict[str, list[Fail]] = defaultdict(list)
    for event in scheduled(1, 3_000, 30.0, 2).events:
        if isinstance(event.what, Fail):
            of[event.what.court].append(event.what)
    assert set(of) == set(COURTS) - {STEADY}
    for steps in of.values():
        assert all((fail.how is None) == bool(number % 2) for number, fail in enumerate(steps))


def test_whoever_is_killed_is_started_again() -> None:
    of: dict[int, list[bool]] = defaultdict(list)
    for event in scheduled(1, 3_000, 30.0, 2).events:
        if isinstance(event.what, Kill):
            of[event.what.worker].append(event.what.starts)
    assert set(of) == {1, 2}
    for steps in of.values():
        assert steps == [bool(number % 2) for number in range(len(steps))]
