"""The caller's end of a nursery (``connectors.documents.child``): one document's process at a time."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any, Final, NamedTuple

import msgspec

from connectors.documents.limits import ANSWER_BYTES_MAX, ENDED, LENGTH, READY

START_S_MAX: Final = 60.0


class Looked(NamedTuple):
    """How the look at a document ended: its process's exit status, or less than 0 where a signal ended it; and what it said."""

    status: int
    said: bytes


class Nursery:
    """A process that stands ready. ``looked`` counts its documents."""

    def __init__(self) -> None:
        """Start it. Raises OSError: it cannot be started."""
        self._told, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-I", "-m", "connectors.documents.child", str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd="/",
                env={},
                start_new_session=True,  # it and the process of its document are ended together
            )
        self.looked = 0
        if self._hear(len(READY), time.monotonic() + START_S_MAX) != READY:
            self.close()
            raise ChildProcessError("the process that looks at documents did not start")

    @property
    def stands(self) -> bool:
        """Whether it can be asked; otherwise another one is needed."""
        return self._process.poll() is None

    def look(self, question: tuple[Any, ...], document: bytes, wall_s_max: float) -> Looked | None:
        """Have a document looked at in a process of its own; None: it took too long, or took the nursery with it.

        Raises OSError: the nursery could not be asked; nothing is said of the document.
        """
        until = time.monotonic() + wall_s_max
        self.looked += 1
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        with open(ours, "rb", buffering=0) as answer:  # noqa: PTH123 - it has no name
            try:
                self._ask(question, document, theirs)
            finally:
                os.close(theirs)
            said = _read(answer.fileno(), until)
        ended = None if said is None else self._hear(ENDED.size, until)
        if said is None or ended is None:
            self.close()
            return None
        return Looked(os.waitstatus_to_exitcode(ENDED.unpack(ended)[0]), said)

    def close(self) -> None:
        """End it, and whatever it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._told.close()

    def _ask(self, question: tuple[Any, ...], document: bytes, answer: int) -> None:
        """The document goes in memory that has a handle and no name: it is never on a disk."""
        asked = msgspec.json.encode(question)
        handle = os.memfd_create("document", os.MFD_CLOEXEC)
        with open(handle, "w+b", buffering=0) as file:  # noqa: PTH123 - it has no name
            for part in (LENGTH.pack(len(asked)), asked, document):
                _write(handle, part)
            file.seek(0)
            socket.send_fds(self._told, [b"?"], [handle, answer])

    def _hear(self, length: int, until: float) -> bytes | None:
        """The next word of the nursery; None: it has ended, or says nothing in time."""
        if not _comes(self._told.fileno(), until):
            return None
        try:
            return self._told.recv(length) or None
        except OSError:
            return None


def _write(handle: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


def _read(handle: int, until: float) -> bytes | None:
    """What is said until nobody can say more; None: not in time, or more than any answer has."""
    said = b""
    while _comes(handle, until):
        part = os.read(handle, ANSWER_BYTES_MAX)
        if not part:
            return said
        said += part
        if len(said) > ANSWER_BYTES_MAX:
            return None
    return None


def _comes(handle: int, until: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(max(until - time.monotonic(), 0.0) * 1000))
