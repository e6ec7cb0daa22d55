"""The keys of every order in force are always in the filter; a rebuild drops what can no longer matter."""

import threading

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from watchlists import generation as generation_module
from watchlists import rows as rows_module
from watchlists.generation import DEAD_LEAST, LEAST_CAPACITY, Generation
from watchlists.rows import PLACED, MemoryTable, as_versions

MIX = 0x9E3779B97F4A7C15
WORD = (1 << 64) - 1


def mixed(*values: int) -> np.ndarray:
    """Small numbers as the well-mixed 64-bit hashes that the engine gives."""
    return np.array([(v * MIX ^ (v * MIX & WORD) >> 29) & WORD for v in values], dtype=np.uint64)


def place(target: Generation, order: int, court: int, version: int, *keys: int) -> None:
    n = len(keys)
    target.place(np.repeat(mixed(order), n), np.repeat(mixed(court), n), [version] * n, mixed(*keys))


def release(target: Generation, order: int, court: int, version: int) -> None:
    target.release(mixed(order), mixed(court), [version])


class NaiveOrders:
    """The contract's lifecycle, word for word, with dictionaries."""

    def __init__(self) -> None:
        self.held: dict[int, tuple[int, int, set[int]]] = {}  # order -> court, version, keys
        self.released: set[int] = set()
        self.tombstones: set[tuple[int, int]] = set()

    def place(self, order: int, court: int, version: int, keys: set[int]) -> None:
        if order in self.released or (order, court) in self.tombstones:
            return
        if order not in self.held or (self.held[order][0] == court and self.held[order][1] < version):
            self.held[order] = (court, version, keys)

    def release(self, order: int, court: int, version: int) -> None:
        if order in self.released:
            return
        if order not in self.held:
            self.tombstones.add((order, court))
        elif self.held[order][0] == court and self.held[order][1] < version:
            self.released.add(order)
            del self.held[order]

    def keys(self) -> set[int]:
        return set().union(*(keys for _, _, keys in self.held.values()))


numbers = st.integers(0, 5)
courts = st.integers(0, 2)
versions = st.one_of(st.integers(1, 6), st.sampled_from([2**32 - 1, 2**32, 2**40]))
keys_of_one = st.sets(st.integers(0, 40), min_size=1, max_size=4)


class Lifecycle(RuleBasedStateMachine):
    """Any arrival order, repeats, other courts' doings, and rebuilds at any moment."""

    @initialize(seed=st.integers(0, WORD), part_rows=st.sampled_from([1, 7, 1 << 18]))
    def start(self, seed: int, part_rows: int) -> None:
        self.restore = generation_module.PART_ROWS
        generation_module.PART_ROWS = part_rows
        self.model, self.generation = NaiveOrders(), Generation.empty(seed=seed)
        self.building: Generation | None = None
        self.log: list[tuple] = []

    @rule(order=numbers, court=courts, version=versions, keys=keys_of_one)
    def place(self, order: int, court: int, version: int, keys: set[int]) -> None:
        self.log.append(("place", order, court, version, keys))
        self.model.place(order, court, version, keys)
        place(self.generation, order, court, version, *keys)

    @rule(order=numbers, court=courts, version=versions)
    def release(self, order: int, court: int, version: int) -> None:
        self.log.append(("release", order, court, version))
        self.model.release(order, court, version)
        release(self.generation, order, court, version)

    @rule(order=numbers, data=st.data())
    def release_what_is_held(self, order: int, data: st.DataObject) -> None:
        if order in self.model.held:
            court, version, _ = self.model.held[order]
            self.release(order, court, version + data.draw(st.integers(-1, 1)))

    @precondition(lambda self: self.log)
    @rule(back=st.integers(1, 8))
    def the_log_is_read_again_from_earlier(self, back: int) -> None:
        for kind, *record in self.log[-back:]:
            if kind == "place":
                place(self.generation, *record[:3], *record[3])
            else:
                release(self.generation, *record)

    @rule()
    def begin_to_rebuild(self) -> None:
        self.building = self.generation.rebuilt()

    @precondition(lambda self: self.building is not None)
    @rule(twice=st.booleans())
    def swap(self, twice: bool) -> None:
        assert self.building is not None
        self.building.catch_up(self.generation)
        if twice:
            self.building.catch_up(self.generation)
        self.generation, self.building = self.building, None

    @invariant()
    def keys_in_force_are_in_the_filter(self) -> None:
        if in_force := self.model.keys():
            assert self.generation.contains(mixed(*in_force)).all()
            assert self.generation.rebuilt().contains(mixed(*in_force)).all()

    def teardown(self) -> None:
        generation_module.PART_ROWS = getattr(self, "restore", generation_module.PART_ROWS)


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def held(target: Generation) -> list[tuple[int, int, int, int]]:
    return sorted(zip(*(column.tolist() for column in target.placed.read()), strict=True))


