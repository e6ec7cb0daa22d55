"""What is sent to the topic `intake` reaches `orders` only with its documents, and no trouble of ours loses any of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from connectors.kafka.clients import at, consumer, fetch
from connectors.kafka.deadletters import DeadLetter
from connectors.kafka.ends import Ends
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import DEADLETTERS, INTAKE, ORDERS, ensure_topics
from stream.core.seal_verdict import SealReason, SealVerdict
from stream.core.seals import MissingDocumentError
from stream.services import intake as module
from stream.services.intake import Intake
from tests.watchlists import orders
from watchlists.index import MemoryIndex

AT = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
KEPT = {"a" * 64: b"440106", "b" * 64: b"440105"}


class Papers:
    """Documents that hold no more than their court's code; ``trouble`` is raised in place of the next so many answers."""

    def __init__(self) -> None:
        self.trouble = 0

    def get(self, digest: str) -> bytes:
        if self.trouble:
            self.trouble -= 1
            raise OSError("the object storage is away")
        if digest not in KEPT:
            raise MissingDocumentError(digest)
        return KEPT[digest]

    def verify(self, data: bytes, court: str) -> SealVerdict:
        return SealVerdict(reason=SealReason.SEALED if data.decode() == court else SealReason.OTHER_COURT)


def order(id_: str, *digests: str, version: int = 1, **changes: Any) -> bytes:
    fields = json.loads(orders.order(id_, version, ["E12345678"], action="place" if version == 1 else "amend").raw)
    for listed, digest in zip(fields["documents"], digests or ("a" * 64,) * 2, strict=True):
        listed["sha256"] = digest
    return json.dumps(fields | changes, ensure_ascii=False).encode()


@pytest.fixture
def here(kafka: str, topic_prefix: str) -> KafkaSettings:
    settings = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=1, sighting_partitions=1)
    ensure_topics(settings)
    return settings


@asynccontextmanager
async def taking(here: KafkaSettings, index: MemoryIndex | None = None, papers: Papers | None = None) -> AsyncIterator[Intake]:
    records, papers = Records(here, "test-intake"), papers or Papers()
    intake = Intake(here, records, index or MemoryIndex(), papers, papers, lambda: AT, 2)
    running = asyncio.create_task(intake.run())
    try:
        yield intake
    finally:
        intake.stop()
        await running
        await asyncio.to_thread(records.close)


def sent_to(here: KafkaSettings, topic: str) -> list[bytes]:
    client = consumer(here, "test")
    try:
        (end,) = Ends(here).now(topic).values()
        client.assign([at(here.topic(topic), 0, 0)])
        found: list[bytes] = []
        while len(found) < end:
            found += [record.value() or b"" for record in fetch(client, 100, 0.1)]
        return found
    finally:
        client.close()


async def within(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(found):
            await asyncio.sleep(0.05)


def send(here: KafkaSettings, *raws: bytes) -> None:
    records = Records(here, "test-court")
    records.send([Record(INTAKE, b"any", raw) for raw in raws])
    records.close()


async def test_S3_2_S3_3_S3_3b_good_orders_and_releases_go_on_in_their_sequence_and_the_rest_is_buried(
    here: KafkaSettings,
) -> None:
    good, release = order("ZX-1"), orders.release("ZX-1", 2).raw
    bad = [order("ZX-2", "a" * 64, "b" * 64), order("ZX-3", "a" * 64, "c" * 64), b"{", order("ZX-4", documents=[])]
    send(here, good, bad[0], release, *bad[1:], order("ZX-5"))
    async with taking(here):
        await within(lambda: len(sent_to(here, ORDERS)) == 3 and len(sent_to(here, DEADLETTERS)) == 4)
    assert sent_to(here, ORDERS) == [good, release, order("ZX-5")]
    letters = [msgspec.json.decode(raw, type=DeadLetter) for raw in sent_to(here, DEADLETTERS)]
    assert [(one.offset, one.reason) for one in letters] == [
        (1, "documents_refused"),
        (3, "documents_refused"),
        (4, "not_json"),
        (5, "invalid_order"),
    ]
    assert letters[0].detail == "assistance_notice: other_court (the seal is not this court's own)"
    assert letters[1].detail.startswith("assistance_notice: missing (")


async def test_S3_3b_only_the_court_of_an_order_may_amend_or_release_it(here: KafkaSettings) -> None:
    index = MemoryIndex()
    held = [orders.order("ZX-1", 1, ["E1"]), orders.order("ZX-2", 1, ["E1"]), orders.release("ZX-2", 2)]
    await index.apply(0, 0, 3, held)
    usurped = order("ZX-1", "b" * 64, "b" * 64, version=2, court={"code": "440105"})
    send(here, usurped, orders.release("ZX-1", 2, court="440105").raw, order("ZX-2", version=3), orders.release("ZX-1", 3).raw)
    async with taking(here, index):
        await within(lambda: len(sent_to(here, ORDERS)) == 1 and len(sent_to(here, DEADLETTERS)) == 3)
    letters = [msgspec.json.decode(raw, type=DeadLetter) for raw in sent_to(here, DEADLETTERS)]
    assert [one.reason for one in letters] == ["other_court", "other_court", "after_release"]


async def test_trouble_of_ours_is_waited_out_and_is_no_refusal(here: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.02)
    papers = Papers()
    papers.trouble = 5
    send(here, order("ZX-1"), order("ZX-2"))
    async with taking(here, papers=papers):
        await within(lambda: len(sent_to(here, ORDERS)) == 2)
    assert sent_to(here, DEADLETTERS) == []


async def test_what_was_not_judged_when_it_was_stopped_comes_again_and_what_was_does_not(
    here: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.02)
    papers = Papers()
    papers.trouble = 10**9
    send(here, order("ZX-1"))
    async with taking(here, papers=papers):
        await within(lambda: papers.trouble < 10**9)
    assert sent_to(here, ORDERS) == []
    async with taking(here):
        await within(lambda: len(sent_to(here, ORDERS)) == 1)
    send(here, order("ZX-2"))
    async with taking(here):
        await within(lambda: len(sent_to(here, ORDERS)) == 2)
    assert [json.loads(raw)["id"] for raw in sent_to(here, ORDERS)] == ["ZX-1", "ZX-2"]
