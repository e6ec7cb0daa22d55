"""One command at a time on one folder."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import BusyError

POLL_S = 0.1


@contextmanager
def locked(path: Path, bound_s: float) -> Iterator[None]:
    """Hold the lock at `path`. The kernel lets go of it when its holder dies, so that it cannot be left behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + bound_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise BusyError(f"Another command has been at work in {path.parent} for {bound_s:.0f} s.") from None
                time.sleep(POLL_S)
        yield
    finally:
        os.close(handle)
