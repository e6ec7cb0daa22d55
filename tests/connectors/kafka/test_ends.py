"""Where a topic ends, as of now."""

from __future__ import annotations

import pytest

from connectors.kafka.ends import Ends
from connectors.kafka.errors import KafkaUnreachableError
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ORDERS, ensure_topics


def test_the_ends_move_with_what_is_stored(kafka: str, topic_prefix: str) -> None:
    settings = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=2, sighting_partitions=1)
    ensure_topics(settings)
    ends, records = Ends(settings), Records(settings, "test-ends")
    assert ends.now(ORDERS) == {0: 0, 1: 0}
    records.send([Record(ORDERS, b"a", b"1", partition=1), Record(ORDERS, b"a", b"2", partition=1)])
    assert ends.now(ORDERS) == {0: 0, 1: 2}
    assert ends.has_records(ORDERS, 1, 1, 2)
    assert not ends.has_records(ORDERS, 1, 2, 2)
    records.close()
    ends.close()


def test_without_a_broker_it_says_so() -> None:
    with pytest.raises(KafkaUnreachableError, match=r"127\.0\.0\.1:1"):
        Ends(KafkaSettings(bootstrap="127.0.0.1:1")).now(ORDERS)
