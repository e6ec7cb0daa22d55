"""Times as the wire writes them, and the pace of a stream."""

from __future__ import annotations

import datetime as dt
import functools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")

CHINA: Final = dt.timezone(dt.timedelta(hours=8))
DAY: Final = 86_400  # seconds
_DEFAULT_AT: Final = dt.datetime(2026, 11, 24, 8, tzinfo=CHINA)
UTC_OFFSET: Final = 8 * 3600  # seconds
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_NAP_S_MIN: Final = 0.002


def default_at(seed: int) -> dt.datetime:
    """When a world's streams begin if the caller does not say: on 24 November 2026, at a time set by the seed."""
    return _DEFAULT_AT + dt.timedelta(seconds=seed % (DAY // 2))


def rfc3339(moment: int) -> str:
    """Seconds since 1970 as China writes them, to the second."""
    day, second = divmod(moment + UTC_OFFSET, DAY)
    if not second:
        return f"{date(day)}T00:00:00+08:00"
    return "%sT%02d:%02d:%02d+08:00" % (date(day), second // 3600, second // 60 % 60, second % 60)  # noqa: UP031 - fast


@functools.lru_cache(maxsize=1 << 14)
def date(day: int) -> str:
    """A day as ISO 8601 writes it; days count from 1970."""
    return dt.date.fromordinal(_EPOCH + day).isoformat()


def paced(
    items: Iterable[T],
    per_second: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[T]:
    """The items, none sooner than its turn at `per_second`; after a stall it catches up at full speed."""
    if per_second <= 0:
        raise ValueError(f"the rate must be above 0 a second, not {per_second}")
    start = clock()
    free = 0  # items whose turn had come when the clock was last read
    for sent, item in enumerate(items):
        while sent >= free:
            free = int((clock() - start) * per_second) + 1
            if sent >= free:
                sleep(max(_NAP_S_MIN, (sent - free + 1) / per_second))
        yield item
