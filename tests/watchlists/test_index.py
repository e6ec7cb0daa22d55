"""The index's contract, held against both implementations: in memory, and in a real Redis."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import redis.asyncio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from connectors.redis.index import RedisIndex
from matchers.keys import Key, KeyHasher
from tests.watchlists.orders import order, release
from watchlists.index import IndexMovedError, Logged, MemoryIndex, WatchlistIndex
from watchlists.lifecycle import Decision, Held

PASSPORTS = ("E1", "E2", "E3", "E4")


@asynccontextmanager
async def in_memory() -> AsyncIterator[WatchlistIndex]:
    yield MemoryIndex()


def in_redis(url: str):
    @asynccontextmanager
    async def opened() -> AsyncIterator[WatchlistIndex]:
        async with redis.asyncio.Redis.from_url(url) as client:
            yield RedisIndex(client, KeyHasher(b"a secret of the tests"), f"t{uuid.uuid4().hex}")

    return opened


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.integration)])
def opened(request: pytest.FixtureRequest):
    return in_memory if request.param == "memory" else in_redis(request.getfixturevalue("redis_url"))


@pytest.fixture
async def index(opened) -> AsyncIterator[WatchlistIndex]:
    async with opened() as made:
        yield made


def key(passport: str) -> Key:
    return Key("passport", passport)


async def found(index: WatchlistIndex, *passports: str) -> dict[str, int]:
    """Ids and versions of the orders found, each of which must come once."""
    orders = (await index.lookup([key(passport) for passport in passports])).orders
    assert len({order.id for order in orders}) == len(orders)
    return {order.id: order.version for order in orders}


async def apply(index: WatchlistIndex, *records: Logged) -> list[Decision]:
    start = (await index.positions()).get(0, 0)
    return await index.apply(0, start, start + len(records), records)


async def test_an_index_that_holds_nothing_says_so(index: WatchlistIndex) -> None:
    assert await index.positions() == {}
    assert await index.lookup([key("E1")]) == ([], {})
    assert (await index.standings(["Z"])).of["Z"] == (Held(), None)


async def test_an_order_is_found_by_each_of_its_keys_and_once_by_several(index: WatchlistIndex) -> None:
    assert await apply(index, order("A", 1, ["E1", "E2"])) == [Decision.PLACED]
    for passports in (["E1"], ["E2"], ["E1", "E2"], ["E1", "E1"], ["E3", "E2"]):
        assert await found(index, *passports) == {"A": 1}
    assert await found(index, "E3") == {}
    assert await found(index) == {}


async def test_a_lookup_tells_the_positions_at_which_it_was_made(index: WatchlistIndex) -> None:
    await index.apply(0, 0, 7, [order("A", 1, ["E1"])])
    await index.apply(2, 0, 3, [])
    assert (await index.lookup([key("E1")])).positions == await index.positions() == {0: 7, 2: 3}
    assert (await index.standings(["A"])).positions == {0: 7, 2: 3}


async def test_orders_of_several_courts_on_one_subject_live_and_end_alone(index: WatchlistIndex) -> None:
    await apply(index, order("A", 1, ["E1"], court="1"), order("B", 1, ["E1"], court="2"), order("C", 1, ["E1"], court="3"))
    assert await found(index, "E1") == {"A": 1, "B": 1, "C": 1}
    await apply(index, release("B", 2, court="2"))
    assert await found(index, "E1") == {"A": 1, "C": 1}


async def test_an_amended_order_leaves_its_old_keys(index: WatchlistIndex) -> None:
    await apply(index, order("A", 1, ["E1", "E2"]), order("B", 1, ["E1"]))
    assert await apply(index, order("A", 2, ["E2", "E3"], action="amend")) == [Decision.AMENDED]
    assert await found(index, "E1") == {"B": 1}
    assert await found(index, "E2") == await found(index, "E3") == {"A": 2}


async def test_a_batch_is_decided_record_by_record(index: WatchlistIndex) -> None:
    records = [
        order("A", 1, ["E1"]),
        order("A", 2, ["E2"], action="amend"),
        order("A", 2, ["E3"], action="amend"),
        release("A", 9, court="other"),
        release("A", 3),
        order("A", 4, ["E4"], action="amend"),
        release("B", 1),
        order("B", 2, ["E1"]),
        order("B", 1, ["E1"], court="other"),
    ]
    assert await apply(index, *records) == [
        Decision.PLACED,
        Decision.AMENDED,
        Decision.STALE,
        Decision.REFUSED_OTHER_COURT,
        Decision.RELEASED,
        Decision.REFUSED_AFTER_RELEASE,
        Decision.TOMBSTONED,
        Decision.REFUSED_AFTER_RELEASE,
        Decision.PLACED,
    ]
    assert await found(index, *PASSPORTS) == {"B": 1}


async def pages(index: WatchlistIndex, court: str, case: str | None = None, most: int = 2) -> list[str]:
    """Ids of all pages of a court's orders, none of which may be larger than it was asked to be."""
    ids: list[str] = []
    after: str | None = None
    while True:
        filed = await index.filed(court, case, after, most)
        assert len(filed.orders) <= most
        ids += [one.id for one in filed.orders]
        if (after := filed.next) is None:
            return ids


