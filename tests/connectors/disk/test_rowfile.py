"""Rows in a file are the rows that were appended, up to a seal, or an error."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.disk import rowfile
from connectors.disk.rowfile import RowFile
from watchlists.rows import PLACED, RELEASED, Columns, MemoryTable
from watchlists.snapshot import Seal, TornSnapshotError


def columns(n: int, seed: int = 1) -> Columns:
    rng = np.random.default_rng(seed)
    return tuple(rng.integers(0, np.iinfo(d).max, n, dtype=d, endpoint=True) for d in PLACED)


def lists(table: RowFile | MemoryTable, start: int = 0, stop: int | None = None) -> list[list[int]]:
    return [column.tolist() for column in table.read(start, stop)]


def test_any_range_reads_as_from_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rowfile, "CHUNK", 10)
    table, memory = RowFile.create(tmp_path / "rows", PLACED), MemoryTable(PLACED)
    for n in (0, 1, 27, 29):
        for target in (table, memory):
            target.append(columns(n, n))
    assert len(table) == len(memory) == 57
    for start in range(0, 58, 3):
        for stop in range(start, 58, 5):
            assert lists(table, start, stop) == lists(memory, start, stop)
    assert [c.dtype for c in table.read()] == [np.dtype(d) for d in PLACED]
    assert (tmp_path / "rows").stat().st_size == 57 * 28
    assert stat.S_IMODE((tmp_path / "rows").stat().st_mode) == 0o600


def test_a_release_row_is_20_bytes(tmp_path: Path):
    table = RowFile.create(tmp_path / "rows", RELEASED)
    table.append(columns(5)[:3])
    assert table.path.stat().st_size == 100


def test_opened_at_a_seal_it_is_as_it_was_and_goes_on(tmp_path: Path):
    table = RowFile.create(tmp_path / "rows", PLACED)
    table.append(columns(40))
    seal = table.seal()
    table.append(columns(9, 2))  # sealed by nobody
    back = RowFile.open(table.path, PLACED, seal)
    assert lists(back) == [c.tolist() for c in columns(40)]
    back.append(columns(9, 3))
    again = RowFile.open(table.path, PLACED, back.seal())
    assert lists(again, 40) == [c.tolist() for c in columns(9, 3)]


def test_a_reader_beside_the_writer_cuts_nothing_off(tmp_path: Path):
    table = RowFile.create(tmp_path / "rows", PLACED)
    table.append(columns(40))
    reader = RowFile.reading(table.path, PLACED, Seal(30, 0))
    assert len(reader) == 30
    assert lists(reader) == [c[:30].tolist() for c in columns(40)]
    assert lists(table) == [c.tolist() for c in columns(40)]


@given(st.integers(0, 40 * 28 + 100), st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_cut_anywhere_it_is_whole_up_to_its_seal_or_refused(tmp_path_factory: pytest.TempPathFactory, size: int, rows: int):
    path = tmp_path_factory.mktemp("cut") / "rows"
    table = RowFile.create(path, PLACED)
    table.append(tuple(c[:rows] for c in columns(40)))
    seal = table.seal()
    table.append(tuple(c[rows:] for c in columns(40)))
    os.truncate(path, size)  # longer, too: a file system may leave zeros after a crash
    if size < rows * 28:
        with pytest.raises(TornSnapshotError, match="cut short"):
            RowFile.open(path, PLACED, seal)
    else:
        assert lists(RowFile.open(path, PLACED, seal)) == [c[:rows].tolist() for c in columns(40)]
        assert path.stat().st_size == rows * 28


@given(st.integers(0, 40 * 28 - 1), st.integers(1, 255))
@settings(max_examples=100, deadline=None)
def test_changed_anywhere_it_is_refused(tmp_path_factory: pytest.TempPathFactory, at: int, flip: int):
    path = tmp_path_factory.mktemp("changed") / "rows"
    table = RowFile.create(path, PLACED)
    table.append(columns(40))
    data = bytearray(path.read_bytes())
    data[at] ^= flip
    path.write_bytes(data)
    with pytest.raises(TornSnapshotError, match="checksum"):
        RowFile.open(path, PLACED, table.seal())


def test_an_append_that_failed_added_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    table = RowFile.create(tmp_path / "rows", PLACED)
    table.append(columns(10))

    def half(handle: int, data: memoryview, at: int) -> int:
        if len(data) > 28 * 5:
            return real(handle, data[:17], at)
        raise OSError(28, "No space left on device")

    real = os.pwrite
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", half)
        with pytest.raises(OSError, match="No space"):
            table.append(columns(6, 2))
    assert len(table) == 10
    table.append(columns(7, 3))
    assert lists(RowFile.open(table.path, PLACED, table.seal()), 10) == [c.tolist() for c in columns(7, 3)]


def test_a_file_that_shrinks_under_a_reader_is_an_error_and_no_zeros(tmp_path: Path):
    table = RowFile.create(tmp_path / "rows", PLACED)
    table.append(columns(10))
    os.truncate(table.path, 9 * 28)
    with pytest.raises(OSError, match="ends within"):
        table.read()
    with pytest.raises(TornSnapshotError, match="missing"):
        RowFile.open(tmp_path / "absent", PLACED, Seal())
