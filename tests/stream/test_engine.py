"""One running engine on real servers, asked by clients that nobody here wrote: every promise about one record at a time.

The module shares a worker process, a Kafka and a Redis; each test has orders, persons and stations of its own.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import subprocess
import threading
import time
import urllib.request
import uuid
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
import redis.asyncio
from click.testing import CliRunner
from confluent_kafka import Consumer
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from standardwebhooks import Webhook, WebhookVerificationError

from connectors.courts.misbehaviour import HANGS, Misbehaviour
from connectors.courts.receiver import Receiver
from connectors.courts.signature import new_secret
from connectors.kafka.clients import at, consumer, partitions_of
from connectors.kafka.topics import topics
from connectors.redis.client import connect
from connectors.redis.index import RedisIndex
from connectors.redis.leases import InForce, Leases
from deploy.local.addresses import Addresses
from deploy.local.deployment import Deployment
from deploy.local.stack import shared_libs
from matchers.keys import KeyHasher
from stream.commands.explain import explain
from stream.local import wait_for_workers
from stream.settings import WorkerSettings
from tests.factory import NAME, Fields, as_record, person_fields, sighting_fields, vehicle_fields
from tests.watchlists import orders
from watchlists.force import in_force_everywhere

ROOT = Path(__file__).resolve().parents[2]
GOOD, GONE, SLOW, RETRIED, UNLISTED = "440106", "440107", "440108", "440109", "440111"
RECORDED = "440110"
"""The court whose requests are recorded as they come, by a web server of this module's own."""
ATTEMPT_S = 2.0
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
            names = [self.settings.kafka.topic(name) for name in ("hits", "instructions", "receipts", "deadletters")]
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


