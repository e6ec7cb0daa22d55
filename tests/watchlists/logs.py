"""Random logs of placed and released orders, as columns of hashes, for the tests of what holds them."""

from __future__ import annotations

import numpy as np

from watchlists.generation import Generation

WORD = (1 << 64) - 1


def random_log(target: Generation, rows: int, seed: int = 3) -> None:
    """Place and release in turns: repeats, amendments, late and foreign releases among them."""
    rng = np.random.default_rng(seed)
    orders = rng.integers(0, WORD, max(rows // 3, 1), dtype=np.uint64)
    courts = rng.integers(0, WORD, 7, dtype=np.uint64)
    for _ in range(5):
        of = rng.integers(0, len(orders), rows // 5)
        keys = rng.integers(0, WORD, len(of), dtype=np.uint64)
        target.place(orders[of], courts[of % 7], rng.integers(1, 4, len(of)), keys)
        again = slice(0, len(of) // 10)
        target.place(orders[of[again]], courts[of[again] % 7], np.full(len(of[again]), 2), keys[again])
        gone = rng.integers(0, len(orders), rows // 20)
        target.release(orders[gone], courts[rng.integers(0, 2, len(gone)) + gone % 6], rng.integers(1, 5, len(gone)))


def rows_of(target: Generation) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """All placed rows and all releases, sorted."""
    tables = (target.placed, target.released)
    placed, released = (sorted(zip(*(c.tolist() for c in table.read()), strict=True)) for table in tables)
    return placed, released
