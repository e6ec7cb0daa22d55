"""A folder gives back the snapshot that was saved last, whole, whatever crashed since; and rebuilds as memory does."""

import multiprocessing
import os
import random
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from connectors.disk import rebuild, snapshots
from connectors.disk.rebuild import Job
from connectors.disk.snapshots import FolderInUseError, RebuildFailedError, SnapshotFolder
from tests.watchlists.logs import random_log, rows_of
from watchlists import generation as generation_module
from watchlists.generation import Generation
from watchlists.snapshot import ForeignSnapshotError, TornSnapshotError

SEED = 7


def folder_at(path: Path, seed: int = SEED, key_fingerprint: str = "keys-1") -> SnapshotFolder:
    return SnapshotFolder(path, seed=seed, key_fingerprint=key_fingerprint, lock_s_max=0.2)


def saved(folder: SnapshotFolder, target: Generation, positions: dict[int, int]) -> None:
    folder.save(folder.note(target, positions), target)


def loaded(path: Path) -> tuple[Generation, dict[int, int]]:
    folder = folder_at(path)
    try:
        found = folder.load(1_000, 1e-5)
    finally:
        folder.close()
    assert found is not None
    return found


def files(path: Path) -> set[str]:
    return {p.name for p in path.iterdir()}


def test_saved_again_and_again_and_loaded(tmp_path: Path):
    folder = folder_at(tmp_path)
    assert folder.load(1_000, 1e-5) is None
    target = folder.empty(1_000, 1e-5)
    for n in range(3):
        random_log(target, 300, seed=n)
        saved(folder, target, {0: n, 5: 2**40})
    held, dead = rows_of(target), target.dead
    random_log(target, 50, seed=9)  # in no snapshot
    folder.close()
    back, positions = loaded(tmp_path)
    assert (positions, rows_of(back), back.dead) == ({0: 2, 5: 2**40}, held, dead)
    assert back.contains(back.placed.read()[3]).all()
    assert (back.error_rate, back.seed) == (1e-5, SEED)


def test_only_the_owner_may_read(tmp_path: Path):
    folder = folder_at(tmp_path / "rows")
    saved(folder, folder.empty(1_000, 1e-5), {})
    modes = {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "rows").iterdir()}
    assert modes == {0o600}


def test_a_loaded_generation_lives_on(tmp_path: Path):
    folder = folder_at(tmp_path)
    saved(folder, folder.empty(1_000, 1e-5), {})
    folder.close()
    folder = folder_at(tmp_path)
    target, _ = folder.load(1_000, 1e-5) or pytest.fail("no snapshot")
    random_log(target, 300)
    saved(folder, target, {0: 300})
    folder.close()
    assert rows_of(loaded(tmp_path)[0]) == rows_of(target)


def test_another_seed_or_key_function_is_refused(tmp_path: Path):
    folder = folder_at(tmp_path)
    saved(folder, folder.empty(1_000, 1e-5), {})
    folder.close()
    for other in ({"seed": 8}, {"key_fingerprint": "keys-2"}):
        stranger = folder_at(tmp_path, **other)
        with pytest.raises(ForeignSnapshotError):
            stranger.load(1_000, 1e-5)
        stranger.close()


def test_a_folder_is_one_process_own_until_it_ends(tmp_path: Path):
    folder = folder_at(tmp_path)
    with pytest.raises(FolderInUseError, match="every worker needs a folder of its own"):
        folder_at(tmp_path)
    folder.close()
    held = multiprocessing.get_context("fork").Process(target=_hold, args=(tmp_path,))
    held.start()
    while not (tmp_path / "held").exists():
        time.sleep(0.01)
    with pytest.raises(FolderInUseError):
        folder_at(tmp_path)
    held.kill()
    held.join()
    folder_at(tmp_path).close()


def _hold(path: Path) -> None:
    folder = folder_at(path)
    (path / "held").touch()
    time.sleep(60)
    folder.close()


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("after", range(6))
def test_a_save_that_fails_at_any_step_leaves_a_whole_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, after: int
):
    folder = folder_at(tmp_path / "live")
    target = folder.empty(1_000, 1e-5)
    random_log(target, 300)
    saved(folder, target, {0: 1})
    states = {1: rows_of(target)}
    random_log(target, 100, seed=5)
    states[2] = rows_of(target)
    real: Callable[..., object] = os.fsync if step == "fsync" else Path.replace
    calls = iter(range(100))

    def fails(*args: object) -> object:
        if next(calls) == after:
            raise OSError(28, "No space left on device")
        return real(*args)

    with monkeypatch.context() as patched:
        patched.setattr(os if step == "fsync" else Path, step, fails)
        try:
            saved(folder, target, {0: 2})
        except OSError:
            failed = True
        else:
            failed = False
    crashed = tmp_path / "crashed"
    shutil.copytree(tmp_path / "live", crashed)
    back, positions = loaded(crashed)
    assert rows_of(back) == states[positions[0]]
    assert failed or positions == {0: 2}
    saved(folder, target, {0: 2})
    folder.close()
    assert rows_of(loaded(tmp_path / "live")[0]) == states[2]


