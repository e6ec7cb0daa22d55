"""The keeper of a worker's generation: restores it from the snapshot, rebuilds it when it pays, saves it now and then.

Rebuilding and saving are done beside the thread that places, one at a time; that thread calls ``tend`` often, and swaps there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import structlog

from connectors.disk.snapshots import SnapshotFolder
from stream import metrics
from watchlists.generation import Generation
from watchlists.snapshot import SnapshotError

SNAPSHOT_EVERY_S: Final = 60.0
REBUILD_AGAIN_S: Final = 60.0
_log = structlog.get_logger("keeper")


class Keeper:
    """Keeps one generation. Without a folder its rows are in memory, and nothing outlives the process."""

    def __init__(self, folder: Path | None, capacity: int, error_rate: float, *, seed: int, key_fingerprint: str) -> None:
        """`capacity` in keys and `error_rate` are the filter's. Raises FolderInUseError, OSError."""
        self._capacity, self._error_rate, self._seed = capacity, error_rate, seed
        self._folder = SnapshotFolder(folder, seed=seed, key_fingerprint=key_fingerprint) if folder is not None else None
        self._builder = ThreadPoolExecutor(1, "builder")
        self._rebuilding: Future[Generation] | None = None
        self._saving: Future[None] | None = None
        self._rebuild_at = 0.0
        self._save_at = time.monotonic() + SNAPSHOT_EVERY_S
        self._saved: Mapping[int, int] | None = None

    def restored(self) -> tuple[Generation, dict[int, int]]:
        """The snapshot's generation and its positions; an empty one where there is none, or none that can be used."""
        if self._folder is not None:
            began = time.monotonic()
            try:
                loaded = self._folder.load(self._capacity, self._error_rate)
            except SnapshotError as error:
                _log.warning("the snapshot cannot be used; reading all orders", detail=str(error))
            else:
                if loaded is not None:
                    self._saved = dict(loaded[1])
                    _log.info("snapshot loaded", rows=len(loaded[0].placed), seconds=round(time.monotonic() - began, 1))
                    return loaded
        return self.empty(), {}

    def empty(self) -> Generation:
        """A generation without rows."""
        if self._folder is None:
            return Generation.empty(self._capacity, self._error_rate, self._seed)
        return self._folder.empty(self._capacity, self._error_rate)

    def retire(self, old: Generation) -> None:
        """Let go of a generation that was given up for another."""
        if self._folder is not None:
            self._folder.retire(old)

    def tend(self, generation: Generation, positions: Mapping[int, int], *, caught_up: bool) -> Generation:
        """Do what is due, on the thread that places; returns the generation to go on with.

        `caught_up`: whether the generation ever held every order there was. Before, nobody waits for it, and a filter that is
        full grows in its place.
        """
        now = time.monotonic()
        generation = self._swapped(generation, now)
        self._look_after_saving()
        if self._rebuilding is not None or self._saving is not None:
            return generation
        due = now > self._save_at or (self._saved is None and caught_up)
        if caught_up and now > self._rebuild_at and generation.should_rebuild:
            self._rebuilding = self._builder.submit(self._rebuilt, generation)
        elif self._folder is not None and positions != self._saved and due:
            self._saved, self._save_at = dict(positions), now + SNAPSHOT_EVERY_S
            self._saving = self._builder.submit(self._folder.save, self._folder.note(generation, positions), generation)
        return generation

    def stop(self, generation: Generation, positions: Mapping[int, int]) -> None:
        """End what is under way, and save how far a generation came; nothing is placed any more."""
        if self._folder is not None:
            self._folder.stop()
        self._builder.shutdown(wait=True, cancel_futures=True)
        self._look_after_saving()
        if self._folder is None:
            return
        if positions != self._saved:
            try:
                self._folder.save(self._folder.note(generation, positions), generation)
            except OSError as error:
                _log.warning("no snapshot was saved", detail=str(error))
        self._folder.close()

    def _rebuilt(self, old: Generation) -> Generation:
        new = self._folder.rebuild(old) if self._folder is not None else old.rebuilt()
        new.catch_up(old)  # most of what came meanwhile; the rest is for the thread that places
        return new

    def _swapped(self, generation: Generation, now: float) -> Generation:
        """The rebuilt generation once there is one. A rebuild that failed is tried again later."""
        if self._rebuilding is None or not self._rebuilding.done():
            return generation
        done, self._rebuilding = self._rebuilding, None
        self._rebuild_at = now + REBUILD_AGAIN_S
        if (error := done.exception()) is not None:
            _log.warning("the generation was not rebuilt", detail=str(error))
            return generation
        new = done.result()
        new.catch_up(generation)
        self.retire(generation)
        self._saved, self._save_at = {}, now  # a snapshot of the new one lets the old one's files go
        metrics.generations.inc()
        return new

    def _look_after_saving(self) -> None:
        if self._saving is None or not self._saving.done():
            return
        error, self._saving = self._saving.exception(), None
        if error is not None:
            self._saved = {}
            _log.warning("no snapshot was saved", detail=str(error))
