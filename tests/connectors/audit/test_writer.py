"""Real writers on a real Kafka: side by side, killed, and without a log to write to."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connectors.audit.keys import AuditKeyError, read_private_key, read_public_key
from connectors.audit.log import AuditLog
from connectors.audit.settings import AuditSettings
from connectors.audit.writer import AuditWriter
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ensure_topics
from deploy.local.deployment import write_audit_key
from deploy.local.stack import Stack
from stream.core.audit.record import AuditRecord, AuditUnavailableError, read_record
from stream.core.audit.verification import Verified, verify
from tests.stream.core.audit.logs import AT, KEYS, SIGNER, entry

WRITES = """
import asyncio, sys
from connectors.audit.settings import AuditSettings
from connectors.audit.writer import AuditWriter
from connectors.kafka.settings import KafkaSettings
from stream.logs import log_to_stderr
from tests.stream.core.audit.logs import SIGNER, entry

async def main():
    log_to_stderr()
    writer = AuditWriter("api", AuditSettings(checkpoint_records=50), SIGNER, KafkaSettings())
    await writer.start()
    for start in range(0, 100_000, 20):
        await asyncio.gather(*(writer.write(entry(number)) for number in range(start, start + 20)))
        print(start + 20, flush=True)

asyncio.run(main())
"""


def here(kafka: str, topic_prefix: str) -> KafkaSettings:
    settings = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=2, sighting_partitions=1)
    ensure_topics(settings)
    return settings


def log_of(kafka: KafkaSettings) -> list[AuditRecord]:
    return [read_record(stored.value) for stored in AuditLog(kafka).records()]


def verified(kafka: KafkaSettings) -> Verified:
    return verify(AuditLog(kafka).records, KEYS)


async def test_many_at_once_are_each_durable_when_told_and_are_grouped_under_checkpoints(kafka: str, topic_prefix: str) -> None:
    settings = here(kafka, topic_prefix)
    writer = AuditWriter("api", AuditSettings(checkpoint_records=100), SIGNER, settings, lambda: AT)
    await writer.start()
    await asyncio.gather(*(writer.write(entry(number)) for number in range(1500)))
    stands = {record.operation.request_id for record in await asyncio.to_thread(log_of, settings) if record.operation}
    assert stands == {f"r-{number}" for number in range(1500)}
    await writer.stop()
    result = await asyncio.to_thread(verified, settings)
    assert (result.faults, result.uncovered, len(result.heads)) == ((), 0, 1)
    assert result.checkpoints == 16


async def test_a_checkpoint_comes_when_its_time_has(kafka: str, topic_prefix: str) -> None:
    settings = here(kafka, topic_prefix)
    moments = iter((AT, AT))  # after these two, a day later
    later = AT.replace(day=25)
    writer = AuditWriter("api", AuditSettings(), SIGNER, settings, lambda: next(moments, later))
    await writer.start()
    await writer.write(entry())
    await writer.stop()
    kinds = [record.kind for record in await asyncio.to_thread(log_of, settings)]
    assert kinds.count("checkpoint") >= 1
    assert (await asyncio.to_thread(verified, settings)).faults == ()


async def test_two_processes_write_side_by_side_and_one_is_killed(kafka: str, topic_prefix: str) -> None:
    settings = here(kafka, topic_prefix)
    environment = os.environ | {"CHAKONG_KAFKA": kafka, "CHAKONG_KAFKA_TOPIC_PREFIX": topic_prefix}
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", WRITES], cwd=root, env=environment, stdout=subprocess.PIPE, text=True
    ) as other:
        writer = AuditWriter("api", AuditSettings(checkpoint_records=50), SIGNER, settings)
        await writer.start()
        assert other.stdout is not None
        told = int(await asyncio.to_thread(other.stdout.readline))
        for number in range(30):
            await asyncio.gather(*(writer.write(entry(number)) for _ in range(10)))
        other.send_signal(signal.SIGKILL)
        rest = await asyncio.to_thread(other.stdout.read)
        told = int(rest.split()[-1]) if rest.split() else told
        await writer.write(entry())
        await writer.stop()
    result = await asyncio.to_thread(verified, settings)
    assert (result.faults, len(result.heads)) == ((), 2)
    records = await asyncio.to_thread(log_of, settings)
    theirs = [
        record
        for record in records
        if record.writer != next(r.writer for r in records if r.begun and r.begun.process == os.getpid())
    ]
    assert sum(record.operation is not None for record in theirs) >= told


async def test_the_next_writer_has_seen_the_last_record_of_the_one_before(kafka: str, topic_prefix: str) -> None:
    settings = here(kafka, topic_prefix)
    for _ in range(2):
        writer = AuditWriter("api", AuditSettings(), SIGNER, settings)
        await writer.start()
        await writer.write(entry())
        await writer.stop()
    stored = await asyncio.to_thread(lambda: list(AuditLog(settings).records()))
    second = next(record for record in map(read_record, (one.value for one in stored)) if record.begun and record.begun.seen)
    assert second.begun
    (seen,) = second.begun.seen
    without = [one for one in stored if read_record(one.value).writer != seen.writer]
    assert [found.fault for found in verify(lambda: without, KEYS).faults] == ["truncated"]


async def test_while_kafka_is_away_a_write_is_refused_and_then_a_new_chain_begins(
    private_stack: Stack, topic_prefix: str
) -> None:
    addresses = private_stack.find()
    assert addresses is not None
    settings = here(addresses.kafka, topic_prefix)
    writer = AuditWriter("api", AuditSettings(write_s_max=2.0), SIGNER, settings)
    await writer.start()
    first = writer.writer
    await writer.write(entry(1))
    await asyncio.to_thread(private_stack.kafka.pause)
    began = time.monotonic()
    refused = await asyncio.gather(*(writer.write(entry(2)) for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in refused] == [AuditUnavailableError] * 5
    assert time.monotonic() - began < 8
    await asyncio.to_thread(private_stack.kafka.resume)
    for _ in range(30):
        try:
            await writer.write(entry(3))
        except AuditUnavailableError:
            continue
        break
    assert writer.writer not in (None, first)
    await writer.stop()
    assert (await asyncio.to_thread(verified, settings)).faults == ()


async def test_an_entry_that_has_no_bytes_is_refused_alone(kafka: str, topic_prefix: str) -> None:
    settings = here(kafka, topic_prefix)
    writer = AuditWriter("api", AuditSettings(), SIGNER, settings)
    await writer.start()
    with pytest.raises(AuditUnavailableError):
        await writer.write(entry(status=1 << 60))
    await writer.write(entry())
    await writer.stop()
    assert (await asyncio.to_thread(verified, settings)).faults == ()


def test_a_key_is_this_users_alone_and_ed25519(tmp_path: Path) -> None:
    private, public = tmp_path / "key.pem", tmp_path / "key.pub.pem"
    write_audit_key(private, public)
    assert read_private_key(private).public_key() == read_public_key(public)
    assert AuditSettings(key_file=private).signer().key in repr(AuditSettings(key_file=private).signer())
    with pytest.raises(AuditKeyError, match="not set"):
        AuditSettings(key_file=None).signer()
    private.chmod(0o644)
    with pytest.raises(AuditKeyError, match="chmod 600"):
        read_private_key(private)
    for wrong in (b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", public.read_bytes()):
        private.write_bytes(wrong)
        private.chmod(0o600)
        with pytest.raises(AuditKeyError, match="not an Ed25519 private key"):
            read_private_key(private)
    public.write_bytes(b"rubbish")
    with pytest.raises(AuditKeyError, match="not an Ed25519 public key"):
        read_public_key(public)
