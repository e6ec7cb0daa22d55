"""The newest part of the audit log is verified now and then, by a process of its own; on a real broker."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors.audit.settings import AuditSettings
from connectors.audit.writer import AuditWriter
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import AUDIT, ensure_topics
from stream.core.audit.record import Entry, Who
from stream.services.auditing import FIRST_AFTER, Auditing
from tests.clock import Clock
from tests.stream.core.audit.logs import SIGNER

HOUR = dt.timedelta(hours=1)


async def settled(auditing: Auditing) -> list[tuple[str, str]] | None:
    """What the run under way finds."""
    assert auditing.under_way is not None
    await auditing.under_way
    return await auditing.faults()


async def test_S4_5_a_gap_in_the_audit_log_is_found(
    kafka: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAKONG_KAFKA", kafka)
    monkeypatch.setenv("CHAKONG_KAFKA_TOPIC_PREFIX", topic_prefix)
    monkeypatch.delenv("CHAKONG_AUDIT_KEY_FILE", raising=False)
    settings = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=1, sighting_partitions=1)
    ensure_topics(settings)
    key = tmp_path / "audit.pub.pem"
    key.write_bytes(SIGNER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    writer = AuditWriter("api", AuditSettings(), SIGNER, settings)
    await writer.start()
    await writer.write(Entry(who=Who(kind="stranger"), operation="none", outcome="refused", status=401, request_id="r-1"))
    await writer.stop()
    records = Records(settings, "tests")
    records.send([Record(AUDIT, b"nobody-s-chain", b"{}")])
    records.close()

    clock = Clock()
    auditing = Auditing([key], HOUR, clock)
    assert await auditing.faults() is None
    clock.at += FIRST_AFTER
    assert await auditing.faults() is None
    assert {writer for writer, _ in await settled(auditing) or []} == {"nobody-s-chain"}
    assert await auditing.faults() is None
    await auditing.stop()


async def test_without_keys_nothing_is_verified() -> None:
    clock = Clock()
    auditing = Auditing([], HOUR, clock)
    clock.at += 2 * HOUR
    assert await auditing.faults() is None
    assert auditing.under_way is None
    await auditing.stop()


async def test_a_verification_that_cannot_be_made_says_nothing_and_one_that_is_cut_off_ends(tmp_path: Path) -> None:
    clock = Clock()
    auditing = Auditing([tmp_path / "none.pem"], HOUR, clock)
    clock.at += HOUR
    assert await auditing.faults() is None
    assert await settled(auditing) is None
    clock.at += HOUR
    assert await auditing.faults() is None
    await auditing.stop()
