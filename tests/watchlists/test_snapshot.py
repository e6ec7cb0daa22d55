"""A snapshot says again what it said, or an error says why not."""

import json
import struct

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchlists.generation import Wear
from watchlists.snapshot import (
    ForeignSnapshotError,
    NotASnapshotError,
    Seal,
    Snapshot,
    SnapshotError,
    TornSnapshotError,
    seed_fingerprint,
)

SEED = 0x0123456789ABCDEF


def snapshot(positions: dict[int, int] | None = None) -> Snapshot:
    return Snapshot(
        positions=positions or {},
        key_fingerprint="keys-1",
        seed_fingerprint=seed_fingerprint(SEED),
        name="00ff00ff00ff00ff",
        placed=Seal(300, 0xFFFFFFFF),
        released=Seal(5, 1),
        wear=Wear(2.5, 1.7),
    )


DATA = snapshot({3: 9}).encode()


@pytest.mark.parametrize("positions", [{}, {0: 17, 11: 2**40}])
def test_what_was_written_is_read(positions: dict[int, int]):
    assert Snapshot.decode(snapshot(positions).encode()) == snapshot(positions)


def test_the_seed_is_not_in_it():
    assert struct.pack("<Q", SEED) not in DATA
    assert struct.pack(">Q", SEED) not in DATA
    assert str(SEED).encode() not in DATA
    assert f"{SEED:x}".encode() not in DATA
    assert seed_fingerprint(SEED).encode() in DATA
    assert seed_fingerprint(SEED) != seed_fingerprint(SEED + 1)


def test_another_seed_or_key_function_is_refused():
    snapshot().check(seed=SEED, key_fingerprint="keys-1")
    with pytest.raises(ForeignSnapshotError, match="another seed"):
        snapshot().check(seed=SEED + 1, key_fingerprint="keys-1")
    with pytest.raises(ForeignSnapshotError, match="another key function"):
        snapshot().check(seed=SEED, key_fingerprint="keys-2")


def test_another_kind_of_file_is_refused():
    with pytest.raises(NotASnapshotError, match="not a snapshot"):
        Snapshot.decode(b"PK\x03\x04" + bytes(100))
    data = bytearray(DATA)
    data[8] = 99
    with pytest.raises(NotASnapshotError, match="format 99"):
        Snapshot.decode(bytes(data))


def test_a_snapshot_of_another_shape_is_refused(monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patched:
        patched.setattr(msgspec.json, "encode", lambda _: b'{"positions": 7}')
        data = snapshot().encode()
    with pytest.raises(NotASnapshotError, match="something else"):
        Snapshot.decode(data)


@given(st.integers(0, len(DATA) - 1))
@settings(deadline=None)
def test_one_cut_anywhere_is_refused(length: int):
    with pytest.raises(TornSnapshotError, match="cut short"):
        Snapshot.decode(DATA[:length])


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_one_changed_anywhere_is_refused(at: int, flip: int):
    damaged = bytearray(DATA)
    damaged[at] ^= flip
    with pytest.raises(SnapshotError):
        Snapshot.decode(bytes(damaged))


def test_one_that_goes_on_is_refused():
    with pytest.raises(TornSnapshotError):
        Snapshot.decode(DATA + b"x")


def test_it_can_be_read_by_others():
    body = json.loads(DATA[20:])
    assert (body["placed"], body["released"], body["positions"]) == ([300, 0xFFFFFFFF], [5, 1], {"3": 9})
