"""The filter never forgets a key, says the same one by one and in batches, and keeps pybloom-live's format."""

import io
import pickle
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pybloom_live
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchlists.bloom import FILL_BATCH, FilterFullError, KeyFilter, as_keys

WORD = (1 << 64) - 1
keys_lists = st.lists(st.integers(0, WORD), max_size=300)
seeds = st.integers(0, WORD)


def some_keys(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, WORD, n, dtype=np.uint64, endpoint=True)


@given(keys_lists, keys_lists, seeds, st.sampled_from([0.4, 1e-2, 1e-5, 1e-9]), st.sampled_from([700, 5_000, 90_000]))
@settings(max_examples=150, deadline=None)
def test_no_false_negative_and_scalar_equals_batch(added, asked, seed, error_rate, capacity):
    batch, scalar = KeyFilter(capacity, error_rate, seed), KeyFilter(capacity, error_rate, seed)
    batch.add_keys(as_keys(added[::2]))
    batch.add_keys(as_keys(added + added))  # repeats
    for key in added:
        scalar.add(key)
    assert batch.bitarray == scalar.bitarray
    assert batch.contains(as_keys(added)).all()
    assert batch.contains(as_keys(asked + added)).tolist() == [key in batch for key in asked + added]
    assert all(key in batch for key in added)
    assert batch.count <= len(set(added))


def test_a_batch_larger_than_the_probe_batch_and_wide_survival():
    keys = some_keys(3 * FILL_BATCH + 17)
    target = KeyFilter(len(keys), 1e-4, seed=5)
    assert target.add_keys(keys) == target.count == len(keys)
    assert target.contains(keys).all()
    others = some_keys(300_000, seed=2)
    found = target.contains(others)
    assert found.mean() < 3e-4
    assert [bool(x) for x in found[:500]] == [int(key) in target for key in others[:500]]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tiny_batches(n):
    target = KeyFilter(100)
    keys = some_keys(n)
    assert target.add_keys(keys) == n
    assert target.contains(keys).shape == (n,)
    assert target.contains(keys).all()


def test_keys_that_meet_in_one_byte_lose_nothing():
    keys = some_keys(3_000)
    together, one_by_one = KeyFilter(3_001, 1e-5, 9), KeyFilter(3_001, 1e-5, 9)
    assert together.bits_per_slice % 8, "slices should not be byte aligned here"
    together.add_keys(keys)
    for key in keys.tolist():
        one_by_one.add(key)
    assert together.bitarray == one_by_one.bitarray
    assert together.fill == together.bitarray.count() / together.num_bits


def test_a_filter_that_nobody_holds_is_gone_at_once():
    target = KeyFilter(1_000)
    gone = weakref.ref(target)
    del target
    assert gone() is None, "a cycle would keep its megabytes until a collection"


def test_refuses_beyond_capacity_and_leaves_the_filter_as_it_was():
    target = KeyFilter(1_000)
    target.add_keys(some_keys(900))
    before = target.bitarray.copy()
    with pytest.raises(FilterFullError, match="holds 900 of at most 1000 keys and cannot take 200 more") as caught:
        target.add_keys(some_keys(200, seed=3))
    assert (caught.value.count, caught.value.wanted, caught.value.capacity) == (900, 200, 1_000)
    assert target.bitarray == before
    assert target.add_keys(some_keys(900)) == 0, "known keys take no room"
    assert target.add_keys(np.repeat(some_keys(100, seed=4), 50)) == 100, "repeats are one key"


@given(keys_lists, seeds)
@settings(max_examples=40, deadline=None)
def test_saved_and_loaded_is_the_same_filter(added, seed):
    target = KeyFilter(2_000, 1e-4, seed)
    target.add_keys(as_keys(added))
    file = io.BytesIO()
    target.tofile(file)
    loaded = KeyFilter.fromfile(io.BytesIO(file.getvalue()), seed=seed)
    assert (loaded.seed, loaded.count, loaded.capacity) == (target.seed, target.count, target.capacity)
    assert loaded.contains(as_keys(added)).all()
    assert all(key in loaded for key in added)
    assert loaded.bitarray[: target.num_bits] == target.bitarray


