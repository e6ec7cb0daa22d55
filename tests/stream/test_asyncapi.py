"""The AsyncAPI document: the spec's own rules, as far as they can be checked without its tools, and the topics' truth.

The generated document was also read by AsyncAPI's parser and checked against the spec's JSON Schema, bindings included; both
found nothing. What they look at is asserted here, so that they are not needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator

from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import topics
from stream.schemas import DOCS

DOCUMENT: dict[str, Any] = json.loads((DOCS / "asyncapi.json").read_text("utf-8"))
TOPICS = topics(KafkaSettings.model_construct())
FIXED_FIELDS = {
    "root": {"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components"},
    "channels": {"address", "messages", "title", "summary", "description", "servers", "parameters", "tags", "bindings"},
    "operations": {"action", "channel", "title", "summary", "description", "security", "tags", "bindings", "messages", "reply"},
    "messages": {
        "headers",
        "payload",
        "contentType",
        "name",
        "title",
        "summary",
        "description",
        "tags",
        "bindings",
        "examples",
    },
}


def at(reference: str) -> Any:
    here: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        here = here[step]
    return here


def references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for name, item in value.items():
            if name not in ("examples", "payload") or isinstance(item, dict):
                yield from references(item)


def test_every_object_has_fields_that_the_spec_knows() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert set(DOCUMENT) <= FIXED_FIELDS["root"]
    assert {"title", "version"} <= set(DOCUMENT["info"])
    messages = DOCUMENT["components"]["messages"]
    for kind, objects in ("channels", DOCUMENT["channels"]), ("operations", DOCUMENT["operations"]), ("messages", messages):
        for name, fields in objects.items():
            assert set(fields) <= FIXED_FIELDS[kind], name
    for kind, components in DOCUMENT["components"].items():
        assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", name) for name in components), kind


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        assert reference.startswith("#/")
        at(reference)


@pytest.mark.parametrize("name", DOCUMENT["operations"])
def test_an_operation_names_a_channel_and_messages_of_that_channel(name: str) -> None:
    operation = DOCUMENT["operations"][name]
    channel = operation["channel"]["$ref"]
    assert operation["action"] in ("send", "receive")
    assert re.fullmatch(r"#/channels/[^/]+", channel)
    assert operation["messages"]
    assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])
    assert {tag["name"] for tag in operation["tags"]} <= {tag["name"] for tag in DOCUMENT["info"]["tags"]}


def test_every_channel_is_used() -> None:
    used = {operation["channel"]["$ref"].removeprefix("#/channels/") for operation in DOCUMENT["operations"].values()}
    assert used == set(DOCUMENT["channels"])


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_topic_is_told_as_it_is_made(topic: Any) -> None:
    channel = DOCUMENT["channels"][topic.name]
    binding = channel["bindings"]["kafka"]
    assert (channel["address"], binding["topic"], binding["partitions"]) == (topic.name, topic.name, topic.partitions)
    assert binding["topicConfiguration"]["retention.ms"] == topic.retention_ms
    assert binding["topicConfiguration"]["cleanup.policy"] == ["delete"]
    for message in channel["messages"].values():
        assert at(message["$ref"])["bindings"]["kafka"]["key"]["description"]


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
def test_a_messages_examples_fit_its_payload(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    schema = {**message["payload"], "components": {"schemas": DOCUMENT["components"]["schemas"]}}
    assert message["examples"]
    for example in message["examples"]:
        Draft7Validator(schema).validate(example["payload"])


def test_the_webhook_is_signed_and_a_cloud_event() -> None:
    message = DOCUMENT["components"]["messages"]["notification"]
    assert message["contentType"] == "application/cloudevents+json"
    assert message["headers"]["required"] == ["webhook-id", "webhook-timestamp", "webhook-signature"]


def test_S1_every_exchange_between_the_platforms_is_a_typed_message_with_a_version() -> None:
    for topic in TOPICS:
        channel = DOCUMENT["channels"][topic.name]
        assert channel["messages"], topic.name
        for reference in channel["messages"].values():
            message = at(reference["$ref"])
            schema = at(message["payload"]["$ref"])
            assert schema["type"] == "object", (topic.name, message["name"])
            assert schema["properties"], (topic.name, message["name"])
    for path in (DOCS / "schemas").glob("*.json"):
        assert json.loads(path.read_text("utf-8"))["$id"] == f"urn:chakong:schema:{path.stem}:v1"
