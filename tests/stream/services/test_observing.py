"""What the watch looks at in Kafka: where readers stand, and who sends; on a real broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import TopicPartition

from connectors.kafka.clients import consumer
from connectors.kafka.errors import KafkaError
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ensure_topics
from stream.core.watching import Source
from stream.services.observing import SAMPLE, Observing, province_of
from tests.factory import sighting_bytes

HOTEL = "sightings.hotel"


@pytest.fixture
def settings(kafka: str, topic_prefix: str) -> KafkaSettings:
    made = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=1, sighting_partitions=2)
    ensure_topics(made)
    return made


@pytest.fixture
def observing(settings: KafkaSettings) -> Iterator[Observing]:
    made = Observing(settings)
    yield made
    made.close()


@pytest.fixture
def records(settings: KafkaSettings) -> Iterator[Records]:
    made = Records(settings, "tests")
    yield made
    made.close()


def sighting(province: str, partition: int = 0) -> Record:
    return Record(HOTEL, b"k", sighting_bytes(station={"code": f"{province}0106-H-1"}), partition)


def test_S4_5_who_sends_is_seen_without_reading_all_of_it(observing: Observing, records: Records) -> None:
    records.send([sighting("44")])
    assert not +observing.arrivals()  # what was there before the watch began came at no known time
    records.send([sighting("44"), sighting("31", 1), Record(HOTEL, b"k", b"\xff{"), Record("sightings.border", b"k", b"{}")])
    assert +observing.arrivals() == {
        Source(HOTEL): 3,
        Source(HOTEL, "44"): 1,
        Source(HOTEL, "31"): 1,
        Source("sightings.border"): 1,
    }
    records.send([*[sighting("44")] * (3 * SAMPLE), sighting("31")])
    came = observing.arrivals()
    assert (came[Source(HOTEL)], came[Source(HOTEL, "44")], came[Source(HOTEL, "31")]) == (3 * SAMPLE + 1, SAMPLE - 1, 1)
    assert not +observing.arrivals()


def test_S4_5_where_readers_stand_and_what_is_buried(observing: Observing, records: Records, settings: KafkaSettings) -> None:
    records.send([sighting("44")] * 5)
    records.send([Record("orders", b"ZX", b"{}")] * 2 + [Record("deadletters", b"t", b"{}")] * 3)
    reader = next(one for one in observing.standings() if one.name == "chakong-screen")
    standing = observing.standings()[reader]
    assert (standing.ends[HOTEL, 0], standing.read[HOTEL, 0]) == (5, 0)
    client = consumer(settings, "screen")
    client.commit(offsets=[TopicPartition(settings.topic(HOTEL), 0, 4)], asynchronous=False)
    client.close()
    assert observing.standings()[reader].read[HOTEL, 0] == 4
    assert (observing.ends_of_orders(), observing.dead_letters()) == ({0: 2}, 3)


def test_a_watch_that_was_ended_looks_no_more(observing: Observing) -> None:
    observing.close()
    with pytest.raises(KafkaError):
        observing.standings()


@pytest.mark.parametrize(
    ("raw", "province"),
    [
        (sighting_bytes(station={"code": "310101-H-1", "province": "44"}), "44"),
        (sighting_bytes(station={"code": "310101-H-1", "province": "广东"}), "31"),
        (sighting_bytes(station={"code": "H-1"}), None),
        (sighting_bytes(station={}), None),
        (sighting_bytes(station="x"), None),
        (b"", None),
        (b"[]", None),
        (b"\xff", None),
    ],
)
def test_S4_5_the_province_of_a_sighting(raw: bytes, province: str | None) -> None:
    assert province_of(raw) == province