def test_a_crash_tears_only_what_was_not_saved(tmp_path: Path):
    """Whatever a crash does to bytes that nobody made durable: cut, or left as zeros."""
    dice = random.Random(11)
    folder = folder_at(tmp_path / "live")
    target = folder.empty(1_000, 1e-5)
    model = Generation.empty(1_000, 1e-5, SEED)
    random_log(target, 200)
    random_log(model, 200)
    for n in range(25):
        saved(folder, target, {0: n})
        sealed = {p.name: p.stat().st_size for p in (tmp_path / "live").iterdir()}
        held = rows_of(target)
        if n % 8 == 7:
            new = folder.rebuild(target)
            new.catch_up(target)
            folder.retire(target)
            target = new
        random_log(target, dice.randrange(5, 100), seed=n)
        crashed = tmp_path / f"crashed-{n}"
        shutil.copytree(tmp_path / "live", crashed)
        for path in crashed.iterdir():
            durable, there = sealed.get(path.name, 0), path.stat().st_size
            size = dice.randrange(durable, there + 1)
            os.truncate(path, size)
            if dice.random() < 0.5:
                os.truncate(path, size + dice.randrange(200) * (path.name not in ("snapshot", "lock")))
        back, positions = loaded(crashed)
        assert (positions, rows_of(back)) == ({0: n}, held)
        assert len(files(crashed)) == 4, "what no snapshot names is gone"


def test_rows_that_were_lost_are_an_error(tmp_path: Path):
    folder = folder_at(tmp_path)
    target = folder.empty(1_000, 1e-5)
    random_log(target, 300)
    saved(folder, target, {})
    folder.close()
    for suffix in ("placed", "released"):
        (path,) = tmp_path.glob(f"*.{suffix}")
        whole = path.read_bytes()
        for damage in (whole[:-1], b"", bytes([whole[0] ^ 1]) + whole[1:]):
            path.write_bytes(damage)
            with pytest.raises(TornSnapshotError):
                loaded(tmp_path)
        path.unlink()
        with pytest.raises(TornSnapshotError, match="missing"):
            loaded(tmp_path)
        path.write_bytes(whole)
    loaded(tmp_path)


@pytest.mark.parametrize("rows", [0, 10, 5_000])
@pytest.mark.parametrize("part_rows", [1 << 18, 400, 30])
def test_a_rebuild_of_files_is_the_rebuild_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, part_rows: int
):
    monkeypatch.setattr(generation_module, "PART_ROWS", part_rows)
    monkeypatch.setattr(rebuild, "DEALT_ROWS", 333)
    monkeypatch.setattr(SnapshotFolder, "_run", lambda _, job: rebuild.rebuild(job))  # in this process, for the patches
    folder = folder_at(tmp_path)
    target, memory = folder.empty(1_000, 1e-5), Generation.empty(1_000, 1e-5, SEED)
    for each in (target, memory):
        random_log(each, rows)
    new, expected = folder.rebuild(target), memory.rebuilt()
    assert rows_of(new) == rows_of(expected)
    assert new.wear == expected.wear
    assert new.filter.bitarray[: new.filter.num_bits] == expected.filter.bitarray
    assert new.filter.count == expected.filter.count
    random_log(target, 100, seed=8)
    random_log(memory, 100, seed=8)
    new.catch_up(target)
    expected.catch_up(memory)
    assert rows_of(new) == rows_of(expected)


def test_a_rebuild_runs_in_a_process_and_the_old_rows_go_with_the_next_snapshot(tmp_path: Path):
    folder = folder_at(tmp_path)
    target = folder.empty(1_000, 1e-5)
    random_log(target, 5_000)
    saved(folder, target, {0: 1})
    before = rows_of(target)
    new = folder.rebuild(target)
    assert len(files(tmp_path)) == 2 + 2 + 2
    assert rows_of(target) == before
    new.catch_up(target)
    folder.retire(target)
    random_log(new, 100, seed=6)
    saved(folder, new, {0: 2})
    assert len(files(tmp_path)) == 2 + 2
    folder.close()
    back, positions = loaded(tmp_path)
    assert (rows_of(back), positions) == (rows_of(new), {0: 2})


def test_a_rebuild_that_is_ended_raises_and_leaves_the_generation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = folder_at(tmp_path)
    target = folder.empty(1_000, 1e-5)
    random_log(target, 500)
    folder.stop()
    with pytest.raises(RebuildFailedError):
        folder.rebuild(target)
    saved(folder, target, {0: 1})
    folder.close()
    assert rows_of(loaded(tmp_path)[0]) == rows_of(target)


def test_a_rebuild_of_rows_that_are_not_there_fails(tmp_path: Path):
    job = Job(str(tmp_path), "0" * 16, snapshots.Seal(), snapshots.Seal(), "1" * 16, 1_000, 1e-5, SEED)
    with pytest.raises(TornSnapshotError, match="missing"):
        rebuild.rebuild(job)


def test_keys_that_were_added_are_in_the_loaded_filter_whatever_its_size(tmp_path: Path):
    folder = folder_at(tmp_path)
    target = folder.empty(1_000, 1e-5)
    keys = np.random.default_rng(1).integers(0, 2**64 - 1, 200_000, dtype=np.uint64)
    target.place(keys, keys, np.ones(len(keys)), keys)
    saved(folder, target, {})
    folder.close()
    back, _ = loaded(tmp_path)
    assert back.contains(keys).all()
    assert back.filter.capacity >= 300_000
