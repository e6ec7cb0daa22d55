"""One worker's folder of rows, and its snapshot: a whole one or the one before, whatever crashes.

    snapshot                        what `watchlists.snapshot` says; replaced at once, by a rename
    NAME.placed, NAME.released      rows of the generation that it names; only appended to
    lock                            held by the one process that uses the folder

Appending makes nothing durable. Saving makes the rows durable first and the snapshot that seals them second, so a crash at
any point leaves a snapshot whose rows are there; rows beyond its seals are cut off, since they come again from the log. A
generation that was rebuilt has files of its own; the old ones go after a snapshot has named the new.

    FolderInUseError            (OSError) another process uses the folder, and has not let go of it in time
    RebuildFailedError          (OSError) the process that rebuilds did not get through; the generation is as it was
"""

from __future__ import annotations

import fcntl
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from connectors.disk.rebuild import FILTER, SUFFIXES, Built, Job
from connectors.disk.rowfile import RowFile
from watchlists.bloom import KeyFilter
from watchlists.generation import Generation, Mark, filled, keys_of
from watchlists.snapshot import Seal, Snapshot, seed_fingerprint

LOCK_S_MAX: Final = 40.0
"""A screener that was told to end may take so long; its successor waits."""
_LOCK_POLL_S: Final = 0.05
_SNAPSHOT, _PART, _LOCK = "snapshot", "snapshot.part", "lock"


class FolderInUseError(OSError):
    """Another process uses the folder."""


class RebuildFailedError(OSError):
    """The process that rebuilds did not get through."""


