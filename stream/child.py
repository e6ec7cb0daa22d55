"""A process of a worker, from within: it tells its statuses as lines, and ends when its standard input does.

The other side: ``stream.services.child_process``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable

from stream.interpreter import settle

Tell = Callable[[bytes], object]


async def run(work: Callable[[Tell, asyncio.Event], Awaitable[bool]]) -> bool:
    """Do the work until the worker says when, which sets the event; the answer is the work's own."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait_for_the_end() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        loop.call_soon_threadsafe(ended.set)

    def tell(line: bytes) -> None:
        try:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # the worker was killed; standard input ends too
            ended.set()

    threading.Thread(target=wait_for_the_end, name="parent", daemon=True).start()
    settle()
    return await work(tell, ended)


def ignore_signals() -> None:
    """Those that are sent to the whole group: the worker says when to stop."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def leave(*, healthy: bool) -> None:
    """Exit; nobody may be listening any more."""
    sys.stdout = None
    sys.exit(0 if healthy else 1)
