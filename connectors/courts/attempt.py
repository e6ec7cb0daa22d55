"""What came of one attempt to tell a court, whatever the channel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from connectors.courts.endpoint import Endpoint
from stream.core.delivery import Reason
from stream.core.notification import Notification


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt. ``may_have_arrived``: the court may know the news although the attempt failed.

    ``began_at`` is None where nothing was sent, since the endpoint rests or is gone.
    """

    outcome: Reason
    retry: bool
    detail: str
    status: int | None = None
    took_s: float = 0.0
    retry_after_s: float | None = None
    may_have_arrived: bool = False
    began_at: dt.datetime | None = None


Post = Callable[[Endpoint, Notification], Awaitable[Attempt]]
"""One attempt over one channel. It never raises for what a network or a court does."""
