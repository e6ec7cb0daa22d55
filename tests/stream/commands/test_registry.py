"""``chakong registry``: made-up people in a file, and a question on the log answered by the process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition

from connectors.kafka.clients import consumer, fetch
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import QUERIES, QUERY_ANSWERS
from deploy.local.addresses import Addresses
from deploy.local.deployment import write_audit_key
from stream.core.fast_query import Category
from stream.core.feeds import Role
from stream.core.question import About, Answer, read_answer
from synthetic.people import People
from tests.stream.core.cases import question

WITHIN_S = 40.0
Environment = dict[str, str]


def chakong(environment: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stream.cli", "registry", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def environment(stack: Addresses, topic_prefix: str, tmp_path: Path) -> Environment:
    write_audit_key(tmp_path / "audit.pem", tmp_path / "audit.pub.pem")
    around = {name: value for name, value in os.environ.items() if not name.startswith("CHAKONG_")}
    return around | {
        "CHAKONG_KEY_SECRET": "a secret of this test's own",
        "CHAKONG_KAFKA": stack.kafka,
        "CHAKONG_REDIS": stack.redis,
        "CHAKONG_KAFKA_TOPIC_PREFIX": topic_prefix,
        "CHAKONG_KAFKA_PARTITIONS": "1",
        "CHAKONG_KAFKA_SIGHTING_PARTITIONS": "1",
        "CHAKONG_AUDIT_KEY_FILE": str(tmp_path / "audit.pem"),
        "CHAKONG_REGISTRY_URL": f"sqlite:///{tmp_path / 'people.sqlite'}",
    }


@pytest.fixture
def running(environment: Environment, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    populated = chakong(environment, "--populate", "20")
    assert (populated.returncode, "20 made-up people" in populated.stderr) == (0, True), populated.stderr
    with (tmp_path / "registry.log").open("w") as log:
        ready = tmp_path / "ready"
        command = [sys.executable, "-m", "stream.cli", "registry", "--ready-file", str(ready)]
        process = subprocess.Popen(command, env=environment, stderr=log)
        ends_at = time.monotonic() + WITHIN_S
        while not ready.exists():
            assert process.poll() is None, (tmp_path / "registry.log").read_text()
            assert time.monotonic() < ends_at, (tmp_path / "registry.log").read_text()
            time.sleep(0.05)
        yield process
        process.terminate()
        assert process.wait(20) == 0


def answers(kafka: KafkaSettings) -> list[Answer]:
    client = consumer(kafka, "test")
    client.assign([TopicPartition(kafka.topic(QUERY_ANSWERS), 0, 0)])
    ends_at, found = time.monotonic() + WITHIN_S, []
    while not found and time.monotonic() < ends_at:
        found = [read_answer(record.value() or b"") for record in fetch(client, 10, 0.2)]
    client.close()
    return found


def test_S2_2_1_a_question_on_the_log_is_answered(
    running: subprocess.Popen[bytes], environment: Environment, topic_prefix: str, tmp_path: Path
) -> None:
    kafka = KafkaSettings(bootstrap=environment["CHAKONG_KAFKA"], topic_prefix=topic_prefix, partitions=1)
    person = People(7, "wanted")[5]
    type_, number = person.documents[0]
    asked = question(Category.IDENTITY, Role.DEFENDANT, "S2.2.1", about=About(type=type_, number=number))
    records = Records(kafka, "test")
    records.send([Record(QUERIES, b"440106", asked.model_dump_json(exclude_none=True).encode())])
    (answer,) = answers(kafka)
    assert (answer.query_id, answer.outcome, answer.records["identity"][0]["name"]) == (asked.id, "complete", person.name)
    log = (tmp_path / "registry.log").read_text()
    assert number not in log
    assert person.name not in log
    records.close()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"CHAKONG_REGISTRY_URL": "mysql://a:secret@b/c"}, "none of PostgreSQL or SQLite"),
        ({"CHAKONG_AUDIT_KEY_FILE": "/nowhere"}, "/nowhere"),
        ({"CHAKONG_REGISTRY_IDENTITY_S_MAX": "0"}, "identity_s_max"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(environment: Environment, changes: Environment, says: str) -> None:
    refused = chakong(environment | changes)
    assert refused.returncode == 2
    assert says in refused.stderr
    assert "secret" not in refused.stderr.replace("a secret of this", "")


def test_who_has_filled_a_file_is_not_made_to_again(environment: Environment) -> None:
    assert chakong(environment, "--populate", "5").returncode == 0
    again = chakong(environment, "--populate", "5")
    assert (again.returncode, "cannot be filled" in again.stderr) == (2, True)
