"""Snapshots of a generation on disk: a whole one or none, whatever crashes."""

from __future__ import annotations

import os
from pathlib import Path

from watchlists.snapshot import Snapshot


def save(snapshot: Snapshot, path: Path) -> None:
    """Replace the file at `path` at once. A crash at any point leaves the old file or the new one, never a part.

    One writer a path. Only the owner may read it (its rows are digests of personal data). Raises OSError; then the old
    file stands.
    """
    part = path.with_name(f".{path.name}.part")  # a fixed name, so that what a killed writer left is written over
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            snapshot.write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def load(path: Path, *, seed: int, key_fingerprint: str) -> Snapshot | None:
    """The snapshot at `path`; None when there is none. Raises SnapshotError (unusable: read the log), OSError."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    with file:
        return Snapshot.read(file, seed=seed, key_fingerprint=key_fingerprint)


def _sync_directory(path: Path) -> None:
    """A rename is durable only when its directory is."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