@pytest.fixture(scope="module")
def engine(stack: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    prefix = f"engine-{uuid.uuid4().hex[:8]}-"
    deployment = Deployment(tmp_path_factory.mktemp("engine"), stack, prefix)
    deployment.prepare()
    with ExitStack() as cleanup:
        courts = cleanup.enter_context(_receiving())
        recording = cleanup.enter_context(_recording())
        entries = [courts.entry(court) for court in (GOOD, GONE, SLOW, RETRIED)] + [recording.entry(RECORDED)]
        deployment.endpoints_file.write_text("\n".join(entries), "utf-8")
        cleanup.enter_context(mock.patch.dict(os.environ))  # the helpers below leave the deployment's environment there
        more = {
            "CHAKONG_COURTS_TOTAL_S": str(ATTEMPT_S),
            "CHAKONG_RETRY_FIRST_S": "0.1",
            "CHAKONG_RETRY_LONGEST_S": "0.4",
            "CHAKONG_EXPECTED_KEYS": "10000",
        }
        worker = deployment.start_worker(**more)
        cleanup.callback(worker.stop)
        wait_for_workers(deployment, [worker], lambda _: None)
        running = Running(deployment, WorkerSettings(), courts, recording)
        cleanup.callback(_wipe, running)
        yield running


@contextmanager
def _receiving() -> Iterator[Receiver]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def started() -> Receiver:
        receiver = Receiver(new_secret(os.urandom(32)))
        await receiver.start()
        return receiver

    receiver = asyncio.run_coroutine_threadsafe(started(), loop).result(10)
    yield receiver
    asyncio.run_coroutine_threadsafe(receiver.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


@contextmanager
def _recording() -> Iterator[RecordingCourt]:
    with RecordingCourt() as court:
        court.daemon_threads, court.block_on_close = True, False
        threading.Thread(target=court.serve_forever, args=(0.1,), daemon=True).start()
        yield court
        court.shutdown()


def _wipe(running: Running) -> None:
    """Stop the worker and leave nothing in the shared servers."""
    running.worker.stop()
    running.close()
    admin = KafkaAdminClient(bootstrap_servers=running.settings.kafka.bootstrap)
    try:
        admin.delete_topics([topic.name for topic in topics(running.settings.kafka)])
    finally:
        admin.close()

    async def unlink(client: redis.asyncio.Redis) -> None:
        async for name in client.scan_iter(f"{running.settings.redis.namespace}:*", count=1000):
            await client.unlink(name)

    running.ask(unlink)


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


def test_a_sighting_from_kcat_reaches_the_court(engine: Running, kcat: str) -> None:
    order, passport = placed(engine)
    sighting = hotel(passport)
    topic = engine.settings.kafka.topic("sightings.hotel")
    command = [kcat, "-P", "-b", engine.settings.kafka.bootstrap, "-t", topic, "-k", sighting["station"]["code"]]
    subprocess.run(command, input=as_record(sighting), check=True, timeout=20)
    notification = told(engine, hit_id_of(order, sighting))
    assert (notification.court, notification.order_id, notification.times) == (GOOD, order, 1)
    assert (notification.type, notification.instruction) == ("chakong.hit.v1", "call_court")


@pytest.fixture(scope="module")
def story(engine: Running) -> tuple[str, Fields, str]:
    """An order, a sighting sent with kafka-python, and their hit, delivered to the court that records requests."""
    order, passport = placed(engine, RECORDED)
    sighting = {**hotel(passport), "vehicle": vehicle_fields(), "来源": {"系统": "旅馆业"}}
    engine.send("sightings.hotel", as_record(sighting))
    hit = hit_id_of(order, sighting)
    within(lambda: ("delivered", "delivered", 1) in engine.steps(hit), "the hit is delivered")
    return order, sighting, hit


def test_a_hit_is_what_the_contract_says(engine: Running, story: tuple[str, Fields, str]) -> None:
    order, sighting, id_ = story
    ((key, hit),) = [(key, value) for key, value in engine.log("hits") if value["order_id"] == order]
    assert key == RECORDED.encode()
    assert hit["id"] == id_
    assert (hit["order_version"], hit["measure"], hit["instruction"]) == (1, "judicial_detention", "call_court")
    assert (hit["certainty"], hit["verify_first"], hit["lookback"]) == ("confirmed", False, False)
    assert (hit["court"]["code"], hit["case_number"]) == (RECORDED, "(2026)粤0106执1234号")
    assert (hit["handler"]["name"], hit["handler"]["phone"]) == ("李法官", "020-00000000")
    assert hit["evidence"]
    assert all(item.keys() >= {"on", "sighting", "order", "rule"} for item in hit["evidence"])
    assert any(sighting["person"]["document"]["number"] in (item["sighting"] or "") for item in hit["evidence"])
    assert hit["warnings"] == []
    assert hit["sighting"] == {name: value for name, value in sighting.items() if name != "vehicle"}
    assert {"occurred_at", "detected_at", "expires_at"} <= hit.keys()


def test_the_station_is_told_what_to_do(engine: Running, story: tuple[str, Fields, str]) -> None:
    order, sighting, hit = story
    ((key, told_),) = [(key, value) for key, value in engine.log("instructions") if hit in value["hit_ids"]]
    assert key == sighting["station"]["code"].encode()
    assert (told_["hit_ids"], told_["order_ids"], told_["state"]) == ([hit], [order], "active")
    assert (told_["instruction"], told_["verify_first"]) == ("call_court", False)
    (contact,) = told_["call"]
    assert (contact["name"], contact["phone"], contact["court_code"]) == ("李法官", "020-00000000", RECORDED)
    assert sighting["person"]["document"]["number"] not in json.dumps(told_)


def test_receipts_tell_the_story(engine: Running, story: tuple[str, Fields, str]) -> None:
    _, _, hit = story
    within(lambda: len(engine.steps(hit)) >= 2, "both receipts")
    assert sorted(engine.steps(hit)) == [("delivered", "delivered", 1), ("instructed", "new", 0)]
    (delivered,) = [receipt for receipt in engine.receipts(hit) if receipt["step"] == "delivered"]
    assert delivered["endpoint"] == f"http://127.0.0.1:{engine.recording.server_port}/{RECORDED}"


def test_the_webhook_is_a_standard_one(engine: Running, story: tuple[str, Fields, str]) -> None:
    _, _, hit = story
    (request,) = engine.recording.about(hit)
    event = Webhook(engine.recording.secret).verify(request.body, request.headers)
    assert request.headers["content-type"].partition(";")[0] == "application/cloudevents+json"
    assert request.headers["webhook-id"] == event["id"] == event["subject"] == hit
    assert (event["specversion"], event["type"]) == ("1.0", "chakong.hit.v1")
    assert event["data"] == engine.hits(event["data"]["order_id"])[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(engine.recording.secret).verify(request.body.replace(b"call_court", b"none"), request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret(os.urandom(32))).verify(request.body, request.headers)


def test_the_same_sighting_twice_is_told_once(engine: Running, story: tuple[str, Fields, str]) -> None:
    order, sighting, hit = story
    engine.send("sightings.hotel", as_record(sighting))
    within(lambda: len(engine.hits(order)) == 2, "the repeat is judged again")
    assert {found["id"] for found in engine.hits(order)} == {hit}
    time.sleep(0.3)
    assert len(engine.recording.about(hit)) == 1


def test_topics_look_right_in_kafkas_own_tools(engine: Running) -> None:
    hour, for_ever = 3_600_000, -1
    kept = dict.fromkeys(("hotel", "border", "vehicle", "identity"), 72 * hour)
    wanted = {f"sightings.{name}": retention for name, retention in kept.items()} | {
        "orders": for_ever,
        "hits": for_ever,
        "receipts": for_ever,
        "instructions": 72 * hour,
        "candidates": 24 * hour,
        "deadletters": 14 * 24 * hour,
    }
    assert _described(engine) == {
        name: (4, {"retention.ms": str(retention), "cleanup.policy": "delete"}) for name, retention in wanted.items()
    }


def _described(engine: Running) -> dict[str, tuple[int, dict[str, str]]]:
    """Partitions, retention and clean-up of the deployment's topics, from Kafka's own tool where its jars are at hand."""
    prefix, kafka, libs = engine.deployment.topic_prefix, engine.settings.kafka.bootstrap, shared_libs(ROOT)
    seen: dict[str, tuple[int, dict[str, str]]] = {}
    interesting = ("retention.ms", "cleanup.policy")
    if libs.jars.is_dir():
        printed = libs.run_tool(
            "topics", "--bootstrap-server", kafka, "--describe", "--topic", f"{prefix}.*", report=lambda _: None
        )
        for name, partitions, configs in re.findall(r"^Topic: (\S+)\t.*PartitionCount: (\d+)\t.*Configs: (\S*)", printed, re.M):
            pairs = dict(pair.split("=", 1) for pair in configs.split(","))
            seen[name.removeprefix(prefix)] = (int(partitions), {key: pairs[key] for key in interesting})
        return seen
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        names = [name for name in admin.list_topics() if name.startswith(prefix)]
        counts = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(names)}
        configs = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])["topic"]
        for name in names:
            seen[name.removeprefix(prefix)] = (counts[name], {key: configs[name][key]["value"] for key in interesting})
    finally:
        admin.close()
    return seen


