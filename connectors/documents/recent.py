"""Good verdicts of the last minute: a document that comes again so soon is as its court sealed it still.

A court puts its document at the door and then places the order that lists it; one notice is listed by the orders of a whole
case. What is the same is the same to the byte, for the same court, under a trust store whose files are as they were: a list
that is put in its place counts from the next document on. Only a list that runs out may be noticed as much too late.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from typing import Final, NamedTuple

from stream.core.seal_verdict import SealVerdict

AGE_MAX: Final = dt.timedelta(minutes=1)
VERDICTS_MAX: Final = 10_000


class Asked(NamedTuple):
    """What a verdict was given on. ``trusted``: how the trust store stood before it was (``TrustStore.state``)."""

    sha256: bytes
    court: str
    trusted: bytes


class Recent:
    """Verdicts by what was asked, each with its time. Threads may share it. ``spared`` counts what was known."""

    def __init__(self) -> None:
        self._known: OrderedDict[Asked, tuple[dt.datetime, SealVerdict]] = OrderedDict()
        self.spared = 0
        self._lock = threading.Lock()

    def get(self, asked: Asked, now: dt.datetime) -> SealVerdict | None:
        """The verdict if it was good and is not too old; a clock that was set back makes it so, too."""
        with self._lock:
            given, verdict = self._known.get(asked, (now, None))
            if verdict is None or not dt.timedelta() <= now - given <= AGE_MAX:
                return None
            self.spared += 1
            return verdict

    def keep(self, asked: Asked, verdict: SealVerdict, now: dt.datetime) -> None:
        """Keep a verdict that is good, and forget the oldest of too many."""
        if not verdict.good:
            return
        with self._lock:
            self._known.pop(asked, None)
            self._known[asked] = (now, verdict)
            if len(self._known) > VERDICTS_MAX:
                self._known.popitem(last=False)
