"""``chakong audit`` on a real Kafka: verified, proved, found, exported, and found out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.audit.keys import read_private_key
from connectors.audit.log import AuditLog
from connectors.audit.settings import AuditSettings
from connectors.audit.writer import AuditWriter
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import AUDIT, ensure_topics
from deploy.local.deployment import write_audit_key
from stream.cli import main
from stream.core.audit.record import What, Who, read_record
from stream.core.audit.signing import Signer
from tests.stream.core.audit.logs import entry

Logged = tuple[KafkaSettings, Path, Path]


@pytest.fixture
def logged(kafka: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Logged:
    """A log of 30 operations, and its keys."""
    private, public = tmp_path / "key.pem", tmp_path / "key.pub.pem"
    write_audit_key(private, public)
    settings = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=2, sighting_partitions=1)
    ensure_topics(settings)
    monkeypatch.setenv("CHAKONG_KAFKA", kafka)
    monkeypatch.setenv("CHAKONG_KAFKA_TOPIC_PREFIX", topic_prefix)
    monkeypatch.delenv("CHAKONG_AUDIT_KEY_FILE", raising=False)
    asyncio.run(_written(settings, private))
    return settings, private, public


async def _written(settings: KafkaSettings, private: Path) -> None:
    writer = AuditWriter("api", AuditSettings(checkpoint_records=10), Signer(read_private_key(private)), settings)
    await writer.start()
    for number in range(29):
        await writer.write(entry(number))
    who = Who(kind="court", id="310101", on_behalf_of="李法官")
    await writer.write(entry(who=who, operation="inbox", object=What(kind="inbox", id="310101"), outcome="refused"))
    await writer.stop()


def audit(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["audit", *map(str, arguments)])


def test_a_clean_log_verifies_and_one_with_a_record_too_many_does_not(logged: Logged, tmp_path: Path) -> None:
    settings, _, public = logged
    heads = tmp_path / "heads.json"
    clean = audit("verify", "--key", public, "--json", "--keep", heads)
    assert (clean.exit_code, json.loads(clean.stdout)["faults"]) == (0, [])
    told = audit("verify", "--key", public, "--known", heads)
    assert (told.exit_code, "nothing is wrong" in told.stdout) == (0, True)
    assert audit("verify", "--key", public, "--from", "2020-01-01", "--to", "2020-01-02T00:00:00+08:00").exit_code == 0

    stored = list(AuditLog(settings).records())
    records = Records(settings, "test")
    records.send([Record(AUDIT, stored[5].key, stored[5].value, stored[5].partition)])
    records.close()
    found = audit("verify", "--key", public, "--json")
    assert found.exit_code == 1
    (fault,) = json.loads(found.stdout)["faults"]
    assert (fault["fault"], fault["first"]) == ("inserted", 5)
    table = audit("verify", "--key", public)
    assert (table.exit_code, "inserted" in table.stdout) == (1, True)


def test_a_log_that_is_gone_is_missed(logged: Logged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, _, public = logged
    heads = tmp_path / "heads.json"
    assert audit("verify", "--key", public, "--keep", heads).exit_code == 0
    monkeypatch.setenv("CHAKONG_KAFKA_TOPIC_PREFIX", settings.topic_prefix + "empty-")
    ensure_topics(settings.model_copy(update={"topic_prefix": settings.topic_prefix + "empty-"}))
    gone = audit("verify", "--key", public, "--known", heads, "--json")
    assert (gone.exit_code, json.loads(gone.stdout)["faults"][0]["fault"]) == (1, "truncated")


def test_a_record_is_found_proved_and_checked(logged: Logged, tmp_path: Path) -> None:
    _, _, public = logged
    rows = audit("search", "--who", "李法官", "--outcome", "refused").stdout.splitlines()
    assert [json.loads(row)["operation"]["operation"] for row in rows] == ["inbox"]
    assert len(audit("search", "--operation", "confirm").stdout.splitlines()) == 29
    assert len(audit("search", "--limit", 3).stdout.splitlines()) == 3
    assert audit("search", "--to", "2020-01-01").stdout == ""
    (row,) = audit("search", "--object", "hit-7").stdout.splitlines()
    name = read_record(row.encode()).name

    proof = tmp_path / "proof.json"
    proof.write_text(audit("proof", name, "--earlier", 10).stdout)
    held = audit("check", proof, "--key", public)
    assert (held.exit_code, held.stdout) == (0, "The proof holds.\n"), held.stderr
    proof.write_text(proof.read_text().replace("hit-7", "hit-8"))
    refuted = audit("check", proof, "--key", public)
    assert (refuted.exit_code, "the proof does not hold: the signature" in refuted.stderr) == (1, True)
    for wrong, says in (("x", "writer/number"), ("nobody/3", "no such record")):
        ended = audit("proof", wrong)
        assert (ended.exit_code, says in ended.stderr) == (2, True)


def test_an_export_is_the_records_as_they_are_stored(logged: Logged) -> None:
    settings, *_ = logged
    exported = audit("export")
    assert exported.stdout_bytes.splitlines() == [stored.value for stored in AuditLog(settings).records()]
    assert "records" in exported.stderr


def test_without_a_key_it_says_so(logged: Logged, tmp_path: Path) -> None:
    _, private, public = logged
    for arguments, says in (
        ((), "--key FILE"),
        (("--key", private), "not an Ed25519 public key"),
        (("--key", "none"), "No such file"),
    ):
        ended = audit("verify", *arguments)
        assert (ended.exit_code, says in ended.stderr) == (2, True), ended.stderr
    (tmp_path / "heads.json").write_text("rubbish")
    ended = audit("verify", "--key", public, "--known", tmp_path / "heads.json")
    assert (ended.exit_code, "not what this command wrote" in ended.stderr) == (2, True)
