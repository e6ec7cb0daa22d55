"""A snapshot gives back what was written, or an error that says why not."""

import io
import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchlists.generation import Generation
from watchlists.snapshot import (
    ForeignSnapshotError,
    NotASnapshotError,
    Snapshot,
    SnapshotError,
    TornSnapshotError,
    seed_fingerprint,
)

WORD = (1 << 64) - 1
SEED = 0x0123456789ABCDEF


def generation(rows: int = 1_000, releases: int = 10) -> Generation:
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, WORD, rows, dtype=np.uint64)
    target = Generation.empty(200_000, 1e-4, SEED)
    target.place(hashes, hashes[::-1], rng.integers(1, 9, rows), rng.permutation(hashes))
    target.release(hashes[:releases], hashes[::-1][:releases], np.full(releases, 9))
    return target


def written(target: Generation, positions: dict[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    Snapshot.of(target, positions or {}, "keys-1").write(file)
    return file.getvalue()


def read(data: bytes, seed: int = SEED, key_fingerprint: str = "keys-1") -> Snapshot:
    return Snapshot.read(io.BytesIO(data), seed=seed, key_fingerprint=key_fingerprint)


@pytest.mark.parametrize(("rows", "releases"), [(0, 0), (1, 0), (1_000, 10), (150_000, 70_000)])
def test_what_was_written_is_read(rows: int, releases: int):
    target = generation(rows, releases)
    snapshot = read(written(target, {0: 17, 11: 2**40}))
    assert snapshot.positions == {0: 17, 11: 2**40}
    loaded = snapshot.generation
    for mine, theirs in ((target.placed, loaded.placed), (target.released, loaded.released)):
        assert [c.tolist() for c in mine.read()] == [c.tolist() for c in theirs.read()]
    assert loaded.contains(target.placed.read()[3]).all()
    assert (loaded.error_rate, loaded.least, loaded.seed) == (1e-4, 200_000, SEED)


def test_a_loaded_generation_lives_on():
    loaded = read(written(generation())).generation
    key = np.array([4711], dtype=np.uint64)
    loaded.place(key, key, [1], key)
    loaded.release(key, key, [2])
    assert loaded.contains(key).all()
    assert len(loaded.placed) == 1_001
    assert not loaded.rebuilt().contains(key).any()


def test_rows_that_came_after_the_snapshot_was_taken_are_left_out():
    target = generation()
    snapshot = Snapshot.of(target, {0: 1}, "keys-1")
    key = np.array([4711], dtype=np.uint64)
    target.place(key, key, [1], key)
    file = io.BytesIO()
    snapshot.write(file)
    assert len(read(file.getvalue()).generation.placed) == 1_000


def test_the_seed_is_not_in_the_file():
    data = written(generation())
    assert struct.pack("<Q", SEED) not in data
    assert struct.pack(">Q", SEED) not in data
    assert str(SEED).encode() not in data
    assert f"{SEED:x}".encode() not in data
    assert seed_fingerprint(SEED).encode() in data
    assert seed_fingerprint(SEED) != seed_fingerprint(SEED + 1)


def test_another_seed_or_key_function_is_refused():
    data = written(generation())
    with pytest.raises(ForeignSnapshotError, match="another seed"):
        read(data, seed=SEED + 1)
    with pytest.raises(ForeignSnapshotError, match="another key function"):
        read(data, key_fingerprint="keys-2")


def test_another_kind_of_file_is_refused():
    with pytest.raises(NotASnapshotError, match="not a snapshot"):
        read(b"PK\x03\x04" + bytes(100))
    data = bytearray(written(generation()))
    data[8] = 99
    with pytest.raises(NotASnapshotError, match="format 99"):
        read(bytes(data))


def test_a_header_that_claims_too_much_is_refused_before_memory_is():
    data = bytearray(written(generation()))
    data[12:16] = struct.pack("<I", 2**32 - 1)
    with pytest.raises(TornSnapshotError, match="header claims"):
        read(bytes(data))


DATA = written(generation(300, 5), {3: 9})


@given(st.integers(0, len(DATA) - 1))
@settings(max_examples=200, deadline=None)
def test_a_file_cut_anywhere_is_refused(length: int):
    with pytest.raises(TornSnapshotError, match="cut short"):
        read(DATA[:length])


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_a_file_changed_anywhere_is_refused(at: int, flip: int):
    damaged = bytearray(DATA)
    damaged[at] ^= flip
    with pytest.raises(SnapshotError):
        read(bytes(damaged))


def test_a_file_that_goes_on_is_refused():
    with pytest.raises(TornSnapshotError, match="after its end"):
        read(DATA + b"x")


def test_the_header_can_be_read_by_others():
    _, _, length, _ = struct.unpack_from("<8sIII", DATA)
    header = json.loads(DATA[20 : 20 + length])
    assert (header["placed"], header["released"], header["positions"]) == (300, 5, {"3": 9})
    assert len(DATA) == 20 + length + 300 * 28 + 5 * 20 + 32
