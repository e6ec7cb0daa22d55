"""A running engine on real servers, and what one may ask of it from outside."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import redis.asyncio
from confluent_kafka import Consumer, TopicPartition
from kafka import KafkaProducer

from connectors.courts.receiver import Receiver
from connectors.courts.signature import new_secret
from connectors.kafka.clients import at, consumer, partitions_of
from connectors.redis.client import connect
from connectors.redis.index import RedisIndex
from connectors.redis.leases import Leases
from deploy.local.deployment import Deployment
from matchers.keys import KeyHasher
from stream.settings import WorkerSettings
from tests.factory import Fields, person_fields, sighting_fields
from tests.watchlists import orders
from watchlists.force import in_force_everywhere

ROOT = Path(__file__).resolve().parents[3]
GOOD, GONE, SLOW, RETRIED, UNLISTED = "440106", "440107", "440108", "440109", "440111"
OTHER = "330100"
"""A court that has a duty desk, too."""
RECORDED = "440110"
"""The court whose requests are recorded as they come, by a web server of this module's own."""
PULLS = "440112"
"""The court that cannot be connected to, and pulls its inbox."""
ATTEMPT_S = 2.0
ANSWER_S = 12.0
"""How soon an answer to a test of an endpoint is expected."""
WITHIN_S = 20.0
_numbers = count(70_000_001)


def within(ask: Callable[[], Any], what: str, seconds: float = WITHIN_S) -> Any:
    """The first answer that is not false."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        if answer := ask():
            return answer
        time.sleep(0.03)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


class Place(NamedTuple):
    topic: str
    partition: int
    offset: int


class Request(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class RecordingCourt(ThreadingHTTPServer):
    """Keeps every request as it came, and answers what ``answers`` says next, else 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Recorder)
        self.requests: list[Request] = []
        self.answers: deque[int] = deque()
        self.secret = new_secret(os.urandom(32))

    def entry(self, court: str) -> str:
        url = f"http://127.0.0.1:{self.server_port}/{court}?token=hidden"
        return f'[[endpoint]]\ncourt = "{court}"\nurl = "{url}"\nsecret = "{self.secret}"\nallow_http = true\n'

    def about(self, hit: str) -> list[Request]:
        return [request for request in list(self.requests) if request.headers["webhook-id"].startswith(hit)]