def _is_buried(letter: Fields, reason: str, raw: bytes, numbers: set[str]) -> None:
    assert letter["reason"] == reason
    assert base64.b64decode(letter["bytes"]) == raw
    assert letter["detail"]
    assert letter["at"]
    assert not [number for number in numbers if number in letter["detail"]]


def test_a_sighting_that_cannot_be_read_is_buried_and_holds_up_nothing(engine: Running) -> None:
    order, passport = placed(engine)
    good = hotel(passport)
    broken = as_record(hotel(passport))[:-9]
    wrong_type = as_record({**hotel(passport), "id": 17})
    no_number = as_record(hotel(passport) | {"person": {"name": NAME, "document": {"type": "passport", "number": [passport]}}})
    sent = (broken, wrong_type, no_number, as_record(good))
    places = [engine.send("sightings.hotel", raw, b"one station") for raw in sent]
    told(engine, hit_id_of(order, good))
    _is_buried(engine.letter(places[0]), "not_json", broken, engine.numbers)
    _is_buried(engine.letter(places[1]), "invalid_sighting", wrong_type, engine.numbers)
    _is_buried(engine.letter(places[2]), "invalid_sighting", no_number, engine.numbers)
    assert len(engine.hits(order)) == 1  # and not one for each


def test_a_text_cut_within_a_character_hides_nobody(engine: Running) -> None:
    order, passport = placed(engine)
    sighting = hotel(passport)
    engine.send("sightings.hotel", as_record(sighting).replace("旅馆".encode(), "旅馆".encode()[:-1]))
    assert told(engine, hit_id_of(order, sighting)).certainty == "confirmed"
    (hit,) = engine.hits(order)
    assert hit["warnings"]


def test_an_order_without_its_documents_is_buried_and_not_in_force(engine: Running) -> None:
    order, other = order_id(), placed(engine)
    passport = other[1]
    fields = json.loads(orders.order(order, 1, [passport]).raw)
    raw = as_record({**fields, "documents": fields["documents"][:1]})
    _is_buried(engine.letter(engine.order(raw)), "invalid_order", raw, engine.numbers)
    sighting = hotel(passport)
    engine.send("sightings.hotel", as_record(sighting))
    told(engine, hit_id_of(other[0], sighting))
    assert engine.hits(order) == []


