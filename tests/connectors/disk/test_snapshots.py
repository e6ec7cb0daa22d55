"""A snapshot on disk is a whole one, or the one before."""

import io
import stat
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from connectors.disk.snapshots import load, save
from watchlists.generation import Generation
from watchlists.snapshot import Snapshot, TornSnapshotError


def snapshot(rows: int) -> Snapshot:
    target = Generation.empty(seed=7)
    hashes = np.arange(1, rows + 1, dtype=np.uint64)
    target.place(hashes, hashes, np.ones(rows, dtype=np.int64), hashes)
    return Snapshot.of(target, {0: rows}, "keys-1")


def loaded(path: Path) -> Snapshot | None:
    return load(path, seed=7, key_fingerprint="keys-1")


def test_saved_over_another_and_loaded(tmp_path: Path):
    path = tmp_path / "generation"
    assert loaded(path) is None
    for rows in (5, 3):
        save(snapshot(rows), path)
        back = loaded(path)
        assert back is not None
        assert (back.positions, len(back.generation.placed)) == ({0: rows}, rows)
    assert [p.name for p in tmp_path.iterdir()] == ["generation"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_writer_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "generation"
    save(snapshot(5), path)

    def fails(self: Snapshot, file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Snapshot, "write", fails)
    with pytest.raises(OSError, match="No space"):
        save(snapshot(9), path)
    back = loaded(path)
    assert back is not None
    assert back.positions == {0: 5}
    assert [p.name for p in tmp_path.iterdir()] == ["generation"]


def test_what_a_killed_writer_left_is_in_nobodys_way(tmp_path: Path):
    path = tmp_path / "generation"
    (tmp_path / ".generation.part").write_bytes(b"half" * 100_000)
    save(snapshot(5), path)
    assert loaded(path) is not None
    assert [p.name for p in tmp_path.iterdir()] == ["generation"]


def test_a_torn_file_is_an_error_and_not_none(tmp_path: Path):
    path = tmp_path / "generation"
    file = io.BytesIO()
    snapshot(5).write(file)
    path.write_bytes(file.getvalue()[:-1])
    with pytest.raises(TornSnapshotError):
        loaded(path)
