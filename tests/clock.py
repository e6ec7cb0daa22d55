"""A clock that tests move."""

from __future__ import annotations

import datetime as dt


class Clock:
    """Stands still until it is moved. It begins now, since signatures have a time."""

    def __init__(self) -> None:
        self.at = dt.datetime.now(dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += dt.timedelta(seconds=seconds)
