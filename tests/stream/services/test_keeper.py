"""A kept generation outlives its process, is rebuilt when that pays, and loses nothing while it is."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from connectors.disk.snapshots import RebuildFailedError, SnapshotFolder
from stream.services import keeper as keeper_module
from stream.services.keeper import Keeper
from watchlists.generation import DEAD_LEAST, Generation

WORD = (1 << 64) - 1
ROWS = DEAD_LEAST * 4


def keeper_at(folder: Path | None) -> Keeper:
    return Keeper(folder, 1_000, 1e-5, seed=7, key_fingerprint="keys-1")


def keys(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, WORD, n, dtype=np.uint64)


def place(target: Generation, hashes: np.ndarray) -> None:
    target.place(hashes, hashes, np.ones(len(hashes)), hashes)


def release(target: Generation, hashes: np.ndarray) -> None:
    target.release(hashes, hashes, np.full(len(hashes), 2))


def tended(keeper: Keeper, target: Generation, positions: dict[int, int], seconds: float = 30) -> Generation:
    """Tend until another generation takes over."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        new = keeper.tend(target, positions, caught_up=True)
        if new is not target:
            return new
        time.sleep(0.01)
    raise AssertionError("it was not rebuilt")


def test_what_was_placed_is_there_after_a_restart(tmp_path: Path):
    keeper = keeper_at(tmp_path)
    target, positions = keeper.restored()
    assert positions == {}
    place(target, keys(100))
    keeper.tend(target, {0: 100}, caught_up=True)
    place(target, keys(100, 2))
    keeper.stop(target, {0: 200})
    target, positions = keeper_at(tmp_path).restored()
    assert positions == {0: 200}
    assert target.contains(keys(100)).all()
    assert target.contains(keys(100, 2)).all()


def test_a_killed_worker_stands_where_it_saved(tmp_path: Path):
    keeper = keeper_at(tmp_path)
    target, _ = keeper.restored()
    place(target, keys(100))
    keeper.tend(target, {0: 100}, caught_up=True)
    keeper._builder.shutdown()
    place(target, keys(100, 2))
    keeper._folder.close()  # as the system does for a process that is killed
    target, positions = keeper_at(tmp_path).restored()
    assert (positions, len(target.placed)) == ({0: 100}, 100)


def test_nothing_is_saved_where_nothing_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    keeper = keeper_at(tmp_path)
    target, _ = keeper.restored()
    keeper.stop(target, {0: 0})
    monkeypatch.setattr(SnapshotFolder, "save", lambda *_: pytest.fail("saved again"))
    keeper = keeper_at(tmp_path)
    target, positions = keeper.restored()
    for _ in range(3):
        keeper.tend(target, positions, caught_up=True)
    keeper.stop(target, positions)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 another kind of file altogether", None])
def test_a_snapshot_that_cannot_be_used_means_all_orders_again(tmp_path: Path, damage: bytes | None):
    keeper = keeper_at(tmp_path)
    target, _ = keeper.restored()
    place(target, keys(100))
    keeper.stop(target, {0: 100})
    if damage is None:
        next(tmp_path.glob("*.placed")).write_bytes(b"torn")
    else:
        (tmp_path / "snapshot").write_bytes(damage)
    keeper = keeper_at(tmp_path)
    target, positions = keeper.restored()
    assert (positions, len(target.placed)) == ({}, 0)
    place(target, keys(100))
    keeper.stop(target, {0: 100})
    assert len(list(tmp_path.glob("*.placed"))) == 1, "what cannot be used is in nobody's way"
    assert keeper_at(tmp_path).restored()[1] == {0: 100}


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_rebuild_beside_placing_loses_nothing(tmp_path: Path, on_disk: bool):
    keeper = keeper_at(tmp_path if on_disk else None)
    target, _ = keeper.restored()
    gone, stays, late = keys(ROWS // 2), keys(ROWS // 2, 2), keys(500, 3)
    place(target, gone)
    place(target, stays)
    release(target, gone)
    assert target.should_rebuild
    assert keeper.tend(target, {0: ROWS}, caught_up=False) is target, "before it caught up nobody waits for it"
    assert keeper.tend(target, {0: ROWS}, caught_up=True) is target
    place(target, late)
    new = tended(keeper, target, {0: ROWS + 500})
    assert new.contains(np.concatenate([stays, late])).all()
    assert new.contains(gone).mean() < 0.01
    keeper.stop(new, {0: ROWS + 500})
    if on_disk:
        back, positions = keeper_at(tmp_path).restored()
        assert positions == {0: ROWS + 500}
        assert back.contains(np.concatenate([stays, late])).all()
        assert back.contains(gone).mean() < 0.01
        assert len(list(tmp_path.glob("*.placed"))) == 1


def test_a_rebuild_that_failed_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keeper_module, "REBUILD_AGAIN_S", 0.0)
    keeper = keeper_at(tmp_path)
    target, _ = keeper.restored()
    place(target, keys(ROWS))
    release(target, keys(ROWS))
    real, failed = SnapshotFolder.rebuild, []

    def fails_once(folder: SnapshotFolder, old: Generation) -> Generation:
        if not failed:
            failed.append(True)
            raise RebuildFailedError("rebuilding ended with code -9")
        return real(folder, old)

    monkeypatch.setattr(SnapshotFolder, "rebuild", fails_once)
    new = tended(keeper, target, {0: ROWS})
    assert failed
    assert len(new.placed) == 0
    keeper.stop(new, {0: ROWS})


def test_a_save_that_failed_is_tried_again_and_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keeper_module, "SNAPSHOT_EVERY_S", 0.0)
    keeper = keeper_at(tmp_path)
    target, _ = keeper.restored()
    place(target, keys(100))

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(SnapshotFolder, "save", fails)
        for _ in range(20):
            keeper.tend(target, {0: 100}, caught_up=True)
            time.sleep(0.01)
    ends_at = time.monotonic() + 10
    while not (tmp_path / "snapshot").exists():
        assert time.monotonic() < ends_at
        keeper.tend(target, {0: 100}, caught_up=True)
        time.sleep(0.01)
    keeper.stop(target, {0: 100})
    assert keeper_at(tmp_path).restored()[1] == {0: 100}


def test_stopping_ends_a_rebuild_that_is_under_way(tmp_path: Path):
    keeper = keeper_at(tmp_path)
    target, _ = keeper.restored()
    place(target, keys(ROWS))
    release(target, keys(ROWS))
    keeper.tend(target, {0: ROWS}, caught_up=True)
    began = time.monotonic()
    keeper.stop(target, {0: ROWS})
    assert time.monotonic() - began < 10
    back, positions = keeper_at(tmp_path).restored()
    assert (positions, len(back.placed)) == ({0: ROWS}, ROWS)
