"""The Kafka that is started speaks with every client the project uses: each reads what each has written."""

import asyncio
import uuid
from collections.abc import Callable

import aiokafka
import confluent_kafka
import kafka as kafka_python
import pytest
from confluent_kafka.admin import AdminClient, NewTopic

pytestmark = pytest.mark.integration
BOUND_S = 20


def _aiokafka_send(bootstrap: str, topic: str, value: bytes) -> None:
    async def send() -> None:
        async with aiokafka.AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
            await producer.send_and_wait(topic, value)

    asyncio.run(asyncio.wait_for(send(), BOUND_S))


def _aiokafka_read(bootstrap: str, topic: str, count: int) -> set[bytes]:
    async def read() -> set[bytes]:
        consumer = aiokafka.AIOKafkaConsumer(
            topic, bootstrap_servers=bootstrap, group_id=uuid.uuid4().hex, auto_offset_reset="earliest"
        )
        async with consumer:
            return {(await consumer.getone()).value for _ in range(count)}

    return asyncio.run(asyncio.wait_for(read(), BOUND_S))


def _confluent_send(bootstrap: str, topic: str, value: bytes) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap})
    producer.produce(topic, value)
    assert producer.flush(BOUND_S) == 0


def _confluent_read(bootstrap: str, topic: str, count: int) -> set[bytes]:
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    try:
        return {message.value() for message in consumer.consume(count, timeout=BOUND_S)}
    finally:
        consumer.close()


def _kafka_python_send(bootstrap: str, topic: str, value: bytes) -> None:
    producer = kafka_python.KafkaProducer(bootstrap_servers=bootstrap)
    try:
        producer.send(topic, value).get(timeout=BOUND_S)
    finally:
        producer.close()


def _kafka_python_read(bootstrap: str, topic: str, count: int) -> set[bytes]:
    consumer = kafka_python.KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=uuid.uuid4().hex,
        auto_offset_reset="earliest",
        consumer_timeout_ms=BOUND_S * 1000,
    )
    try:
        return {next(consumer).value for _ in range(count)}
    finally:
        consumer.close()


SENDERS = {"aiokafka": _aiokafka_send, "confluent": _confluent_send, "kafka-python": _kafka_python_send}
READERS = {"aiokafka": _aiokafka_read, "confluent": _confluent_read, "kafka-python": _kafka_python_read}


@pytest.fixture(scope="module")
def written(kafka: str) -> str:
    """A topic with one record from each client."""
    topic = f"clients-{uuid.uuid4().hex[:8]}"
    # Named, since its answers are lost with it.
    admin = AdminClient({"bootstrap.servers": kafka})
    for future in admin.create_topics([NewTopic(topic, 1, 1)]).values():
        future.result(BOUND_S)
    for name, send in SENDERS.items():
        send(kafka, topic, name.encode())
    return topic


@pytest.mark.parametrize("read", READERS.values(), ids=READERS.keys())
def test_each_client_reads_what_each_wrote(kafka: str, written: str, read: Callable[[str, str, int], set[bytes]]) -> None:
    assert read(kafka, written, len(SENDERS)) == {name.encode() for name in SENDERS}
