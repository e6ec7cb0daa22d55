"""Endings: an order was released or amended, so what was told of it must be looked through (topic ``endings``)."""

from __future__ import annotations

from typing import Literal

from matchers.wire import Message, Timestamp
from watchlists.order import ReleaseReason


class Ending(Message):
    """One record, keyed by order id, written when the index has the release or amendment."""

    order_id: str
    version: int
    court: str
    action: Literal["release", "amend"]
    reason: ReleaseReason | None = None
    at: Timestamp