class SnapshotFolder:
    """A folder of this process's own. The rows in it are digests of personal data: only the owner may read them.

    Threads: the one that places calls `empty`, `note` and places; another may `save`, and `rebuild`, one at a time.
    """

    def __init__(self, path: Path, *, seed: int, key_fingerprint: str, lock_s_max: float = LOCK_S_MAX) -> None:
        """Takes the folder, and makes it where it is missing. Raises FolderInUseError, OSError."""
        self._path, self._seed, self._key_fingerprint = path, seed, key_fingerprint
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = False
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _wait_for(self._lock, path, lock_s_max)
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._lock)

    def empty(self, capacity: int, error_rate: float) -> Generation:
        """A generation without rows, whose rows will be in this folder."""
        name = _new_name()
        tables = [RowFile.create(self._path / f"{name}{suffix}", dtypes) for suffix, dtypes in SUFFIXES]
        return Generation.empty(capacity, error_rate, self._seed, (tables[0], tables[1]))

    def load(self, capacity: int, error_rate: float) -> tuple[Generation, dict[int, int]] | None:
        """The generation of the snapshot, and the positions it stands at; None where there is no snapshot. The filter has room
        for `capacity` keys at least. What no snapshot names is deleted.

        Raises SnapshotError (unusable: read the log), OSError.
        """
        try:
            snapshot = Snapshot.decode((self._path / _SNAPSHOT).read_bytes())
        except FileNotFoundError:
            self._sweep("")
            return None
        snapshot.check(seed=self._seed, key_fingerprint=self._key_fingerprint)
        self._sweep(snapshot.name)
        placed, released = self._open(snapshot.name, snapshot.placed, snapshot.released, checked=False)
        held = filled(keys_of(placed), len(placed), least=capacity, error_rate=error_rate, seed=self._seed)
        return Generation(placed, released, held, capacity, snapshot.wear), snapshot.positions

    def note(self, generation: Generation, positions: Mapping[int, int]) -> Snapshot:
        """What a snapshot of this moment says. Quick; where the log is applied. It counts once it is saved."""
        placed, released = _files(generation)
        return Snapshot(
            positions=dict(positions),
            key_fingerprint=self._key_fingerprint,
            seed_fingerprint=seed_fingerprint(self._seed),
            name=placed.path.stem,
            placed=placed.seal(),
            released=released.seal(),
            wear=generation.wear,
        )

    def save(self, snapshot: Snapshot, generation: Generation) -> None:
        """Make a snapshot of a generation the folder's, and delete the rows of generations before. Raises OSError; then the
        snapshot before stands."""
        for table in _files(generation):
            table.sync()
        part = self._path / _PART  # a fixed name, so that what a killed writer left is written over
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(snapshot.encode())
            file.flush()
            os.fsync(file.fileno())
        _sync_directory(self._path)  # the row files' names, before the snapshot that names them
        part.replace(self._path / _SNAPSHOT)
        _sync_directory(self._path)
        self._sweep(snapshot.name)

    def rebuild(self, old: Generation) -> Generation:
        """A new generation of the rows of `old` that still matter; `catch_up` brings what came meanwhile.

        Raises RebuildFailedError, OSError.
        """
        placed, released = (table.seal() for table in _files(old))
        job = Job(
            str(self._path),
            _files(old)[0].path.stem,
            placed,
            released,
            _new_name(),
            old.least,
            old.error_rate,
            old.seed,
        )
        built = self._run(job)
        new_placed, new_released = self._open(job.new, built.placed, built.released, checked=True)
        filter_file = self._path / f"{job.new}{FILTER}"
        with filter_file.open("rb") as file:
            held = KeyFilter.fromfile(file, seed=old.seed)
        filter_file.unlink()
        return old.succeeded_by(new_placed, new_released, held, built.orders, Mark(placed.rows, released.rows))

    def stop(self) -> None:
        """End a rebuild that is under way, and any that would begin; it raises."""
        self._stopped = True
        if self._child is not None:
            self._child.kill()

    def retire(self, old: Generation) -> None:
        """Let go of a generation that nobody uses any more. Its files stay until a snapshot has named others."""
        for table in _files(old):
            table.close()

    def _run(self, job: Job) -> Built:
        command = [sys.executable, "-m", "connectors.disk.rebuild"]
        with subprocess.Popen(command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            self._child = child
            if self._stopped:
                child.kill()
            try:
                assert child.stdin is not None
                assert child.stdout is not None
                child.stdin.write(msgspec.json.encode(job) + b"\n")  # and not closed: its end is the child's
                answer = child.stdout.read()
            except BrokenPipeError:
                answer = b""
            finally:
                code = child.wait()
                self._child = None
        if code or not answer:
            raise RebuildFailedError(f"rebuilding ended with code {code}")
        return msgspec.json.decode(answer, type=Built)

    def _open(self, name: str, placed: Seal, released: Seal, *, checked: bool) -> tuple[RowFile, RowFile]:
        tables = [
            RowFile.open(self._path / f"{name}{suffix}", dtypes, seal, checked=checked)
            for (suffix, dtypes), seal in zip(SUFFIXES, (placed, released), strict=True)
        ]
        return tables[0], tables[1]

    def _sweep(self, name: str) -> None:
        for path in self._path.iterdir():
            if path.name not in (_SNAPSHOT, _LOCK) and (not name or path.stem != name):
                path.unlink(missing_ok=True)


def _files(generation: Generation) -> tuple[RowFile, RowFile]:
    placed, released = generation.placed, generation.released
    if not isinstance(placed, RowFile) or not isinstance(released, RowFile):
        raise TypeError("a generation in memory has no files")
    return placed, released


def _new_name() -> str:
    """No name comes twice, so a process that was slow to end writes into nobody's files."""
    return secrets.token_hex(8)


def _wait_for(lock: int, path: Path, lock_s_max: float) -> None:
    ends_at = time.monotonic() + lock_s_max
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends_at:
                raise FolderInUseError(f"{path} is used by another process: every worker needs a folder of its own") from None
            time.sleep(_LOCK_POLL_S)
        else:
            return


def _sync_directory(path: Path) -> None:
    """A name is durable only when its directory is."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