def test_a_release_by_another_court_is_buried_and_stops_nothing(engine: Running) -> None:
    order, passport = placed(engine)
    raw = orders.release(order, 2, court=GONE).raw
    _is_buried(engine.letter(engine.order(raw)), "other_court", raw, engine.numbers)
    sighting = hotel(passport)
    engine.send("sightings.hotel", as_record(sighting))
    told(engine, hit_id_of(order, sighting))


def test_after_a_release_there_is_no_hit_and_no_old_order_revives_it(engine: Running) -> None:
    order, passport = placed(engine)
    sealed, plate = order_id(), f"粤B{uuid.uuid4().int % 90_000 + 10_000}"
    seizure = json.loads(orders.order(sealed, 1, [passport]).raw)
    del seizure["person"]
    seizure |= {"measure": "vehicle_seizure", "vehicle": {"plate": plate, "plate_class": "02"}}
    seizure["documents"] = [{"kind": kind, "sha256": "0" * 64} for kind in ("sealing_ruling", "assistance_notice")]
    engine.order(as_record(seizure))
    engine.numbers.add(plate)

    def both_pass() -> Fields:
        """The wanted person drives the sealed car: one record, so that the car's hit proves the person was judged too."""
        car = vehicle_fields(plate, None)
        sighting = sighting_fields(
            "vehicle_inspection", id=uuid.uuid4().hex, vehicle=car, person=person_fields(passport, "passport")
        )
        engine.send("sightings.vehicle", as_record(sighting))
        assert told(engine, hit_id_of(sealed, sighting)).instruction == "call_court"
        return sighting

    first = both_pass()
    told(engine, hit_id_of(order, first))
    engine.order(orders.release(order, 2).raw)
    marks = within(
        lambda: engine.ask(lambda client: InForce(client, engine.settings.redis.namespace).of([order]))[order].get(2),
        "the release is marked as in force everywhere",
    )
    assert marks.took_s >= 0
    second = both_pass()
    engine.order(orders.order(order, 1, [passport]).raw)
    third = both_pass()
    refused = orders.order(order, 3, [passport], action="amend").raw
    _is_buried(engine.letter(engine.order(refused)), "after_release", refused, engine.numbers)
    fourth = both_pass()
    assert [hit["id"] for hit in engine.hits(order)] == [hit_id_of(order, first)]
    assert [hit["id"] for hit in engine.hits(sealed)] == [hit_id_of(sealed, one) for one in (first, second, third, fourth)]
    assert all("person" not in hit["sighting"] for hit in engine.hits(sealed))


def test_a_court_that_answers_500_twice_is_told_at_the_third_attempt(engine: Running) -> None:
    order, passport = placed(engine, RECORDED)
    sighting = hotel(passport)
    hit = hit_id_of(order, sighting)
    engine.recording.answers.extend((500, 500))
    engine.send("sightings.hotel", as_record(sighting))
    within(lambda: ("delivered", "delivered", 3) in engine.steps(hit), "the third attempt delivers")
    story = [step for step in engine.steps(hit) if step[0] != "instructed"]
    assert story == [("attempted", "refused", 1), ("attempted", "refused", 2), ("delivered", "delivered", 3)]
    requests = engine.recording.about(hit)
    assert [request.headers["webhook-id"] for request in requests] == [hit] * 3
    for request in requests:
        Webhook(engine.recording.secret).verify(request.body, request.headers)
    assert len([value for _, value in engine.log("instructions") if hit in value["hit_ids"]]) == 1


def test_an_endpoint_that_is_gone_gets_nothing_more(engine: Running) -> None:
    order, passport = placed(engine, GONE)
    gone = ("undeliverable", "endpoint_gone", 1)
    for misbehaviour in (Misbehaviour(410), None):  # the second time it would take the news, and is not asked
        engine.courts.misbehave(f"/courts/{GONE}", misbehaviour)
        sighting = hotel(passport)
        hit = hit_id_of(order, sighting)
        engine.send("sightings.hotel", as_record(sighting))
        within(lambda hit=hit: gone in engine.steps(hit), "the hit is undeliverable")
        assert ("instructed", "new", 0) in engine.steps(hit)
        assert hit not in engine.courts.received