def test_the_stock_class_reads_the_file_and_sizes_alike(tmp_path: Path):
    target = KeyFilter(50_000, 1e-5, seed=77)
    target.add_keys(some_keys(40_000))
    path = tmp_path / "filter"
    with path.open("wb") as file:
        target.tofile(file)
    with path.open("rb") as file:
        stock = pybloom_live.BloomFilter.fromfile(file)
    fresh = pybloom_live.BloomFilter(50_000, 1e-5)
    for field in ("error_rate", "num_slices", "bits_per_slice", "num_bits", "capacity"):
        assert getattr(stock, field) == getattr(fresh, field) == getattr(target, field)
    assert stock.count == 40_000
    assert stock.bitarray[: target.num_bits] == target.bitarray
    with path.open("rb") as file:
        assert KeyFilter.fromfile(file, seed=77).contains(some_keys(40_000)).all()


def test_a_torn_file_is_refused():
    file = io.BytesIO()
    KeyFilter(1_000).tofile(file)
    with pytest.raises(ValueError, match="mismatch"):
        KeyFilter.fromfile(io.BytesIO(file.getvalue()[:-9]))


def test_another_seed_means_other_bits():
    keys = some_keys(2_000)
    one, two = KeyFilter(2_000, 1e-5, seed=1), KeyFilter(2_000, 1e-5, seed=2)
    one.add_keys(keys)
    two.add_keys(keys)
    assert one.bitarray != two.bitarray
    with pytest.raises(ValueError, match="seed"):
        one.union(two)
    with pytest.raises(ValueError, match="seed"):
        one & two


def test_copies_unions_and_pickles_keep_the_hash_family():
    left, right = some_keys(500), some_keys(500, seed=2)
    one, two = KeyFilter(2_000, 1e-5, 3), KeyFilter(2_000, 1e-5, 3)
    one.add_keys(left)
    two.add_keys(right)
    twin = one.copy()
    twin.add_keys(right)
    assert not one.contains(right).any()
    assert (one | two).contains(np.concatenate([left, right])).all()
    assert (twin & two).contains(right).all()
    assert pickle.loads(pickle.dumps(one)).contains(left).all()
    assert int(left[0]) in pickle.loads(pickle.dumps(one))


@pytest.mark.parametrize("error_rate", [1e-2, 1e-3, 1e-4])
def test_the_measured_false_positive_rate_is_the_promised_one(error_rate):
    target = KeyFilter(200_000, error_rate, seed=11)
    target.add_keys(some_keys(200_000))
    asked = some_keys(2_000_000, seed=12)
    measured = target.contains(asked).mean()
    assert 0.45 < target.fill < 0.55
    assert measured == pytest.approx(target.false_positive_rate, rel=0.3)
    assert measured < error_rate * 1.2


def test_sequential_keys_are_spread_as_well():
    """Keys should be mixed beforehand; a caller who forgets it still gets the promised rate."""
    target = KeyFilter(200_000, 1e-3, seed=11)
    target.add_keys(np.arange(200_000, dtype=np.uint64))
    assert target.contains(np.arange(10**6, 2 * 10**6, dtype=np.uint64)).mean() < 3e-3


def test_a_slice_beyond_32_bits_is_refused():
    with pytest.raises(ValueError, match="32"):
        KeyFilter._setup(KeyFilter(1), 1e-5, 17, (1 << 32) + 1, 1, 0)


def test_a_thread_that_probes_never_loses_a_key_while_another_adds():
    target = KeyFilter(400_000, 1e-5, seed=4)
    known = some_keys(50_000)
    target.add_keys(known)
    lost: list[int] = []
    done = threading.Event()

    def probe() -> None:
        while not done.is_set():
            lost.append(int((~target.contains(known)).sum()))

    thread = threading.Thread(target=probe)
    thread.start()
    for n in range(2, 42):
        while n % 10 == 0 and len(lost) < n // 10:  # the other thread has not had its turn
            time.sleep(0.001)
        target.add_keys(some_keys(7_000 if n % 2 else 300, seed=n))
    done.set()
    thread.join()
    assert len(lost) > 3
    assert not any(lost)
