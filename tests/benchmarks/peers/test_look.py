"""The job that peers in Python share finds the truth, and nothing else."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from benchmarks.peers.keys import write_watchlist
from benchmarks.peers.look import Run, against_dict, keys_of
from benchmarks.peers.task import HitRecord, Task
from benchmarks.race.judge import Pair, Truth, failures
from matchers.sighting import read_sighting
from matchers.wire import UnreadableError
from synthetic.world import World

WORLD = World(11, orders=500, at=dt.datetime(2026, 11, 24, tzinfo=dt.UTC), order_dirtiness=0.2)
SIGHTINGS = list(WORLD.sightings(6000, hit_ratio=0.03, dirtiness=0.3))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    orders, keys = tmp_path / "orders.ndjson", tmp_path / "keys.tsv"
    write_watchlist((record.value for record in WORLD.orders()), orders, keys)
    return Run(
        Task("test", "", [], "hits", len(SIGHTINGS), 0, str(keys), str(orders), None, "race", str(tmp_path / "answer.json"))
    )


def test_it_finds_the_truth(run: Run) -> None:
    look = against_dict(run)
    hits = [msgspec.json.decode(hit, type=HitRecord) for sighting in SIGHTINGS for hit in look(sighting.value)]
    found = {Pair(hit.order_id, hit.station_code, hit.sighting_id) for hit in hits}

    assert failures(Truth.of(SIGHTINGS), found, run.unreadable) == []
    assert len(found) > 100


def test_its_fast_reader_reads_as_the_careful_one_does() -> None:
    for sighting in SIGHTINGS:
        try:
            careful = set(read_sighting(sighting.value).keys())
        except UnreadableError:
            with pytest.raises(UnreadableError):
                keys_of(sighting.value)
        else:
            assert set(keys_of(sighting.value)) == careful


def test_a_run_is_over_with_its_last_record_and_answers(run: Run) -> None:
    run.begins(len(SIGHTINGS) - 1)
    assert not run.is_over
    run.begins()
    assert run.is_over

    run.meter.stop()
    run.answer()
    answer = msgspec.json.decode(Path(run.task.result).read_bytes())
    assert answer["sightings"] == len(SIGHTINGS)
    assert answer["seconds"] >= 0
    assert answer["resident_mb"] > 1
