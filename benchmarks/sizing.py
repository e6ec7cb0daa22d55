"""The size of a national deployment, worked out from the measured figures; docs/sizing.md is what this module writes.

    python -m benchmarks.sizing

Assumptions stand in the two tables below, and on the page: whoever deploys puts their own in their place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.machine import RESULTS

PAGE: Final = Path(__file__).parents[1] / "docs" / "sizing.md"
DAY_S: Final = 86_400
PEAK: Final = 4.0
"""The busiest second, in average seconds of the day."""
SHARE: Final = 0.5
"""Share of the measured rate that a worker is planned for: the rest is for rebuilding, catching up, and a neighbour's load."""
ORDERS: Final = 10_000_000
RETENTION_DAYS: Final = 3
REPLICAS: Final = 3
SPARE_WORKERS: Final = 2
"""One may fail while another is being replaced."""
PARTITIONS_A_WORKER: Final = 4


class Source(NamedTuple):
    """Where sightings come from; ``basis`` says what the number rests on."""

    name: str
    sightings_a_day: float
    basis: str


SOURCES: Final = (
    Source("hotels", 10e6, "assumed: one check-in a day for every 140 people"),
    Source("trains and coaches, as identity checks", 15e6, "assumed"),
    Source("borders", 1.7e6, "assumed: some 600 million crossings a year"),
    Source("vehicle offices", 1e6, "assumed: each of 350 million cars once a year"),
    Source("street and roadside checks", 10e6, "assumed"),
    Source("plate readers", 525e6, "the UK's 60 million reads a day for 40 million vehicles, for 350 million"),
)
YARDSTICKS: Final = (
    Source("UK national ANPR service", 60e6, "60 million reads a day"),
    Source("Schengen Information System II", 5.1e9 / 365, "5.1 billion searches in 2017"),
    Source("US NCIC", 6.7e6, "6.7 million transactions a day"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What the benchmarks say of one worker on the machine they ran on."""

    sightings_a_second: float
    cpu_us_a_sighting: float
    sighting_bytes: float
    hit_ratio: float
    redis_bytes_an_order: float
    resident_mb: float
    ready_s: float
    cores: int
    cpu: str

    @classmethod
    def of(cls, race: Mapping[str, Any], orders: Mapping[str, Any], memory: Mapping[str, Any]) -> Measured:
        """From the results of ``race``, ``orders`` and ``memory``."""
        engine = next(one for one in race["contestants"] if one["name"] == "chakong-1")
        worker = memory["worker_with_the_snapshot"]
        return cls(
            engine["sightings_a_second"]["median"],
            engine["cpu_us_a_sighting"]["median"],
            race["sighting_bytes"],
            race["hit_ratio"],
            orders["bytes_an_order"],
            worker["resident_mb"],
            worker["ready_s"],
            race["machine"]["cores"],
            race["machine"]["cpu"],
        )


@dataclass(frozen=True, slots=True)
class Size:
    """What some sightings a day need. Rates are a second; disk and memory in GB (1e9 bytes)."""

    peak_rate: float
    cores: float
    workers: int
    partitions: int
    log_gb: float
    redis_gb: float
    hits_a_day: float


def size(sightings_a_day: float, measured: Measured) -> Size:
    """The size for an average day of so many sightings."""
    peak = sightings_a_day / DAY_S * PEAK
    busy = max(1, math.ceil(peak / (measured.sightings_a_second * SHARE)))
    return Size(
        peak,
        peak * measured.cpu_us_a_sighting / 1e6,
        busy + SPARE_WORKERS,
        (busy + SPARE_WORKERS) * PARTITIONS_A_WORKER,
        sightings_a_day * measured.sighting_bytes * RETENTION_DAYS * REPLICAS / 1e9,
        ORDERS * measured.redis_bytes_an_order / 1e9,
        sightings_a_day * measured.hit_ratio,
    )


def page(measured: Measured) -> str:
    """docs/sizing.md."""
    total = sum(source.sightings_a_day for source in SOURCES)
    people = total - SOURCES[-1].sightings_a_day
    return f"""# Sizing a national deployment 全国部署规模

Worked out by `python -m benchmarks.sizing` from the results in `benchmarks/results`; the assumptions are in that file \
and below. Put your own
numbers in their place before you buy anything.

## What was measured

One worker on {measured.cores} cores ({measured.cpu}) that ran Kafka and Redis as well:

- {measured.sightings_a_second:,.0f} sightings a second of {measured.sighting_bytes:,.0f} bytes, \
{measured.cpu_us_a_sighting:.1f} µs of processor \
time each, all threads, hits at 1 in {1 / measured.hit_ratio:,.0f} included;
- with {ORDERS:,} orders {measured.resident_mb:,.0f} MB resident, screening {measured.ready_s:.0f} s after its start;
- {measured.redis_bytes_an_order:.0f} bytes of Redis an order.

## What is assumed

| source | sightings a day | basis |
| --- | ---: | --- |
{_rows((one.name, f"{one.sightings_a_day:,.0f}", one.basis) for one in SOURCES)}
| all | {total:,.0f} | {total / DAY_S:,.0f} a second on average |

The busiest second has {PEAK:.0f} times the average. A worker is planned for {SHARE:.0%} of the measured rate. \
{SPARE_WORKERS} workers are spare. Sightings are \
kept {RETENTION_DAYS} days, {REPLICAS} times over. {ORDERS:,} orders.

## What follows

| | busiest second | cores that screen | workers | partitions a topic | Kafka's disks | Redis | hits a day |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{_rows(_sized("without plate readers", people, measured))}
{_rows(_sized("all of the above", total, measured))}
{_rows(_sized("ten times all of it", 10 * total, measured))}

- **Brokers.** Three, for {REPLICAS} replicas; it is the copies and not the rate that ask for them: the busiest second \
writes \
{size(total, measured).peak_rate * measured.sighting_bytes / 1e6:.0f} MB. Every worker reads its share once.
- **Partitions** can be added and not taken away, and a group has at most as many readers as there are. So there are \
{PARTITIONS_A_WORKER} a worker: enough to grow fourfold before anybody has to think.
- **Redis.** One server and a replica. It is asked about a hit and not about a sighting (`bench resolve` says what a look-up \
takes of its one core). On a Redis Cluster the namespace's hash tag keeps the index in one slot: a cluster is there to \
survive, not to divide it.
- **Workers** hold every order, each of them, and divide the sightings. More workers are more rate, not more watchlist.
- **Across provinces** a court's order concerns the nation, so the watchlist is not divided by province; sightings may be: a \
deployment in each province with all orders mirrored to it keeps sightings at home.

## Yardsticks

| published | a day | a second | share of one worker |
| --- | ---: | ---: | ---: |
{_rows(_yardstick(one, measured) for one in YARDSTICKS)}

What was not measured: more than {measured.cores} cores, more than one broker, networks, disks that are slower than \
memory. A worker's cost a sighting
does not depend on them; its rate may.
"""


def _sized(name: str, sightings_a_day: float, measured: Measured) -> Sequence[Sequence[str]]:
    it = size(sightings_a_day, measured)
    return [
        (
            f"{name} ({sightings_a_day / 1e6:,.0f} million a day)",
            f"{it.peak_rate:,.0f}",
            f"{it.cores:.2f}",
            f"{it.workers}",
            f"{it.partitions}",
            f"{it.log_gb:,.0f} GB",
            f"{it.redis_gb:.1f} GB",
            f"{it.hits_a_day:,.0f}",
        )
    ]


def _yardstick(one: Source, measured: Measured) -> Sequence[str]:
    rate = one.sightings_a_day / DAY_S
    return (
        f"{one.name}: {one.basis}",
        f"{one.sightings_a_day:,.0f}",
        f"{rate:,.0f}",
        f"{rate / measured.sightings_a_second:.2%}",
    )


def _rows(rows: Any) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def measured_here() -> Measured:
    """From the results that are committed."""
    race, orders, memory = (json.loads((RESULTS / f"{name}.json").read_text("utf-8")) for name in ("race", "orders", "memory"))
    return Measured.of(race, orders, memory)


if __name__ == "__main__":
    PAGE.write_text(page(measured_here()), "utf-8")