async def test_a_courts_orders_come_in_pages_each_once_and_no_others(index: WatchlistIndex) -> None:
    await apply(index, *(order(f"A{n}", 1, [f"E{n}"]) for n in range(40)), order("B", 1, ["E1"], court="2"))
    first = await pages(index, "440106")
    assert sorted(first) == sorted(f"A{n}" for n in range(40))
    assert await pages(index, "440106", most=7) == await pages(index, "440106", most=1000) == first
    assert await pages(index, "2") == ["B"]
    assert await pages(index, "3") == []


async def test_orders_that_come_and_go_move_no_other_between_pages(index: WatchlistIndex) -> None:
    await apply(index, *(order(f"A{n}", 1, ["E1"]) for n in range(20)))
    before = await pages(index, "440106", most=100)
    filed = await index.filed("440106", None, None, 10)
    gone = before[3]
    await apply(index, release(gone, 2), release(before[15], 2), *(order(f"C{n}", 1, ["E1"]) for n in range(20)))
    rest = await pages_after(index, filed.next)
    assert [one for one in rest if not one.startswith("C")] == [one for one in before[10:] if one != before[15]]


async def pages_after(index: WatchlistIndex, after: str | None) -> list[str]:
    return [one.id for one in (await index.filed("440106", None, after, 1000)).orders]


async def test_a_courts_orders_of_one_case_however_its_number_is_spelt(index: WatchlistIndex) -> None:
    number, other = "(2026)粤0106执1号", "(2026)粤0106执2号"
    await apply(
        index,
        order("A", 1, ["E1"], case=number),
        order("B", 1, ["E2"], case="（2026）粤0106执 1号"),
        order("C", 1, ["E3"], case=other),
        order("D", 1, ["E4"], case=number, court="2"),
    )
    assert sorted(await pages(index, "440106", number, most=1)) == ["A", "B"]
    assert await pages(index, "2", number) == ["D"]
    await apply(index, order("A", 2, ["E1"], action="amend", case=other), release("B", 2))
    assert await pages(index, "440106", number) == []
    assert sorted(await pages(index, "440106", other)) == ["A", "C"]
    assert sorted(await pages(index, "440106")) == ["A", "C"]


async def test_a_released_order_stands_without_its_subject(index: WatchlistIndex) -> None:
    await apply(index, order("A", 1, ["E1"]))
    await apply(index, release("A", 2))
    assert (await index.standings(["A"])).of["A"] == (Held("440106", 2, True), None)
    assert await found(index, "E1") == {}


async def test_standings_tell_of_every_id_that_was_asked(index: WatchlistIndex) -> None:
    placed = order("A", 1, ["E1"])
    await apply(index, placed, release("B", 4, court="9"))
    standings = (await index.standings(["A", "B", "C", "A"])).of
    assert standings == {
        "A": (Held("440106", 1), placed.record),
        "B": (Held(tombstones=(("9", 4),)), None),
        "C": (Held(), None),
    }
    assert (await index.standings([])).of == {}


@pytest.mark.parametrize("start", [0, 1, 3])
async def test_a_writer_that_is_not_where_the_index_is_changes_nothing(index: WatchlistIndex, start: int) -> None:
    await index.apply(0, 0, 2, [order("A", 1, ["E1"])])
    with pytest.raises(IndexMovedError):
        await index.apply(0, start, 9, [order("B", 1, ["E1"]), release("A", 2)])
    assert await found(index, "E1") == {"A": 1}
    assert await index.positions() == {0: 2}


async def test_every_order_in_place_is_read_through_and_no_other(index: WatchlistIndex) -> None:
    assert [order async for order in index.in_place()] == []
    placed = [order(f"P{number}", 1, [f"E{number}"]) for number in range(200)]
    released = [order("R", 1, ["E1"]), release("R", 2), release("T", 1)]
    await index.apply(0, 0, 203, [*placed, *released])
    assert sorted([one.id async for one in index.in_place()]) == sorted(one.record.id for one in placed)


async def test_ids_may_be_any_text(index: WatchlistIndex) -> None:
    ids = ["(2026)粤0106执1号", "a:b\n{c}", "x" * 300, "*"]
    await apply(index, *(order(id_, 1, ["E1"]) for id_ in ids))
    await apply(index, release(ids[1], 2))
    assert sorted(await found(index, "E1")) == sorted(set(ids) - {ids[1]})


