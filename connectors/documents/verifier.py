"""Seals of PDF files, each checked in a process with limits: a hostile file can neither hang nor exhaust the caller."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import msgspec

from connectors.documents.limits import (
    BYTES_MAX,
    CPU_S_MAX,
    DOCUMENTS_MAX,
    MEMORY_BYTES_MAX,
    PROCESSES,
    READY,
    TRUST_STATUS,
    WALL_S_MAX,
)
from connectors.documents.nursery import Nursery
from connectors.documents.recent import Asked, Recent
from connectors.documents.trust import TrustError, TrustStore
from stream.core.seal_verdict import SealReason, SealVerdict


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class PdfSealVerifier:
    """A ``SealVerifier`` for PDF files. ``clock`` gives aware times: seals from ahead and stale lists are refused by it.

    Threads may share it: as many documents as ``processes`` are looked at at once, and further ones wait. Each is looked at
    in a process of its own, started by a nursery that is kept for ``documents_max`` of them; a document that was found to be
    good within the last minute is not looked at again (``connectors.documents.recent``).
    """

    def __init__(
        self,
        trust: Path,
        clock: Callable[[], dt.datetime] = _now,
        *,
        bytes_max: int = BYTES_MAX,
        wall_s_max: float = WALL_S_MAX,
        memory_bytes_max: int = MEMORY_BYTES_MAX,
        documents_max: int = DOCUMENTS_MAX,
        processes: int = PROCESSES,
    ) -> None:
        """Raises TrustError: the trust store cannot be used."""
        self._trust = TrustStore(trust.resolve())
        self._trust.check()
        self.recent: Final = Recent()
        self._clock, self._bytes_max = clock, bytes_max
        self._wall_s_max, self._memory_bytes_max, self._documents_max = wall_s_max, memory_bytes_max, documents_max
        self._turns = threading.Semaphore(processes)
        self._idle: list[Nursery] = []

    def verify(self, data: bytes, court: str) -> SealVerdict:
        """As ``SealVerifier``.

        Raises TrustError: the trust store cannot be used any more. Raises OSError: the process cannot be started.
        """
        if len(data) > self._bytes_max:
            return SealVerdict(reason=SealReason.TOO_LARGE)
        now = self._clock()
        asked = Asked(hashlib.sha256(data).digest(), court, self._trust.state(court))
        verdict = self.recent.get(asked, now)
        if verdict is None:
            verdict = self._look(data, court, now)
            self.recent.keep(asked, verdict, now)
        return verdict

    def _look(self, data: bytes, court: str, now: dt.datetime) -> SealVerdict:
        question = (str(self._trust.folder), court, now.isoformat(), CPU_S_MAX, self._memory_bytes_max)
        with self._nursery() as nursery:
            looked = nursery.look(question, data, self._wall_s_max)
        if looked is None:
            return SealVerdict(reason=SealReason.TOO_COSTLY)
        if not looked.said.startswith(READY):
            raise ChildProcessError(f"the process that looks at documents did not start: it ended with {looked.status}")
        if looked.status == TRUST_STATUS:
            raise TrustError(looked.said.removeprefix(READY).decode(errors="replace"))
        if looked.status != 0:
            return SealVerdict(reason=SealReason.TOO_COSTLY)
        try:
            return msgspec.json.decode(looked.said.removeprefix(READY), type=SealVerdict)
        except msgspec.DecodeError:
            return SealVerdict(reason=SealReason.TOO_COSTLY)

    def close(self) -> None:
        """End the processes that stand ready. It may be used again: others are started then."""
        while self._idle:
            with suppress(IndexError):
                self._idle.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _nursery(self) -> Iterator[Nursery]:
        """One that nobody else has meanwhile."""
        with self._turns:
            nursery = self._standing() or Nursery()
            try:
                yield nursery
            finally:
                if nursery.stands and nursery.looked < self._documents_max:
                    self._idle.append(nursery)
                else:
                    nursery.close()

    def _standing(self) -> Nursery | None:
        while self._idle:
            with suppress(IndexError):  # another thread may have been quicker
                nursery = self._idle.pop()
                if nursery.stands:
                    return nursery
                nursery.close()
        return None