def test_a_court_that_hangs_is_tried_again_and_delays_no_other(engine: Running) -> None:
    slow, passport = placed(engine, SLOW)
    quick, _ = placed(engine, GOOD, passport)
    sighting = hotel(passport)
    slow_hit, quick_hit = hit_id_of(slow, sighting), hit_id_of(quick, sighting)
    engine.courts.misbehave(f"/courts/{SLOW}", replace(HANGS, times=1))
    engine.send("sightings.hotel", as_record(sighting))
    within(lambda: ("delivered", "delivered", 2) in engine.steps(slow_hit), "the second attempt delivers")
    assert ("attempted", "timed_out", 1) in engine.steps(slow_hit)
    first = engine.courts.received[quick_hit].at.timestamp()
    then = engine.courts.received[slow_hit].at.timestamp()
    assert then - first > ATTEMPT_S * 0.8


def test_a_court_without_an_endpoint_has_a_receipt_that_says_so(engine: Running) -> None:
    order, passport = placed(engine, UNLISTED)
    sighting = hotel(passport)
    hit = hit_id_of(order, sighting)
    engine.send("sightings.hotel", as_record(sighting))
    within(lambda: ("undeliverable", "no_endpoint", 0) in engine.steps(hit), "the receipt")
    assert ("instructed", "new", 0) in engine.steps(hit)


def test_an_order_released_between_attempts_is_never_delivered(engine: Running) -> None:
    order, passport = placed(engine, RETRIED)
    sighting = hotel(passport)
    hit = hit_id_of(order, sighting)
    engine.courts.misbehave(f"/courts/{RETRIED}", Misbehaviour(503))
    engine.send("sightings.hotel", as_record(sighting))
    within(lambda: ("attempted", "refused", 2) in engine.steps(hit), "the court refuses twice")
    engine.order(orders.release(order, 2, court=RETRIED).raw)
    within(lambda: ("skipped", "order_released", 0) in engine.steps(hit), "the fence holds it back")
    engine.courts.misbehave(f"/courts/{RETRIED}", None)
    time.sleep(1.0)
    assert hit not in engine.courts.received
    assert engine.steps(hit)[-1] == ("skipped", "order_released", 0)


def _explained(engine: Running, sighting: Fields, folder: Path) -> Fields:
    file = folder / "sighting.json"
    file.write_bytes(as_record(sighting))
    with mock.patch.dict(os.environ, engine.deployment.environment()):
        ended = CliRunner().invoke(explain, [str(file), "--json"])
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def test_a_wiped_index_is_rebuilt_and_meanwhile_nothing_is_missed(engine: Running, tmp_path: Path) -> None:
    order, passport = placed(engine)
    ended, _ = placed(engine, GOOD, passport)
    engine.order(orders.release(ended, 2).raw)
    engine.ask(lambda client: engine.index(client).wipe())
    sighting = hotel(passport)
    engine.send("sightings.hotel", as_record(sighting))
    told(engine, hit_id_of(order, sighting))
    assert engine.hits(ended) == []
    explanation = _explained(engine, sighting, tmp_path)
    assert explanation["keys"] == [{"kind": "passport", "value": passport}]
    (judged,) = explanation["orders"]
    assert (judged["order_id"], judged["outcome"], judged["certainty"]) == (order, "hit", "confirmed")
    assert judged["hit_id"] == hit_id_of(order, sighting)
    assert judged["evidence"]
    early = _explained(engine, {**sighting, "occurred_at": "2026-11-19T23:59:59+08:00"}, tmp_path)
    assert (early["hits"], early["orders"][0]["outcome"]) == (0, "before_control")
    nobody = _explained(engine, hotel(engine.passport()), tmp_path)
    assert (nobody["hits"], nobody["orders"]) == (0, [])


def test_log_and_metrics_hold_no_personal_data(engine: Running) -> None:
    order, passport = placed(engine)
    sighting = hotel(passport)
    engine.send("sightings.hotel", as_record(sighting))
    told(engine, hit_id_of(order, sighting))
    said = engine.worker.log.read_text()
    port = next(json.loads(line)["metrics_port"] for line in said.splitlines() if '"started"' in line)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
        metrics = page.read().decode()
    for line in (
        "chakong_sightings_screened_total",
        "chakong_maybes_total",
        "chakong_deliveries_total",
        "chakong_filter_fill_ratio",
    ):
        assert line in metrics
    private = {*engine.numbers, NAME, "李法官", "020-00000000", "13800000000", "天河路旅馆", "hidden"}
    for text in (said, metrics, *(json.dumps(value, ensure_ascii=False) for _, value in engine.log("receipts"))):
        assert [secret for secret in private if secret in text] == []
    assert "Traceback" not in said
