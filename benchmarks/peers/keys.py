"""The watchlist as files, for peers in any language.

``orders.ndjson``: an order a line, as on the topic ``orders``. ``keys.tsv``: ``kind<TAB>canonical value<TAB>offset[,offset…]``,
where an offset is that of an order's line in ``orders.ndjson``, in bytes. A canonical value holds neither tab nor line feed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from matchers.keys import KEY_KINDS, Key
from watchlists.glance import glance
from watchlists.order import Release

Wanted = Mapping[str, Mapping[str, str]]
"""Kind to canonical value to the offsets as they stand in the file."""


def write_watchlist(records: Iterable[bytes], orders: Path, keys: Path) -> int:
    """Write both files; the number of keys.

    Raises:
        UnreadableError: one of the records is no complete order.
        ValueError: one of them is a release, which a list of orders in place has no room for.
    """
    offsets: dict[Key, list[int]] = {}
    place = 0
    with orders.open("wb") as file:
        for raw in records:
            order = glance(raw)
            if isinstance(order, Release):
                raise ValueError(f"{order.id} is released: the watchlist of a race has orders in place only")
            for key in order.keys():
                offsets.setdefault(key, []).append(place)
            place += file.write(raw + b"\n")
    with keys.open("w", encoding="utf-8") as file:
        file.writelines(f"{kind}\t{value}\t{','.join(map(str, places))}\n" for (kind, value), places in offsets.items())
    return len(offsets)


def entries(keys: Path) -> Iterator[tuple[str, str, str]]:
    """Kind, value and offsets of each line."""
    with keys.open(encoding="utf-8") as file:
        for line in file:
            kind, value, places = line.rstrip("\n").split("\t")
            yield kind, value, places


def read_wanted(keys: Path) -> Wanted:
    """All of them in dictionaries."""
    wanted: dict[str, dict[str, str]] = {kind: {} for kind in KEY_KINDS}
    for kind, value, places in entries(keys):
        wanted[kind][value] = places
    return wanted
