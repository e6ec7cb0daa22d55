"""``chakong bench``: the benchmarks, each with a named baseline in the same run; results are kept with the machine."""

from __future__ import annotations

import click

from benchmarks.bursts import bursts
from benchmarks.checks import checks
from benchmarks.cold_start import memory
from benchmarks.delivery.command import delivery
from benchmarks.filter import filter_
from benchmarks.import_orders import import_orders
from benchmarks.keys import keys
from benchmarks.latency import latency
from benchmarks.lookback import lookback
from benchmarks.orders import orders
from benchmarks.race.command import race
from benchmarks.release import release
from benchmarks.replay import replay
from benchmarks.resolve import resolve
from benchmarks.scale import scale


@click.group()
def bench() -> None:
    """Measure the engine. Results go to benchmarks/results, with the machine they were measured on."""


bench.add_command(filter_, "filter")
bench.add_command(keys)
bench.add_command(race)
bench.add_command(scale)
bench.add_command(latency)
bench.add_command(delivery)
bench.add_command(lookback)
bench.add_command(orders)
bench.add_command(import_orders, "import")
bench.add_command(resolve)
bench.add_command(memory)
bench.add_command(bursts)
bench.add_command(release)
bench.add_command(checks)
bench.add_command(replay)
