"""Where records go, on a real Kafka."""

from __future__ import annotations

from connectors.kafka.records import Record, Records, partition_of
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import CANDIDATES, ensure_topics

PARTITIONS = 7


async def test_a_record_goes_where_its_key_says(kafka: str, topic_prefix: str) -> None:
    ensure_topics(settings := KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=PARTITIONS))
    records, keys = Records(settings, "test-keys"), [f'["440106-B-{n:04d}","S-{n}"]'.encode() for n in range(100)]
    places = await records.send_soon([Record(CANDIDATES, key, b"{}") for key in keys])
    records.close()
    assert [partition for partition, _ in places] == [partition_of(key, PARTITIONS) for key in keys]
