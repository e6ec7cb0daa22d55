"""The watch on querying on a real Kafka: what is odd opens an incident, also by a watch that began after it."""

from __future__ import annotations

import asyncio
import datetime as dt

from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import QUERIES, ensure_topics
from matchers.keys import KeyHasher
from stream.core.memory import MemoryIncidents
from stream.core.querying import Limits
from stream.core.question import Asker, query_id
from stream.services.query_watch import QueryWatch
from tests.stream.core.cases import question

LIMITS = Limits(dt.timedelta(hours=24), 100, 100, 2, 0, 24)


async def test_S5_1_one_subject_asked_about_by_several_opens_one_incident(kafka: str, topic_prefix: str) -> None:
    here = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=2, sighting_partitions=1)
    ensure_topics(here)
    records, now = Records(here, "test"), dt.datetime.now(dt.UTC)
    sent = [
        question(id=query_id("440106", str(n), "k"), asked_at=now, asker=Asker(id=str(n), credential=f"{n}.token"))
        for n in range(4)
    ]
    photo = sent[0].for_photo(0, now, Asker(id="9", credential="9.token"))
    rows = [Record(QUERIES, str(n).encode(), one.model_dump_json().encode()) for n, one in enumerate([photo, *sent])]
    await records.send_soon([Record(QUERIES, b"x", b"{"), *rows[:4]])
    incidents = MemoryIncidents()
    watch = QueryWatch(here, KeyHasher(b"a secret of this test"), LIMITS, incidents, lambda: dt.datetime.now(dt.UTC))
    running = asyncio.create_task(watch.run())
    async with asyncio.timeout(20):
        while not incidents.opened:
            await asyncio.sleep(0.05)
    await records.send_soon(rows[4:])
    await asyncio.sleep(0.5)
    watch.stop()
    await running
    (opened,) = incidents.opened
    assert opened.about.startswith("subject ")
    assert opened.court is None
    await asyncio.to_thread(records.close)