def row(order: int, court: int, version: int, key: int) -> tuple[int, int, int, int]:
    return int(mixed(order)[0]), int(mixed(court)[0]), version, int(mixed(key)[0])


def test_a_rebuild_drops_released_superseded_and_repeated_rows_and_no_others():
    target = Generation.empty(seed=1)
    place(target, 1, 1, 1, 10, 11)  # superseded
    place(target, 1, 1, 3, 11, 12)
    place(target, 1, 1, 2, 13)  # late
    place(target, 2, 1, 1, 10, 20)  # released
    place(target, 3, 1, 2, 30)  # released by a version that is not higher
    place(target, 4, 1, 1, 40)  # released by another court
    place(target, 4, 1, 1, 40)  # repeated
    release(target, 2, 1, 2)
    release(target, 2, 1, 2)
    release(target, 3, 1, 2)
    release(target, 4, 2, 9)
    release(target, 5, 1, 1)  # unknown
    new = target.rebuilt()
    assert held(new) == sorted([row(1, 1, 3, 11), row(1, 1, 3, 12), row(3, 1, 2, 30), row(4, 1, 1, 40)])
    assert target.contains(mixed(10, 11, 12, 13, 20, 30, 40)).all(), "the old generation is as it was"
    assert new.contains(mixed(10, 11, 12, 13, 20, 30, 40)).tolist() == [False, True, True, False, False, True, True]


def test_a_late_place_of_a_released_order_goes_with_the_next_rebuild():
    target = Generation.empty()
    release(target, 1, 1, 2)
    new = target.rebuilt()
    place(new, 1, 1, 1, 10)
    assert not new.rebuilt().contains(mixed(10)).any()


def test_a_repeated_release_does_not_take_another_orders_key():
    target = Generation.empty()
    place(target, 1, 1, 1, 10)
    place(target, 2, 2, 1, 10)
    for _ in range(3):
        release(target, 1, 1, 2)
    assert target.rebuilt().contains(mixed(10)).all()


