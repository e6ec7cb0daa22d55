"""Releases, amendments, stacked orders, repetitions, answers, failing courts, dying workers: in any order, thousands of steps.

Never an attempt after the fence saw the release; never a hit undelivered without a reason on record; never one order's end
affecting another's; whatever a court may know of a released order is withdrawn; a ledger built anew is the same ledger. While
nobody answers a hit the chain above is told, level by level, each once; never of a hit that was answered or is void.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any, get_args

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from stream.core.confirmation import MEANINGS, Answer, Meaning, latest
from stream.core.due import escalated_of, next_level
from stream.core.escalation import Due
from stream.core.memory import MemoryLedger
from stream.core.story import contribution_of, ended, is_being_withdrawn, known_of, newest
from tests.stream.services.small_world import COURTS, WINDOW_S, Outcome, World

ORDERS = st.sampled_from(sorted(COURTS))
STATIONS = st.sampled_from(["alone", "grouped"])
HANDLERS = st.sampled_from(["李法官", "王法官", "another subject"])


class DeliveryRaces(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.world = World()

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def place_all(self) -> None:
        for id_ in COURTS:
            self.run(self.world.order(id_))

    @rule(id_=ORDERS, handler=HANDLERS)
    def amend(self, id_: str, handler: str) -> None:
        if id_ not in self.world.released:
            self.run(self.world.order(id_, handler))

    @rule(id_=ORDERS)
    def release(self, id_: str) -> None:
        self.run(self.world.release(id_))

    @rule(station=STATIONS)
    def sight(self, station: str) -> None:
        self.run(self.world.sight(station))

    @rule(answers=st.lists(st.sampled_from(get_args(Outcome)), min_size=1, max_size=4))
    def courts_fail(self, answers: list[Outcome]) -> None:
        self.world.court.answers.extend(answers)

    @rule(id_=ORDERS, ends=st.booleans(), handler=HANDLERS)
    def during_the_next_attempt(self, id_: str, ends: bool, handler: str) -> None:
        """An order ends or changes while an attempt is under way, and the worker hears of that at once or later."""

        async def end() -> None:
            if ends:
                await self.world.release(id_)
            elif id_ not in self.world.released:
                await self.world.order(id_, handler)

        self.world.court.meanwhile.append(end)

    @rule(which=st.integers(0, 20), answer=st.sampled_from(sorted(MEANINGS)), minutes=st.sampled_from([1, 30, 90]))
    def court_answers(self, which: int, answer: Answer, minutes: int) -> None:
        """A hit that was told is answered; the engine hears of it when it works next."""
        self.run(self._answer(which, answer, minutes))

    @rule(which=st.integers(0, 20), answer=st.sampled_from(sorted(MEANINGS)))
    def court_answers_during_the_next_attempt(self, which: int, answer: Answer) -> None:
        async def answer_and_confirm() -> None:
            await self._answer(which, answer, 30)
            await self.world.confirm()

        self.world.court.meanwhile.append(answer_and_confirm)

    async def _answer(self, which: int, answer: Answer, minutes: int) -> None:
        stories = await self.world.ledger.stories(sorted(self.world.hits()))
        told = [hit_id for hit_id, story in stories.items() if known_of(story) is not None]
        if told:
            await self.world.answer(told[which % len(told)], answer, minutes)

    @rule(batches=st.integers(0, 6), stored=st.booleans())
    def die_at_a_write(self, batches: int, stored: bool) -> None:
        self.world.log.dies_after, self.world.log.stores_last = batches, stored

    @rule()
    def work(self) -> None:
        self.run(self.world.work())

    @rule(seconds=st.sampled_from([0.2, 5.0, 90.0, WINDOW_S + 1.0, 3600.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.now += dt.timedelta(seconds=seconds)

    def teardown(self) -> None:
        try:
            self.settle()
            self.check()
        finally:
            self.loop.close()

    def settle(self) -> None:
        """Courts answer, workers live, time goes on until nothing is due."""
        world = self.world
        world.court.answers.clear()
        world.court.meanwhile.clear()
        world.log.dies_after = None
        for _ in range(60):
            self.run(world.work())
            world.now += dt.timedelta(seconds=WINDOW_S / 4)

    def check(self) -> None:
        world = self.world
        hits = world.hits()
        stories = self.run(world.ledger.stories(list(hits)))
        told, withdrawn = world.court.arrived["chakong.hit.v1"], world.court.arrived["chakong.withdrawal.v1"]
        for hit_id, hit in hits.items():
            story = stories[hit_id]
            held = newest(story, "held")
            assert story, f"{hit_id} has no story"
            assert ended(story, hit.order_version) or held is not None, f"{hit_id} ended without a reason: {story}"
            if hit.order_id in world.released and hit_id in told:
                assert hit_id in withdrawn, f"{hit_id} was told, its order is released, and it was not withdrawn: {story}"
            standing = self.run(world.index.standings([hit.order_id])).of[hit.order_id]
            sought = standing.order is not None and standing.order.handler.name != "another subject"
            assert not (sought and is_being_withdrawn(story)), f"{hit_id} of an order in force was withdrawn last: {story}"
            if sought and held is None:
                assert hit_id in told, f"{hit_id} of an order in force was not told: {story}"
            if sought and held is not None and hit_id not in told:
                carrier = stories[held.notification]
                assert any(step in ("planned", "skipped") for _, step, _ in carrier), f"nobody told of {hit_id}: {carrier}"
            assert not isinstance(next_level(story), Due), f"{hit_id} waits for an answer, and nobody is told: {story}"
            if sought and newest(story, "planned") is not None and hit_id in told:
                last = latest(world.taken[hit_id])
                answered = last is not None and last.meaning is Meaning.ENDS
                levels = len(world.chain(hit))
                assert answered or len(escalated_of(story)) == levels, f"{hit_id} was not answered: {story}"
            part = contribution_of(story)
            if part is not None:
                assert part.active is sought, f"{hit_id}: the station's instruction is active: {part.active}"
        for sighting_id, instruction in world.instructions().items():
            active = {
                hit_id
                for hit_id, hit in hits.items()
                if hit.sighting["id"] == sighting_id and (part := contribution_of(stories[hit_id])) and part.active
            }
            assert (instruction["state"] == "active") is bool(active)
            if active:
                assert set(instruction["hit_ids"]) == active
        again = MemoryLedger()
        self.run(again.record(world.receipts()))
        assert self.run(again.stories(list(hits))) == stories


def test_whatever_happens_in_whatever_order() -> None:
    """The same thousands of steps each time, so that a failure can be looked into; other steps by ``derandomize=False``."""
    run_state_machine_as_test(
        DeliveryRaces,
        settings=settings(
            max_examples=100,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
