"""`chakong import`: each line for itself, nothing without its seals, and no line twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.kafka.clients import at, consumer, fetch
from connectors.kafka.ends import Ends
from connectors.kafka.records import Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ORDERS
from stream.cli import main
from tests.stream.commands.offices import Office, open_office
from tests.watchlists import orders


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    made = open_office(tmp_path, monkeypatch)
    for name, data in (("decision.pdf", made.sealed), ("notice", made.notice), ("others.pdf", made.others)):
        (made.sent / name).write_bytes(data)
    return made


@pytest.fixture
def here(office: Office, kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    for name, value in (("KEY_SECRET", "0" * 32), ("KAFKA", kafka), ("KAFKA_TOPIC_PREFIX", topic_prefix)):
        monkeypatch.setenv(f"CHAKONG_{name}", value)
    return KafkaSettings()


def lines(office: Office) -> list[bytes]:
    """Good, unsealed, unreadable, good, missing, a release."""
    missing = office.fields("ZX-5")
    missing["documents"][1]["sha256"] = "f" * 64
    made = [office.fields("ZX-1"), office.fields("ZX-2", office.sealed, office.others), None, office.fields("ZX-4"), missing]
    raws = [b"{" if one is None else json.dumps(one, ensure_ascii=False).encode() for one in made]
    return [*raws, orders.release("ZX-6", 2).raw]


def run(office: Office, *options: object) -> Result:
    arguments = ["import", office.folder / "orders.ndjson", "--documents", office.sent, "--workers", 2, *options]
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def sent(kafka: KafkaSettings) -> list[bytes]:
    client = consumer(kafka, "test")
    try:
        ends = Ends(kafka).now(ORDERS)
        client.assign([at(kafka.topic(ORDERS), partition, 0) for partition in ends])
        found: list[bytes] = []
        while len(found) < sum(ends.values()):
            found += [record.value() or b"" for record in fetch(client, 100, 0.1)]
        return found
    finally:
        client.close()


def test_S4_3_a_dry_run_tells_what_is_wrong_and_leaves_nothing(office: Office) -> None:
    (office.folder / "orders.ndjson").write_bytes(b"\n".join(lines(office)))
    ended = run(office, "--dry-run", "--refused", office.folder / "refused")
    assert ended.exit_code == 3
    assert "6 orders: 3 could be sent, 3 refused" in ended.stderr
    told = [json.loads(line) for line in (office.folder / "refused").read_bytes().splitlines()]
    assert [(one["line"], one["order_id"], one["reason"]) for one in told] == [
        (2, "ZX-2", "documents_refused"),
        (3, None, "not_json"),
        (5, "ZX-5", "documents_refused"),
    ]
    assert told[0]["detail"] == "assistance_notice: other_court (the seal is not this court's own)"
    assert "put the PDF with this digest into the folder" in told[2]["to_do"][0]["en"]
    assert "王伟" not in ended.stderr
    assert not office.kept()
    assert not (office.folder / "orders.ndjson.position").exists()


@pytest.mark.integration
def test_S3_2_S3_3_a_bad_line_costs_that_line_and_an_import_goes_on_where_it_was(
    office: Office, here: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = office.folder / "orders.ndjson"
    path.write_bytes(b"\n".join(lines(office)) + b"\n")
    ended = run(office)
    assert (ended.exit_code, "6 orders: 3 sent to orders, 3 refused; 6 of them now" in ended.stderr) == (3, True), ended.stderr
    assert sorted(json.loads(raw)["id"] for raw in sent(here)) == ["ZX-1", "ZX-4", "ZX-6"]
    assert len(office.kept()) == 2
    again = run(office)
    assert (again.exit_code, "0 of them now" in again.stderr) == (3, True)
    more = json.dumps(office.fields("ZX-7"), ensure_ascii=False).encode()
    path.write_bytes(path.read_bytes() + more + b"\n")
    with monkeypatch.context() as patched:
        patched.setattr(Records, "send", _breaks)
        broken = run(office)
        assert (broken.exit_code, "the disk is full" in broken.stderr) == (1, True)
    assert "7 orders: 4 sent to orders, 3 refused; 1 of them now" in run(office).stderr
    assert len(sent(here)) == 4
    path.write_bytes(more)
    other = run(office)
    assert (other.exit_code, "does not begin with what was imported before" in other.stderr) == (2, True)


def _breaks(*_: object) -> None:
    raise OSError("the disk is full")


def test_what_it_does_not_begin_with_is_said(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    (office.folder / "orders.ndjson").write_bytes(b"")
    monkeypatch.delenv("CHAKONG_DOCUMENTS_TRUST")
    ended = run(office, "--dry-run")
    assert (ended.exit_code, "CHAKONG_DOCUMENTS_TRUST" in ended.stderr) == (2, True)