async def test_readers_never_see_half_a_batch(index: WatchlistIndex) -> None:
    """Every batch moves a dozen orders from one key to the other, whole and at once."""
    ids = [f"A{number}" for number in range(12)]
    await index.apply(0, 0, 1, [order(id_, 1, ["E1"]) for id_ in ids])

    async def write() -> None:
        for version in range(2, 30):
            records = [order(id_, version, [f"E{1 + version % 2}"], action="amend") for id_ in ids]
            await index.apply(0, version - 1, version, records)
            await asyncio.sleep(0)

    async def read() -> int:
        seen = set()
        while not writing.done():
            looked_up = await index.lookup([key("E1"), key("E2")])
            versions = {order.version for order in looked_up.orders}
            assert len(looked_up.orders) == len(ids)
            assert versions == {looked_up.positions[0]}
            seen |= versions
            await asyncio.sleep(0)
        return len(seen)

    writing = asyncio.create_task(write())
    assert all(count > 1 for count in await asyncio.gather(read(), read(), read()))
    await writing


class NaiveOrders:
    """The contract's lifecycle word for word, over the whole history each time it is asked."""

    def __init__(self) -> None:
        self.history: list[Logged] = []

    def standing(self, id_: str) -> tuple[str | None, int, bool]:
        """Court, version, and whether it was released."""
        court, version, ended = None, 0, False
        tombstones: dict[str, int] = {}
        for record in (logged.record for logged in self.history if logged.record.id == id_):
            if court is None and record.action == "release":
                tombstones.setdefault(record.court.code, record.version)
            elif court is None:
                if record.court.code not in tombstones:
                    court, version = record.court.code, record.version
            elif record.court.code == court and record.version > version and not ended:
                version, ended = record.version, record.action == "release"
        return court, version, ended

    def order(self, id_: str) -> Logged | None:
        court, version, ended = self.standing(id_)
        if court is None or ended:
            return None
        # The first of a version is the one that counted; the place itself may have come after others' tombstones.
        return next(
            logged
            for logged in self.history
            if (logged.record.id, logged.record.court.code, logged.record.version) == (id_, court, version)
            and logged.record.action != "release"
        )


ids = st.sampled_from(["A", "B", "C"])
courts = st.sampled_from(["1", "2"])
versions = st.integers(1, 5)
records = st.one_of(
    st.builds(
        order,
        ids,
        versions,
        st.lists(st.sampled_from(PASSPORTS), min_size=1, max_size=3, unique=True),
        court=courts,
        action=st.sampled_from(["place", "amend"]),
        handler=st.sampled_from(["甲", "乙"]),
    ),
    st.builds(release, ids, versions, court=courts),
)


class Histories(RuleBasedStateMachine):
    """Any history of orders, in any batches over two partitions, ends in what the naive model says."""

    def __init__(self, opened) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.exits = AsyncExitStack()
        self.index: WatchlistIndex = self.runner.run(self.exits.enter_async_context(opened()))
        self.model = NaiveOrders()
        self.positions: dict[int, int] = {}

    def teardown(self) -> None:
        self.runner.run(self.exits.aclose())
        self.runner.close()

    @initialize()
    def begin(self) -> None:
        assert self.runner.run(self.index.positions()) == {}

    @rule(batch=st.lists(records, max_size=6), partition=st.integers(0, 1), unreadable=st.integers(0, 3))
    def a_batch_is_applied(self, batch: Sequence[Logged], partition: int, unreadable: int) -> None:
        start = self.positions.get(partition, 0)
        end = start + len(batch) + unreadable
        decisions = self.runner.run(self.index.apply(partition, start, end, batch))
        self.positions[partition] = end
        for logged, decision in zip(batch, decisions, strict=True):
            before = self.state(logged.record.id)
            self.model.history.append(logged)
            if not decision.changes:
                assert self.state(logged.record.id) == before

    @rule(batch=st.lists(records, min_size=1, max_size=3), off=st.sampled_from([-1, 1]))
    def a_writer_elsewhere_is_refused(self, batch: Sequence[Logged], off: int) -> None:
        start = self.positions.get(0, 0) + off
        with pytest.raises(IndexMovedError):
            self.runner.run(self.index.apply(0, start, start + 5, batch))

    def state(self, id_: str):
        return self.model.standing(id_), self.model.order(id_)

    @invariant()
    def every_id_stands_as_the_model_says(self) -> None:
        for id_, standing in self.runner.run(self.index.standings(["A", "B", "C"])).of.items():
            held = standing.held
            assert (held.court, held.version, held.released) == self.model.standing(id_)
            logged = self.model.order(id_)
            assert standing.order == (logged.record if logged else None)

    @invariant()
    def every_key_finds_the_orders_that_hold_it(self) -> None:
        orders = {id_: logged.record for id_ in "ABC" if (logged := self.model.order(id_))}
        for asked in itertools.chain(itertools.combinations(PASSPORTS, 1), [PASSPORTS[:2], PASSPORTS]):
            wanted = {key(passport) for passport in asked}
            looked_up = self.runner.run(self.index.lookup(list(wanted)))
            assert looked_up.positions == self.positions
            expected = [held for held in orders.values() if wanted & set(held.keys())]
            assert sorted(looked_up.orders, key=lambda held: held.id) == sorted(expected, key=lambda held: held.id)


def test_any_history_ends_as_the_contract_says(opened) -> None:
    bounds = settings(
        max_examples=40, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
    )
    run_state_machine_as_test(lambda: Histories(opened), settings=bounds)
