"""The ledger's contract, held against both implementations: in memory, and in a real Redis."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.redis.errors import ViewUnavailableError
from connectors.redis.ledger import RedisLedger
from stream.core.delivery import Facts, Reason, Receipt, Step
from stream.core.memory import MemoryLedger
from stream.core.ports import Ledger, ViewMovedError
from stream.core.story import Contribution, Mark, Told, told_of

AT = dt.datetime(2026, 11, 24, 14, 0, tzinfo=dt.UTC)


def receipt(
    step: Step,
    outcome: Reason,
    version: int = 1,
    attempt: int = 0,
    *,
    hit: str = "H",
    at_s: float = 0.0,
    answer: str | None = "aa",
) -> Receipt:
    return Receipt(
        hit_id=hit,
        order_id="A",
        order_version=version,
        at=AT + dt.timedelta(seconds=at_s),
        step=step,
        outcome=outcome,
        attempt=attempt,
        answer=answer,
    )


INSTRUCTED = receipt("instructed", Reason.NEW)
FAILED = receipt("attempted", Reason.TIMED_OUT, attempt=1, at_s=1)
DELIVERED = receipt("delivered", Reason.DELIVERED, attempt=2, at_s=2)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.integration)])
async def ledger(request: pytest.FixtureRequest) -> AsyncIterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger()
    else:
        async with redis.asyncio.Redis.from_url(request.getfixturevalue("redis_url")) as client:
            made = RedisLedger(client, f"t{uuid.uuid4().hex}")
            await made.mark_whole()
            yield made


async def told(ledger: Ledger, hits: Sequence[str]) -> dict[str, Told]:
    """What was told of each hit that anything was told of."""
    found = {hit: told_of(story) for hit, story in (await ledger.stories(hits)).items()}
    return {hit: answer for hit, answer in found.items() if answer is not None}


async def view(ledger: Ledger, hits: Sequence[str] = ("H", "G")) -> tuple[object, ...]:
    return await told(ledger, hits), await ledger.summary(), await ledger.recent(10)


async def test_nothing_is_told_of_a_hit_that_nobody_was_told_of(ledger: Ledger) -> None:
    assert await told(ledger, ["H", "G"]) == {}
    assert await told(ledger, []) == {}
    await ledger.record([receipt("skipped", Reason.ORDER_RELEASED)])
    assert await told(ledger, ["H"]) == {}
    assert await ledger.recent(10) == ["H"]


async def test_what_was_sent_and_not_delivered_is_told_as_such(ledger: Ledger) -> None:
    await ledger.record([INSTRUCTED, FAILED])
    assert await told(ledger, ["H", "G"]) == {"H": Told(1, "aa", delivered=False)}
    await ledger.record([DELIVERED])
    assert await told(ledger, ["H"]) == {"H": Told(1, "aa", delivered=True)}


async def test_an_update_that_failed_leaves_the_version_that_was_delivered(ledger: Ledger) -> None:
    await ledger.record([DELIVERED, receipt("attempted", Reason.REFUSED, 2, 1, at_s=9, answer="bb")])
    assert await told(ledger, ["H"]) == {"H": Told(1, "aa", delivered=True)}
    await ledger.record([receipt("delivered", Reason.DELIVERED, 2, 2, at_s=10, answer="bb")])
    assert await told(ledger, ["H"]) == {"H": Told(2, "bb", delivered=True)}


async def test_a_late_receipt_of_an_older_version_changes_nothing(ledger: Ledger) -> None:
    await ledger.record([receipt("delivered", Reason.DELIVERED, 2, 1, at_s=5, answer="bb"), DELIVERED])
    assert await told(ledger, ["H"]) == {"H": Told(2, "bb", delivered=True)}


async def test_repeats_count_once(ledger: Ledger) -> None:
    await ledger.record([INSTRUCTED, FAILED, FAILED])
    await ledger.record([INSTRUCTED, FAILED, DELIVERED])
    assert await ledger.summary() == {
        ("instructed", "new"): 1,
        ("attempted", "timed_out"): 1,
        ("delivered", "delivered"): 1,
    }


async def test_a_step_taken_again_counts_as_it_went_last(ledger: Ledger) -> None:
    """A worker that died before it acknowledged begins again at attempt one."""
    again = receipt("attempted", Reason.UNREACHABLE, attempt=1, at_s=60)
    for receipts in ([FAILED, again], [again, FAILED]):
        await ledger.record(receipts)
        assert await ledger.summary() == {("attempted", "unreachable"): 1}


async def test_recent_hits_come_newest_first(ledger: Ledger) -> None:
    await ledger.record([receipt("instructed", Reason.NEW, hit=f"H{number}", at_s=number) for number in range(5)])
    await ledger.record([receipt("delivered", Reason.DELIVERED, hit="H1", at_s=99)])
    assert await ledger.recent(3) == ["H1", "H4", "H3"]
    assert await ledger.recent(0) == []


async def test_a_rebuild_goes_on_where_the_view_stands(ledger: Ledger) -> None:
    assert await ledger.positions() == {}
    await ledger.record_from(0, 0, 2, [INSTRUCTED, FAILED])
    await ledger.record_from(3, 0, 1, [])
    assert await ledger.positions() == {0: 2, 3: 1}
    for start in (0, 1, 3):
        with pytest.raises(ViewMovedError):
            await ledger.record_from(0, start, 9, [DELIVERED])
    assert await ledger.positions() == {0: 2, 3: 1}
    assert await told(ledger, ["H"]) == {"H": Told(1, "aa", delivered=False)}


async def test_records_at_the_same_time_are_all_taken_over(ledger: Ledger) -> None:
    await asyncio.gather(
        *(ledger.record([receipt("attempted", Reason.REFUSED, 1, number, at_s=number)]) for number in range(8))
    )
    assert await ledger.summary() == {("attempted", "refused"): 8}


receipts = st.builds(
    receipt,
    st.sampled_from(["instructed", "attempted", "delivered", "skipped", "undeliverable"]),
    st.sampled_from([Reason.NEW, Reason.DELIVERED, Reason.REFUSED]),
    st.integers(1, 3),
    st.integers(0, 2),
    hit=st.sampled_from(["H", "G"]),
    at_s=st.integers(0, 3),
    answer=st.sampled_from(["aa", "bb", None]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), log=st.lists(receipts, max_size=12))
def test_any_replay_gives_the_identical_view(data: st.DataObject, log: list[Receipt]) -> None:
    """Live, receipts come in batches, repeated, and workers overtake each other; the log has them once, in order."""
    shuffled = data.draw(
        st.permutations([*log, *data.draw(st.lists(st.sampled_from(log), max_size=5) if log else st.just([]))])
    )

    async def views() -> tuple[object, object]:
        replayed, live = MemoryLedger(), MemoryLedger()
        await replayed.record_from(0, 0, len(log), log)
        for start in range(0, len(shuffled), 3):
            await live.record(shuffled[start : start + 3])
        return await view(replayed), await view(live)

    replayed, live = asyncio.run(views())
    assert replayed == live


@pytest.mark.integration
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches=st.lists(st.lists(receipts, max_size=5), max_size=5))
def test_redis_and_memory_tell_the_same(redis_url: str, batches: list[list[Receipt]]) -> None:
    async def views() -> tuple[object, object]:
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            shared, own = RedisLedger(client, f"t{uuid.uuid4().hex}"), MemoryLedger()
            await shared.mark_whole()
            for batch in batches:
                await shared.record(batch)
                await own.record(batch)
            return await view(shared), await view(own)

    in_redis, in_memory = asyncio.run(views())
    assert in_redis == in_memory


async def test_the_summary_counts_steps_over_all_hits(ledger: Ledger) -> None:
    await ledger.record([INSTRUCTED, FAILED, DELIVERED])
    await ledger.record(
        [receipt("instructed", Reason.NEW, hit="G"), receipt("skipped", Reason.ORDER_RELEASED, hit="G", at_s=1)]
    )
    assert Counter(await ledger.summary()).total() == 5
    assert (await ledger.summary())["instructed", "new"] == 2


@pytest.mark.integration
async def test_a_wiped_ledger_is_empty_and_touches_nothing_else(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.set("n:order:A", "1")
        ledger = RedisLedger(client, "n")
        await ledger.record_from(0, 0, 1, [DELIVERED])
        await ledger.mark_whole()
        await ledger.wipe()
        assert await client.keys("*") == [b"n:order:A"]
        await ledger.mark_whole()
        assert await view(ledger) == ({}, {}, [])


@pytest.mark.integration
async def test_a_ledger_that_redis_has_lost_says_so_and_takes_nothing_until_it_is_built_again(redis_url: str) -> None:
    """Empty, it would say that nobody was ever told."""
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        ledger = RedisLedger(client, "n")
        await ledger.mark_whole()
        await ledger.record([DELIVERED])
        await client.flushdb()
        for asked in (
            ledger.stories(["H"]),
            ledger.look([("H", "slot")]),
            ledger.contributions(["I"]),
            ledger.of_orders(["A"]),
            ledger.claim_due(AT, 1, 60),
            ledger.record([FAILED]),
        ):
            with pytest.raises(ViewUnavailableError) as raised:
                await asked
            assert raised.value.reason == "lost"
        await ledger.record_from(0, 0, 1, [DELIVERED])
        await ledger.mark_whole()
        assert await told(ledger, ["H"]) == {"H": Told(1, "aa", True)}


# -- what follows from a story -----------------------------------------------------------------------------------------------


def facts(*, slot: str = "slot", instruction: str = "instruction", offset: int = 7, window_s: int = 600) -> Facts:
    return Facts(
        hit_at=(3, offset),
        court="440106",
        instruction_id=instruction,
        slot=slot,
        respond_within_s=600,
        group_within_s=window_s,
        expires_at=AT,
    )


def told_at(at_s: float, hit: str = "H", **about: Any) -> list[Receipt]:
    """A hit that was planned, and its station instructed."""
    planned = receipt("planned", Reason.NEW, hit=hit, at_s=at_s)
    return [
        planned.model_copy(update={"facts": facts(**about), "matter": "M"}),
        receipt("instructed", Reason.NEW, hit=hit, at_s=at_s),
    ]


async def test_a_slot_lists_its_hits_and_their_parts(ledger: Ledger) -> None:
    await ledger.record([*told_at(0), *told_at(5, "G", offset=8), *told_at(6, "other", slot="another")])
    looked = await ledger.look([("H", "slot"), ("new", "slot"), ("G", "")])
    until = AT + dt.timedelta(seconds=600)
    marks = {
        "H": Mark("told", "M", AT, until),
        "G": Mark("told", "M", *(moment + dt.timedelta(seconds=5) for moment in (AT, until))),
    }
    assert looked["H"].marks == looked["new"].marks == marks
    assert (looked["G"].marks, looked["new"].story) == ({}, {})
    assert looked["H"].story == (await ledger.stories(["H"]))["H"]
    assert await ledger.look([]) == {}


async def test_a_hit_that_gives_another_answer_leaves_its_slot(ledger: Ledger) -> None:
    await ledger.record(told_at(0))
    again = receipt("planned", Reason.UPDATE, 2, at_s=9).model_copy(update={"facts": facts(slot="another")})
    await ledger.record([again])
    looked = await ledger.look([("x", "slot"), ("y", "another")])
    assert (list(looked["x"].marks), list(looked["y"].marks)) == ([], ["H"])


async def test_an_instruction_lists_whom_it_was_given_for_and_says_so_when_that_changes(ledger: Ledger) -> None:
    given_for = {"H": Contribution(True, 1, 3, 7)}
    assert await ledger.record(told_at(0)) == {"instruction": given_for}
    assert await ledger.record(told_at(0)) == {}
    both = given_for | {"G": Contribution(True, 1, 3, 8)}
    assert await ledger.record(told_at(1, "G", offset=8)) == {"instruction": both}
    recalled = await ledger.record([receipt("recalled", Reason.ORDER_RELEASED, at_s=9)])
    assert (
        recalled == await ledger.contributions(["instruction"]) == {"instruction": both | {"H": Contribution(False, 2, 3, 7)}}
    )
    assert await ledger.contributions(["nobody's"]) == {"nobody's": {}}


async def test_an_order_s_hits_are_found(ledger: Ledger) -> None:
    await ledger.record([*told_at(0), *told_at(0, "G")])
    assert await ledger.of_orders(["A", "B"]) == {"A": ["G", "H"], "B": []}


async def test_what_is_due_is_claimed_once_and_again_when_it_was_let_go(ledger: Ledger) -> None:
    waits = [
        receipt("attempted", Reason.TIMED_OUT, attempt=1, hit=hit, at_s=1).model_copy(
            update={"next_at": AT + dt.timedelta(seconds=at_s)}
        )
        for hit, at_s in (("H", 20.0), ("G", 10.0))
    ]
    await ledger.record([*told_at(0), *told_at(0, "G"), *waits])
    assert await ledger.claim_due(AT + dt.timedelta(seconds=9), 10, 60) == []
    assert await ledger.claim_due(AT + dt.timedelta(seconds=30), 1, 60) == ["G"]
    assert await ledger.claim_due(AT + dt.timedelta(seconds=30), 10, 60) == ["H"]
    assert await ledger.claim_due(AT + dt.timedelta(seconds=31), 10, 60) == []
    await ledger.let_go(["G"])
    assert await ledger.claim_due(AT + dt.timedelta(seconds=31), 10, 60) == ["G"]
    await ledger.let_go(["G", "H"])
    await ledger.record([receipt("delivered", Reason.DELIVERED, attempt=2, hit="G", at_s=32)])
    assert await ledger.claim_due(AT + dt.timedelta(seconds=40), 10, 60) == ["H"]


async def test_a_story_that_another_writer_changed_is_read_again(ledger: Ledger, request: pytest.FixtureRequest) -> None:
    """What was remembered of a story is only a guess."""
    if not isinstance(ledger, RedisLedger):
        return
    async with redis.asyncio.Redis.from_url(request.getfixturevalue("redis_url")) as client:
        other = RedisLedger(client, ledger._namespace)
        await ledger.record([INSTRUCTED])
        await other.record([FAILED])
        await ledger.record([DELIVERED])
        assert await ledger.stories(["H"]) == await other.stories(["H"])
        assert len((await ledger.stories(["H"]))["H"]) == 3
