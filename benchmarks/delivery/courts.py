"""The receiving courts: one server process with a path for each court, some of which fail when they are told to.

Four fail as courts do: one refuses connections, one never answers, one answers 500, one resets. The one that refuses has a
port of its own, since a port is either open or not.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Final, NamedTuple, Self

from connectors.courts.misbehaviour import HANGS, RESETS, Misbehaviour
from connectors.courts.receiver import Received, Receiver
from connectors.courts.signature import new_secret
from stream.interpreter import settle

NICE: Final = 5
START_S_MAX: Final = 30.0
STOP_S_MAX: Final = 5.0
HIT: Final = "chakong.hit.v1"
FAILURES: Final = {"refuses": None, "hangs": HANGS, "errors": Misbehaviour(500), "resets": RESETS}
_FLUSH_S: Final = 0.02


class Arrival(NamedTuple):
    """A hit as a court was told of it, ``at`` by ``time.time``'s clock."""

    id: str
    court: str
    at: float


class Courts:
    """The process of the courts, from outside. ``arrived`` is called with all that came, in a thread of its own."""

    def __init__(self, codes: Sequence[str], arrived: Callable[[list[Arrival]], None]) -> None:
        """The last four of ``codes`` are the ones that can fail."""
        self.failing: Final = frozenset(codes[-len(FAILURES) :])
        self._codes, self._arrived = tuple(codes), arrived
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._codes, theirs), name="courts", daemon=True)
        self._theirs = theirs
        self._listener = threading.Thread(target=self._listen, name="arrivals", daemon=True)

    def __enter__(self) -> Self:
        """Start them. Raises TimeoutError: they did not listen in time."""
        self._process.start()
        self._theirs.close()
        if not self._pipe.poll(START_S_MAX):
            raise TimeoutError(f"the courts did not listen within {START_S_MAX:.0f} s")
        self.entries: str = self._pipe.recv()
        self._listener.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(OSError):
            self._pipe.send("stop")
        self._process.join(STOP_S_MAX)
        self._process.kill()

    def fail(self, *, now: bool) -> None:
        """Let the four fail from now on, or behave."""
        self._pipe.send("fail" if now else "behave")

    def _listen(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                self._arrived(self._pipe.recv())


class _Street:
    """The courts in their own process."""

    def __init__(self, codes: Sequence[str], pipe: Connection) -> None:
        self._pipe = pipe
        self._arrivals: list[Arrival] = []
        secret = new_secret(os.urandom(32))
        self._many = Receiver(secret, on_notification=self._note)
        self._refusing = Receiver(secret, on_notification=self._note)
        self._failing = dict(zip(codes[-len(FAILURES) :], FAILURES.values(), strict=True))
        self._codes = codes
        self._changes: asyncio.Queue[str] = asyncio.Queue()

    async def serve(self) -> None:
        await self._many.start()
        await self._refusing.start()
        self._pipe.send("\n".join(self._receiver(code).entry(code) for code in self._codes))
        settle()
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._command)
        flushing = asyncio.create_task(self._flush())
        while (change := await self._changes.get()) != "stop":
            await self._change(fails=change == "fail")
        flushing.cancel()
        await self._many.stop()
        await self._refusing.stop()

    def _receiver(self, code: str) -> Receiver:
        return self._refusing if code in self._failing and self._failing[code] is None else self._many

    def _command(self) -> None:
        try:
            self._changes.put_nowait(self._pipe.recv())
        except EOFError:  # whoever started this has ended
            self._changes.put_nowait("stop")

    async def _change(self, *, fails: bool) -> None:
        for code, misbehaviour in self._failing.items():
            if misbehaviour is not None:
                self._many.misbehave(code, misbehaviour if fails else None)
        await (self._refusing.stop() if fails else self._refusing.start())

    def _note(self, received: Received) -> None:
        if received.type == HIT:
            self._arrivals.append(Arrival(received.id, received.court, time.time()))

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_S)
            if self._arrivals:
                self._pipe.send(self._arrivals)
                self._arrivals = []


def _serve(codes: Sequence[str], pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started this, whose end is noticed here
    os.nice(NICE)
    asyncio.run(_street(codes, pipe))


async def _street(codes: Sequence[str], pipe: Connection) -> None:
    await _Street(codes, pipe).serve()
