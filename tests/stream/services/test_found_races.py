"""Withdrawals, instructions and escalations, and what came between: races that the machines found, one by one."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence

import pytest

from connectors.kafka.records import Record
from stream.core.confirmation import Answer
from stream.core.story import is_being_withdrawn, is_withdrawn
from tests.stream.services.small_world import World

HIT, WITHDRAWAL, OVERDUE = "chakong.hit.v1", "chakong.withdrawal.v1", "chakong.overdue.v1"


async def told() -> World:
    """One order, one hit, and the court knows."""
    world = World()
    await world.order("A")
    await world.sight("alone")
    await world.work()
    return world


async def time_passes(world: World, *, hours: float) -> None:
    for _ in range(10):
        world.now += dt.timedelta(hours=hours / 10)
        await world.work()


def events(world: World) -> list[tuple[str, int]]:
    """What the court was told, in order: the type, and the order's version that it tells of."""
    return [(event.type, event.data["order_version"]) for event in world.court.events.values() if event.type != OVERDUE]


async def test_a_withdrawal_that_waits_is_dropped_when_the_hit_is_told_anew() -> None:
    world = await told()
    world.court.answers.extend(["cannot be reached"] * 3)
    await world.order("A", "another subject")
    await world.work()
    await world.order("A")
    await world.work()
    await time_passes(world, hours=1)
    assert events(world) == [(HIT, 1), (HIT, 3)]
    (story,) = (await world.ledger.stories(list(world.hits()))).values()
    assert not is_being_withdrawn(story)


async def test_a_withdrawal_under_way_when_the_hit_is_told_anew_voids_the_former_version_alone() -> None:
    world = await told()

    async def again() -> None:
        await world.order("A")
        ((hit_id, hit),) = world.hits().items()
        story = (await world.ledger.stories([hit_id]))[hit_id]
        await world.delivering.again(hit, story, (await world.index.standings(["A"])).of["A"])
        await world.deliver()

    world.court.meanwhile.append(again)
    await world.order("A", "another subject")
    await world.work()
    await time_passes(world, hours=1)
    assert sorted(events(world)) == [(HIT, 1), (HIT, 3), (WITHDRAWAL, 1)]
    (story,) = (await world.ledger.stories(list(world.hits()))).values()
    assert not is_being_withdrawn(story)
    await world.release("A")
    await world.work()
    assert sorted(events(world))[-1] == (WITHDRAWAL, 3)


async def test_nobody_is_told_that_a_hit_is_overdue_while_its_withdrawal_waits() -> None:
    world = await told()
    world.court.answers.extend(["cannot be reached"] * 8)
    await world.order("A", "another subject")
    await world.work()
    await time_passes(world, hours=5)
    assert world.court.arrived[OVERDUE] == set()
    assert events(world) == [(HIT, 1), (WITHDRAWAL, 1)]


async def test_a_release_after_an_amendment_is_withdrawn_as_a_release_and_tried_for_as_long() -> None:
    world = await told()
    await world.order("A", "another subject")
    await world.work()
    await world.order("A")
    await world.work()
    await time_passes(world, hours=48)
    assert events(world) == [(HIT, 1), (WITHDRAWAL, 1), (HIT, 3)]
    world.court.answers.extend(["cannot be reached"] * 3)
    await world.release("A")
    await world.work()
    await time_passes(world, hours=1)
    *_, last = world.court.events.values()
    assert (last.type, last.data["order_version"], last.data["reason"]) == (WITHDRAWAL, 3, None)
    (story,) = (await world.ledger.stories(list(world.hits()))).values()
    assert is_withdrawn(story)


@pytest.mark.parametrize("handler", [None, "another subject"], ids=["released", "amended"])
async def test_a_station_that_is_instructed_while_its_order_ends_is_told_so(handler: str | None) -> None:
    """A repetition is held: no attempt at the court is made, after which one would look back."""
    world = World()
    await world.order("A")
    await world.sight("grouped")
    await world.work()
    await world.sight("grouped")
    store, ends = world.log.send_soon, list[asyncio.Task[None]]()

    async def end_before(records: Sequence[Record]) -> None:
        """The order ends when the hit is through the fence, and whoever works on that sees no trace of it yet."""
        if not ends and any(b'"held"' in record.value for record in records):
            await (world.release("A") if handler is None else world.order("A", handler))
            ended = world.withdrawing.ended(world.endings.popleft(), world.delivering.again)
            ends.append(asyncio.create_task(ended))
            for _ in range(100):
                await asyncio.sleep(0)
        await store(records)

    world.log.send_soon = end_before  # type: ignore[method-assign]
    await world.work()
    assert ends
    await asyncio.gather(*ends)
    await world.work()
    assert {told["state"] for told in world.instructions().values()} == {"withdrawn"}


@pytest.mark.parametrize(("answer", "attempts"), [("executed", 1), ("needs_minutes", 1), ("cannot_act", 2)])
async def test_a_level_is_not_tried_again_once_the_court_has_answered(answer: Answer, attempts: int) -> None:
    """It answers while an attempt to tell the next level is under way, and that attempt fails."""
    world = await told()
    (hit_id,) = world.hits()
    world.now += dt.timedelta(minutes=11)

    async def answers() -> None:
        await world.answer(hit_id, answer, 90)
        await world.confirm()

    world.court.meanwhile.append(answers)
    world.court.answers.append("cannot be reached")
    await world.work()
    assert world.court.attempts.total() == 1 + attempts