def test_a_rebuild_in_parts_is_a_rebuild(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(3)
    n = 50_000
    target = Generation.empty(seed=3)
    orders = mixed(*range(20_000))
    of = rng.integers(0, len(orders), n)
    target.place(orders[of], orders[of % 50], rng.integers(1, 4, n), rng.integers(0, WORD, n, dtype=np.uint64))
    gone = rng.integers(0, len(orders), 4_000)
    target.release(orders[gone], orders[gone % 50], rng.integers(1, 5, len(gone)))
    whole = target.rebuilt()
    monkeypatch.setattr(generation_module, "PART_ROWS", 3_000)
    parts = target.rebuilt()
    assert held(whole) == held(parts)
    assert len(whole.placed) < n * 0.7
    assert len(whole.released) == len(parts.released) == len(np.unique(gone))


def test_grows_by_itself_and_loses_nothing():
    rng = np.random.default_rng(4)
    n = LEAST_CAPACITY * 3
    keys = rng.integers(0, WORD, n, dtype=np.uint64)
    target = Generation.empty(1_000)
    for start in range(0, n, 10_007):
        part = slice(start, start + 10_007)
        target.place(keys[part], keys[part], np.ones(len(keys[part]), dtype=np.int64), keys[part])
        assert target.contains(keys[: start + 10_007]).all()
    assert target.filter.capacity > n
    assert target.filter.false_positive_rate < 2e-5


def test_should_rebuild_when_a_quarter_is_dead_or_the_filter_nearly_full():
    target = Generation.empty()
    n = LEAST_CAPACITY // 2
    hashes = np.random.default_rng(5).integers(0, WORD, LEAST_CAPACITY, dtype=np.uint64)
    ones = np.ones(LEAST_CAPACITY, dtype=np.int64)
    target.place(hashes[:n], hashes[:n], ones[:n], hashes[:n])
    assert (target.dead, target.should_rebuild) == (0, False)
    target.release(hashes[: n // 2], hashes[: n // 2], ones[: n // 2] * 2)
    assert target.should_rebuild
    target = target.rebuilt()
    assert len(target.placed) == n // 2
    assert (target.dead, target.should_rebuild) == (0, False)
    rest = slice(n // 2, int(LEAST_CAPACITY * 0.95))
    target.place(hashes[rest], hashes[rest], ones[rest], hashes[rest])
    assert target.should_rebuild, "nearly full"
    assert not target.rebuilt().should_rebuild


def test_a_few_dead_rows_are_no_reason_to_rebuild():
    target = Generation.empty()
    for order in range(100):
        place(target, order, 1, 1, order)
        release(target, order, 1, 2)
    assert 0 < target.dead < DEAD_LEAST
    assert not target.should_rebuild


def test_places_that_come_during_a_build_are_brought_by_catching_up():
    target = Generation.empty()
    place(target, 1, 1, 1, 10)
    new = target.rebuilt()
    place(target, 2, 1, 1, 20)
    release(target, 1, 1, 2)
    assert not new.contains(mixed(20)).any()
    new.catch_up(target)
    assert new.contains(mixed(10, 20)).all()
    assert new.rebuilt().contains(mixed(10, 20)).tolist() == [False, True]


def test_a_build_beside_a_thread_that_places_loses_nothing():
    rng = np.random.default_rng(6)
    keys = rng.integers(0, WORD, 400_000, dtype=np.uint64)
    ones = np.ones(len(keys), dtype=np.int64)
    target = Generation.empty()
    target.place(keys[:200_000], keys[:200_000], ones[:200_000], keys[:200_000])
    built: list[Generation] = []
    thread = threading.Thread(target=lambda: built.append(target.rebuilt()))
    thread.start()
    for start in range(200_000, len(keys), 999):
        part = slice(start, start + 999)
        target.place(keys[part], keys[part], ones[part], keys[part])
    thread.join()
    built[0].catch_up(target)
    assert built[0].contains(keys).all()
    assert len(built[0].placed) == len(keys)


def test_lengths_that_differ_are_refused():
    target = Generation.empty()
    with pytest.raises(ValueError, match="one length"):
        target.place(mixed(1, 2), mixed(1, 2), [1], mixed(1, 2))
    with pytest.raises(ValueError, match="one length"):
        target.release(mixed(1), mixed(1), [])
    assert len(target.placed) == len(target.released) == 0


def test_nothing_may_be_placed_and_nothing_rebuilt():
    target = Generation.empty()
    target.place([], [], [], [])
    target.release([], [], [])
    assert len(target.rebuilt().placed) == 0
    assert not target.contains(mixed(1)).any()


def test_versions_beyond_32_bits_are_clipped_and_keep_their_order():
    assert as_versions([0, 1, 2**32 - 1, 2**32, 2**40]).tolist() == [0, 1, 2**32 - 1, 2**32 - 1, 2**32 - 1]


def test_a_table_reads_back_any_range(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rows_module, "CHUNK", 10)
    columns = tuple(np.arange(57).astype(d) for d in PLACED)
    table = MemoryTable(PLACED)
    for start, stop in [(0, 13), (13, 14), (14, 14), (14, 40), (40, 57)]:
        table.append(tuple(column[start:stop] for column in columns))
    assert len(table) == 57
    for start in range(0, 58, 3):
        for stop in range(start, 58, 5):
            assert [c.tolist() for c in table.read(start, stop)] == [list(range(start, stop))] * 4
            assert [c.dtype for c in table.read(start, stop)] == [np.dtype(d) for d in PLACED]
