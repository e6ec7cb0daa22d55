"""The engine asked by clients that nobody here wrote: kcat, kafka-python, standardwebhooks, Kafka's own tools."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from standardwebhooks import Webhook, WebhookVerificationError

from connectors.courts.signature import new_secret
from deploy.local.stack import shared_libs
from tests.factory import Fields, as_record, vehicle_fields
from tests.stream.engine.running import GOOD, RECORDED, ROOT, Running, hit_id_of, hotel, placed, told, within


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
    within(lambda: len(engine.steps(hit)) >= 3, "all receipts")
    assert sorted(engine.steps(hit)) == [("delivered", "delivered", 1), ("instructed", "new", 0), ("planned", "new", 0)]
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
        "intake": 14 * 24 * hour,
        "orders": for_ever,
        "hits": for_ever,
        "receipts": for_ever,
        "confirmations": for_ever,
        "inbox": 30 * 24 * hour,
        "instructions": 72 * hour,
        "candidates": 24 * hour,
        "deadletters": 14 * 24 * hour,
        "endings": 14 * 24 * hour,
        "notices": 90 * 24 * hour,
        "audit": for_ever,
        "reachability": 400 * 24 * hour,
        "incidents": for_ever,
        "cases": for_ever,
        "debtors": for_ever,
        "judgments": for_ever,
        "queries": 24 * hour,
        "query_answers": 24 * hour,
        "rules": for_ever,
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
