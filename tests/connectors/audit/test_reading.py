"""The audit log for auditors, on a real Kafka: pages by cursor, proofs, and verifications with their bounds."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid

import pytest

from connectors.audit import reading
from connectors.audit.log import AuditLog
from connectors.audit.reading import AuditReading, BusyError, TooMuchError
from connectors.audit.settings import AuditSettings
from connectors.audit.writer import AuditWriter
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ensure_topics
from stream.core.audit.proof import NoProofError, NotCoveredError, refutation
from stream.core.audit.record import read_record
from stream.core.audit.search import Sought
from tests.stream.core.audit.logs import KEYS, SIGNER, entry

WRITERS, EACH = 3, 8


@pytest.fixture(scope="module")
def kafka_with_a_log(kafka: str) -> KafkaSettings:
    """A log of several writers, one after the other, in two partitions."""
    prefix = f"t{uuid.uuid4().hex[:10]}-"
    settings = KafkaSettings(bootstrap=kafka, topic_prefix=prefix, partitions=2, sighting_partitions=1)
    ensure_topics(settings)
    asyncio.run(_written(settings))
    return settings


async def _written(settings: KafkaSettings) -> None:
    for number in range(WRITERS):
        writer = AuditWriter("api", AuditSettings(checkpoint_records=5), SIGNER, settings)
        await writer.start()
        await asyncio.gather(*(writer.write(entry(number * EACH + one)) for one in range(EACH)))
        await writer.stop()


async def test_S5_2_pages_go_on_where_the_last_one_ended(
    kafka_with_a_log: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LOOKED_AT_MAX", 10)
    log = AuditReading(kafka_with_a_log, KEYS)
    positions, told, pages = None, list[str](), 0
    while True:
        page = await log.page(Sought(operation="confirm"), positions, 4)
        records = [read_record(raw) for raw in page.records]
        told += [record.operation.object.id for record in records if record.operation and record.operation.object]
        positions, pages = page.positions, pages + 1
        if not page.more:
            break
    assert sorted(told) == sorted(f"hit-{number}" for number in range(WRITERS * EACH))
    assert pages >= 6


async def test_S5_2_a_time_bounds_what_is_looked_at(kafka_with_a_log: KafkaSettings) -> None:
    log = AuditReading(kafka_with_a_log, KEYS)
    records = [read_record(raw) for raw in (await log.page(Sought(), None, 1000)).records]
    assert [record.at for record in records] == sorted(record.at for record in records)
    middle = records[10].at
    late = await log.page(Sought(since=middle), None, 1000)
    early = await log.page(Sought(until=middle), None, 1000)
    assert (len(early.records), len(late.records)) == (
        sum(record.at < middle for record in records),
        sum(record.at >= middle for record in records),
    )
    never = await log.page(Sought(since=dt.datetime.now(dt.UTC) + dt.timedelta(days=1)), None, 10)
    assert (never.records, never.more) == ([], False)


async def test_S5_2_a_record_is_proved_to_whoever_has_the_key(kafka_with_a_log: KafkaSettings) -> None:
    log = AuditReading(kafka_with_a_log, KEYS)
    record = read_record((await log.page(Sought(), None, 1)).records[0])
    proof = await log.proof(record.writer, record.sequence, None)
    assert refutation(proof, KEYS) is None
    assert read_record(proof.record.encode()) == record
    chain = [one for one in AuditLog(kafka_with_a_log).records() if one.key == record.writer.encode()]
    with pytest.raises(NotCoveredError):
        await log.proof(record.writer, len(chain) - 1, None)
    for writer, number in ((record.writer, 1000), ("0" * 32, 0)):
        with pytest.raises(NoProofError):
            await log.proof(writer, number, None)


async def test_S5_2_one_verification_at_a_time_and_of_so_many_records(kafka_with_a_log: KafkaSettings) -> None:
    log = AuditReading(kafka_with_a_log, KEYS)
    first = asyncio.create_task(log.verification(None, None, ()))
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await log.verification(None, None, ())
    found = await first
    assert (found.faults, len(found.heads)) == ((), WRITERS)
    part = await log.verification(dt.datetime.now(dt.UTC), None, found.heads)
    assert (part.records, part.faults) == (0, ())
    with pytest.raises(TooMuchError):
        await AuditReading(kafka_with_a_log, KEYS, verified_max=10).verification(None, None, ())


async def test_S5_2_a_log_that_is_read_for_too_long_is_given_up(
    kafka_with_a_log: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "READ_S_MAX", 0.0)
    with pytest.raises(TimeoutError):
        await AuditReading(kafka_with_a_log, KEYS).verification(None, None, ())