class _Recorder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RecordingCourt

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(Request(self.path, headers, body))
        self.send_response(self.server.answers.popleft() if self.server.answers else 204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Running:
    """A worker, the courts it tells, and what one may ask of them from outside."""

    def __init__(self, deployment: Deployment, settings: WorkerSettings, courts: Receiver, recording: RecordingCourt) -> None:
        self.deployment, self.settings, self.courts, self.recording = deployment, settings, courts, recording
        self.worker = deployment.worker()
        self.producer = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap, acks="all")
        self.numbers: set[str] = set()
        self._log: dict[str, list[tuple[bytes, Fields]]] = defaultdict(list)
        self._reader: Consumer | None = None

    def passport(self) -> str:
        number = f"E{next(_numbers)}"
        self.numbers.add(number)
        return number

    def send(self, topic: str, value: bytes, key: bytes | None = None) -> Place:
        stored = self.producer.send(self.settings.kafka.topic(topic), value=value, key=key).get(10)
        return Place(stored.topic, stored.partition, stored.offset)

    def order(self, value: bytes) -> Place:
        """Send a record of ``orders`` and wait until the index and every worker are past it."""
        place = self.send("orders", value, json.loads(value)["id"].encode())
        self.wait_for(place)
        return place

    def wait_for(self, place: Place) -> None:
        async def is_past(client: redis.asyncio.Redis) -> bool:
            live = await Leases(client, self.settings.redis.namespace).live()
            positions = await self.index(client).positions()
            everywhere = in_force_everywhere([lease.applied for lease in live.values()], positions)
            return everywhere.get(place.partition, 0) > place.offset

        within(lambda: self.ask(is_past), f"the order at {place.partition}/{place.offset} takes effect everywhere")

    def screened(self, *places: Place) -> None:
        """Return when the sightings at these places have been screened: by the filter as it was, whatever comes after."""
        client = consumer(self.settings.kafka, "screen")
        wanted = [TopicPartition(place.topic, place.partition) for place in places]

        def are_past() -> bool:
            done = {(one.topic, one.partition): one.offset for one in client.committed(wanted, timeout=10)}
            return all(done[place.topic, place.partition] > place.offset for place in places)

        try:
            within(are_past, f"{len(places)} sightings are screened")
        finally:
            client.close()

    def index(self, client: redis.asyncio.Redis) -> RedisIndex:
        return RedisIndex(client, KeyHasher(self.settings.secret()), self.settings.redis.namespace)

    def ask(self, question: Callable[[redis.asyncio.Redis], Awaitable[Any]]) -> Any:
        async def asked() -> Any:
            client = connect(self.settings.redis)
            try:
                return await question(client)
            finally:
                await client.aclose()

        return asyncio.run(asked())

    def log(self, topic: str) -> list[tuple[bytes, Fields]]:
        """Keys and values of all records of a topic of results so far."""
        if self._reader is None:
            self._reader = consumer(self.settings.kafka, "tests")
            topics = ("hits", "instructions", "receipts", "inbox", "notices", "deadletters")
            names = [self.settings.kafka.topic(name) for name in topics]
            self._reader.assign(
                [
                    at(name, partition, 0)
                    for name in names
                    for partition in partitions_of(
                        self._reader, self.settings.kafka, name.removeprefix(self.deployment.topic_prefix)
                    )
                ]
            )
        while messages := self._reader.consume(1000, 0.05):
            for message in messages:
                assert message.error() is None
                name = message.topic().removeprefix(self.deployment.topic_prefix)
                self._log[name].append((message.key(), json.loads(message.value())))
        return self._log[topic]

    def receipts(self, hit: str) -> list[Fields]:
        """A hit's story so far."""
        return [value for key, value in self.log("receipts") if key == hit.encode()]

    def steps(self, hit: str) -> list[tuple[str, str, int]]:
        return [(receipt["step"], receipt["outcome"], receipt["attempt"]) for receipt in self.receipts(hit)]

    def hits(self, order: str) -> list[Fields]:
        return [value for _, value in self.log("hits") if value["order_id"] == order]

    def letter(self, place: Place) -> Fields:
        """The dead letter about a record."""
        letters = within(
            lambda: [
                value for _, value in self.log("deadletters") if (value["topic"], value["partition"], value["offset"]) == place
            ],
            f"a dead letter about {place}",
        )
        (letter,) = letters
        return letter

    def close(self) -> None:
        self.producer.close()
        if self._reader is not None:
            self._reader.close()


def order_id() -> str:
    return f"ZX-{uuid.uuid4().hex[:12]}"


def hotel(passport: str, **changes: Any) -> Fields:
    """A stay of the holder of a passport, at a station and with an id that no other test uses."""
    unique = uuid.uuid4().hex[:8]
    station = {"code": f"440106-H-{unique}", "name": "天河路旅馆", "province": "44"}
    return sighting_fields(id=f"{unique}/1", station=station, person=person_fields(passport, "passport"), **changes)


def hit_id_of(order: str, sighting: Fields) -> str:
    """As the contract words it, with nothing of the engine's own."""
    name = json.dumps([order, sighting["station"]["code"], sighting["id"]], ensure_ascii=False, separators=(",", ":"))
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, "urn:chakong:hit"), name))


def placed(engine: Running, court: str = GOOD, passport: str | None = None) -> tuple[str, str]:
    """An order in force everywhere, and the passport of its subject."""
    order, number = order_id(), passport or engine.passport()
    engine.order(orders.order(order, 1, [number], court=court).raw)
    return order, number


def told(engine: Running, hit: str) -> Any:
    return within(lambda: engine.courts.received.get(hit), f"the court is told of {hit}")


def is_buried(letter: Fields, reason: str, raw: bytes, numbers: set[str]) -> None:
    assert letter["reason"] == reason
    assert base64.b64decode(letter["bytes"]) == raw
    assert letter["detail"]
    assert letter["at"]
    assert not [number for number in numbers if number in letter["detail"]]
