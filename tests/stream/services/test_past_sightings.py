"""A sighting found again on a real log: among sightings however its id is written, and by its hit when it is kept no more."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Iterator

import pytest

from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import HITS, ensure_topics
from stream.services.past_sightings import PastSightings
from stream.services.resolving import hit_record
from tests.factory import Fields, as_record, sighting_fields
from tests.stream.core.hits import hit

NOW = dt.datetime.now(dt.UTC)
STATION = "440106-H-0012"


@pytest.fixture
def records(kafka: str, topic_prefix: str) -> Iterator[tuple[Records, PastSightings]]:
    here = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=2, sighting_partitions=2)
    ensure_topics(here)
    made = Records(here, "test")
    yield made, PastSightings(here)
    made.close()


def sent(made: Records, topic: str, *raws: bytes) -> None:
    asyncio.run(made.send_all(Record(topic, None, raw) for raw in raws))


@pytest.mark.parametrize("id_", ["440106-H-0012/2026-000017", "轨迹-17", "轨迹", "a/b"])
@pytest.mark.parametrize("around", [NOW, NOW - dt.timedelta(days=30)])
def test_it_is_found_however_its_id_is_written(records: tuple[Records, PastSightings], id_: str, around: dt.datetime) -> None:
    made, sightings = records
    crowd = [as_record(sighting_fields(id=f"{id_}{n}")) for n in range(5)]
    elsewhere = as_record(sighting_fields(id=id_, station={"code": "another"}))
    escaped = json.dumps(sighting_fields(id=id_)).replace("/", "\\/").encode()
    sent(made, "sightings.hotel", *crowd, elsewhere, b"{", escaped)
    found = sightings.find(STATION, id_, around)
    assert found is not None
    assert (found.sighting.id, found.sighting.station.code, found.source) == (id_, STATION, "sightings")
    assert found.arrived is not None
    assert abs(found.arrived.at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    assert sightings.find("nowhere", id_, around) is None


def test_a_hit_keeps_its_sighting_for_ever_and_is_found_by_its_id(records: tuple[Records, PastSightings]) -> None:
    made, sightings = records
    seen: Fields = sighting_fields(id="s/1")
    one, two = hit(sighting=seen), hit("ZX-2", id="another", sighting=sighting_fields(id="s/2"))
    asyncio.run(made.send_all([hit_record(two), hit_record(one), Record(HITS, b"440106", b'{"id": "s/1"}')]))
    found = sightings.find(STATION, "s/1", NOW)
    assert found is not None
    assert (found.source, found.sighting.fields, found.screened) == ("hits", seen, None)
    assert [logged.hit for logged in sightings.hits([one.id, "none"], NOW - dt.timedelta(hours=1))] == [one]
