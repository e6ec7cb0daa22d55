"""The nursery: a process that has loaded all that a look at a document takes, and starts a process of its own for each one.

What is hostile in a document ends with the process that looked at it. The nursery never reads a byte of one, so no document
can change how the next is looked at; it is only what makes the next process start in milliseconds. It is told by messages
of one byte on a socket, each with two open files (``FILES``), and answers each with how that look ended.

The documents of one order are no exception, though whoever sends them is one. An order may list a digest that another court's
document has, which is kept here and which its sender never had: if that document were looked at where a hostile one had been
before it, "sealed" of it would put the order in force, and the order is what opens the document to its court.
"""

from __future__ import annotations

import datetime as dt
import gc
import logging
import os
import resource
import socket
import sys
from pathlib import Path
from typing import Final

import msgspec

from connectors.documents.limits import ENDED, FILES, LENGTH, READY, TRUST_STATUS
from connectors.documents.pdf import judge
from connectors.documents.trust import TrustError, TrustStore

SAMPLE: Final = Path(__file__).with_name("sample")
"""A trust store, and a document that its court sealed, made by ``synthetic/seals.py``. What is loaded, made or learned when
it is first needed is there once this has been looked at: the interpreter's own shortcuts, after a few times."""
SAMPLE_COURT: Final = "000000"
SAMPLE_AT: Final = dt.datetime(2026, 11, 28, 1, tzinfo=dt.UTC)
"""A time at which its certificates and its list count. No other is asked."""
REHEARSALS: Final = 8


def main(told: socket.socket) -> int:
    """Start a process a message, one at a time, until the other side is gone."""
    logging.disable()  # pyHanko logs what it finds in certificates
    rehearse()
    gc.collect()
    gc.freeze()  # or every child would copy what its collector marks
    told.sendall(READY)
    while True:
        word, files, _, _ = socket.recv_fds(told, 1, FILES)
        if not word:
            return 0
        question, answer = files
        pid = os.fork()
        if pid == 0:
            told.close()
            os._exit(_look(question, answer))
        os.close(question)
        os.close(answer)
        told.sendall(ENDED.pack(os.waitpid(pid, 0)[1]))


def rehearse() -> None:
    """Look at the sample as at any document. Raises RuntimeError: it is not found to be sealed, so nothing would be."""
    for _ in range(REHEARSALS):
        trust = TrustStore(SAMPLE).of(SAMPLE_COURT)
        verdict = judge((SAMPLE / "sealed.pdf").read_bytes(), SAMPLE_COURT, trust, SAMPLE_AT)
        msgspec.json.encode(verdict)  # as it is told
        if not verdict.good:
            raise RuntimeError(f"the sample is {verdict.reason}")


def _look(question: int, answer: int) -> int:
    """In the document's own process: take the limits, say so, and only then read."""
    try:
        with open(question, "rb") as asked:
            (length,) = LENGTH.unpack(asked.read(LENGTH.size))
            folder, court, now, cpu_s, memory_bytes = msgspec.json.decode(asked.read(length))
            _limit(cpu_s, memory_bytes)
            os.write(answer, READY)
            try:
                trust = TrustStore(Path(folder)).of(court)
            except TrustError as error:
                os.write(answer, str(error).encode(errors="replace"))
                return TRUST_STATUS
            verdict = judge(asked.read(), court, trust, dt.datetime.fromisoformat(now))
        os.write(answer, msgspec.json.encode(verdict))
    except BaseException:  # it must never return into the nursery's loop
        return 1
    return 0


def _limit(cpu_s: int, memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main(socket.socket(fileno=int(sys.argv[1]))))
