"""Trains ``connectors/redis/orders.zdict``, the dictionary by which orders are packed in Redis, on synthetic orders alone.

python -m benchmarks.dictionary

A new dictionary makes a new layout: every index is refused until it is wiped, and is then built from the log.
"""

from __future__ import annotations

import datetime as dt
import sys
from typing import Final

from connectors.redis.bodies import DICTIONARY
from synthetic.world import World

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SIZE: Final = 8192
SAMPLES: Final = 20_000
AT: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def trained() -> bytes:
    """The dictionary."""
    world = World(20_261_124, orders=SAMPLES, at=AT)
    return zstd.train_dict([record.value for record in world.orders()], SIZE).dict_content


def main() -> None:
    """Train it and put it in its place."""
    DICTIONARY.write_bytes(trained())


if __name__ == "__main__":
    main()
