"""The history of orders from a real log: all of what belongs, whatever it holds, and how far the log was at an instant."""

from __future__ import annotations

import datetime as dt

import pytest
from confluent_kafka import Producer

from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ORDERS, ensure_topics
from matchers.keys import Key
from stream.services import order_history
from stream.services.order_history import OrderHistory
from tests.watchlists import orders

BEGAN = dt.datetime(2026, 11, 24, 8, tzinfo=dt.UTC)
WANTED = Key("passport", "E10000001")


@pytest.fixture
def kafka_here(kafka: str, topic_prefix: str) -> KafkaSettings:
    here = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=2, sighting_partitions=1)
    ensure_topics(here)
    return here


def store(here: KafkaSettings, *records: tuple[int, int, bytes]) -> None:
    """Partition, minutes after the beginning by Kafka's time, and bytes."""
    producer = Producer({"bootstrap.servers": here.bootstrap})
    for partition, minutes, raw in records:
        at = round((BEGAN + dt.timedelta(minutes=minutes)).timestamp() * 1000)
        producer.produce(here.topic(ORDERS), raw, None, partition, timestamp=at)
    producer.flush()


def test_all_of_an_order_that_ever_held_a_key_is_found_and_nothing_else(
    kafka_here: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_history, "NEAR", 3)
    others = [(0, 3, orders.order(f"Z{n}", 1, [f"E2{n:07}"]).raw) for n in range(8)]
    store(
        kafka_here,
        (0, 0, orders.order("A", 1, ["E10000001"]).raw),
        (1, 1, orders.order("B", 1, ["E30000001"]).raw),
        (0, 2, b"{"),
        *others,
        (0, 4, orders.order("A", 2, ["E40000001"]).raw),
        (1, 5, orders.order("B", 2, [" e1000-0001 ", "E30000001"]).raw),
        (0, 6, orders.release("A", 3).raw),
        (1, 7, orders.release("Y", 3).raw),
    )
    history = OrderHistory(kafka_here).about([WANTED], BEGAN + dt.timedelta(minutes=4))
    found = sorted((record.partition, record.offset, record.at) for record in history.records)
    minutes = [(0, 0, 0), (0, 10, 4), (0, 11, 6), (1, 0, 1), (1, 1, 5)]
    assert found == [(partition, offset, BEGAN + dt.timedelta(minutes=at)) for partition, offset, at in minutes]
    assert history.positions == {0: 11, 1: 1}
    assert (history.read, history.whole) == (15, True)


def test_of_a_key_that_nobody_ever_held_there_is_nothing(kafka_here: KafkaSettings) -> None:
    empty = OrderHistory(kafka_here).about([WANTED], BEGAN)
    assert (empty.records, empty.positions, empty.read) == ([], {0: 0, 1: 0}, 0)
    store(kafka_here, (0, 0, orders.order("A", 1, ["E20000001"]).raw))
    none = OrderHistory(kafka_here).about([WANTED], BEGAN)
    assert (none.records, none.positions, none.read) == ([], {0: 1, 1: 0}, 1)
