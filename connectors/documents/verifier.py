"""Seals of PDF files, each checked in a process with limits: a hostile file can neither hang nor exhaust the caller."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from connectors.documents.limits import BYTES_MAX, CPU_S_MAX, MEMORY_BYTES_MAX, READY, TRUST_STATUS, WALL_S_MAX
from connectors.documents.trust import TrustError, TrustStore
from stream.core.seals import SealReason, SealVerdict


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class PdfSealVerifier:
    """A ``SealVerifier`` for PDF files. ``clock`` gives aware times: seals from ahead and stale lists are refused by it."""

    def __init__(
        self,
        trust: Path,
        clock: Callable[[], dt.datetime] = _now,
        *,
        bytes_max: int = BYTES_MAX,
        wall_s_max: float = WALL_S_MAX,
        memory_bytes_max: int = MEMORY_BYTES_MAX,
    ) -> None:
        """Raises TrustError: the trust store cannot be used."""
        self._folder = trust.resolve()
        TrustStore(self._folder).check()
        self._clock, self._bytes_max = clock, bytes_max
        self._wall_s_max, self._memory_bytes_max = wall_s_max, memory_bytes_max

    def verify(self, data: bytes, court: str) -> SealVerdict:
        """As ``SealVerifier``.

        Raises TrustError: the trust store cannot be used any more. Raises OSError: the process cannot be started.
        """
        if len(data) > self._bytes_max:
            return SealVerdict(reason=SealReason.TOO_LARGE)
        said = (str(self._folder), court, self._clock().isoformat(), str(CPU_S_MAX), str(self._memory_bytes_max))
        command = [sys.executable, "-I", "-m", "connectors.documents.child", *said]
        try:
            ended = subprocess.run(
                command, input=data, capture_output=True, timeout=self._wall_s_max, cwd="/", env={}, check=False
            )
        except subprocess.TimeoutExpired:
            return SealVerdict(reason=SealReason.TOO_COSTLY)
        if not ended.stdout.startswith(READY):
            raise ChildProcessError(f"the process that looks at documents did not start: it ended with {ended.returncode}")
        if ended.returncode == TRUST_STATUS:
            raise TrustError(ended.stderr.decode(errors="replace"))
        if ended.returncode != 0:
            return SealVerdict(reason=SealReason.TOO_COSTLY)
        try:
            return msgspec.json.decode(ended.stdout.removeprefix(READY), type=SealVerdict)
        except msgspec.DecodeError:
            return SealVerdict(reason=SealReason.TOO_COSTLY)
