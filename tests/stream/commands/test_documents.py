"""`chakong documents` and `chakong place`: what they print, how they end, and that a refused order leaves no trace."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer

from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ORDERS
from stream.cli import main
from tests.stream.commands.offices import COURT, Office, open_office
from tests.watchlists import orders


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return open_office(tmp_path, monkeypatch)


def write(folder: Path, **files: bytes) -> list[str]:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [str(folder / name) for name in files]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def order_of(office: Office, *documents: bytes) -> Path:
    path = office.folder / "order.json"
    path.write_text(json.dumps(office.fields("ZX-1", *documents), ensure_ascii=False))
    return path


def test_check_tells_each_verdict_and_fails_with_the_worst(office: Office) -> None:
    good, other = write(office.sent, good=office.sealed, other=office.others)
    assert run("documents", "check", good, "--court", COURT, "--json").exit_code == 0
    ended = run("documents", "check", good, other, "--court", COURT, "--json")
    first, second = (json.loads(line) for line in ended.stdout.splitlines())
    assert ended.exit_code == 3
    assert (first["good"], first["reason"], first["court"], first["coverage"]) == (True, "sealed", COURT, "whole_file")
    assert (second["good"], second["reason"], second["court"]) == (False, "other_court", "440105")
    assert second["says"]["en"] == "the seal is not this court's own"
    assert not office.kept()


def test_add_keeps_what_passes_and_get_gives_it_back(office: Office) -> None:
    good, other = write(office.sent, good=office.sealed, other=office.others)
    ended = run("documents", "add", good, other, "--court", COURT, "--json")
    digest = hashlib.sha256(office.sealed).hexdigest()
    assert ended.exit_code == 3
    assert [json.loads(line)["sha256"] for line in ended.stdout.splitlines()] == [digest, None]
    assert office.kept() == {digest}
    assert run("documents", "get", digest).stdout_bytes == office.sealed
    missing = run("documents", "get", "0" * 64)
    assert (missing.exit_code, missing.stderr) == (2, f"chakong documents get: document {'0' * 64} is not in the store\n")


def test_nothing_is_trusted_that_was_not_said(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    (good,) = write(office.sent, good=office.sealed)
    monkeypatch.delenv("CHAKONG_DOCUMENTS_TRUST")
    ended = run("documents", "check", good, "--court", COURT)
    assert ended.exit_code == 2
    assert "CHAKONG_DOCUMENTS_TRUST" in ended.stderr


@pytest.mark.parametrize("wrong", ["other", "missing"])
def test_a_refused_order_leaves_nothing_kept_and_never_asks_for_kafka(office: Office, wrong: str) -> None:
    write(office.sent, decision=office.sealed, **({"notice": office.others} if wrong == "other" else {}))
    ended = run("place", order_of(office, office.sealed, office.others), "--documents", office.sent, "--json")
    assert ended.exit_code == 3
    assert "ZX-1 version 1: refused, and nothing was sent" in ended.stderr
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [one["document"] for one in told] == ["detention_decision", "assistance_notice"]
    assert [one["reason"] for one in told] == ["sealed", "other_court" if wrong == "other" else "missing"]
    assert not office.kept()


def test_a_release_or_half_an_order_is_not_placed(office: Office) -> None:
    path = office.folder / "order.json"
    for raw in (orders.release("ZX-1", 2).raw, b"{}", b"nothing"):
        path.write_bytes(raw)
        assert run("place", path, "--documents", office.sent).exit_code == 2


@pytest.mark.integration
def test_an_order_with_its_documents_is_in_kafka_as_it_was_written(
    office: Office, kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("KEY_SECRET", "0" * 32), ("KAFKA", kafka), ("KAFKA_TOPIC_PREFIX", topic_prefix)):
        monkeypatch.setenv(f"CHAKONG_{name}", value)
    write(office.sent, decision=office.sealed, notice=office.others)
    assert run("place", order_of(office, office.sealed, office.others), "--documents", office.sent).exit_code == 3
    write(office.sent, decision=office.sealed, notice=office.notice)
    path = order_of(office, office.sealed, office.notice)
    ended = run("place", path, "--documents", office.sent, "--json")
    assert (ended.exit_code, ended.stderr) == (0, "ZX-1 version 1: sent to orders\n")
    assert len(office.kept()) == 2
    assert run("place", path).exit_code == 0  # from the store this time

    settings = KafkaSettings()
    reader = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": f"{topic_prefix}test",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": False,
        }
    )
    reader.subscribe([settings.topic(ORDERS)])
    found = [record for record in (reader.poll(20.0), reader.poll(20.0), reader.poll(1.0)) if record is not None]
    reader.close()
    assert [(record.key(), record.value()) for record in found] == [(b"ZX-1", path.read_bytes())] * 2
