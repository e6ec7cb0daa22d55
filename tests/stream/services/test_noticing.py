"""Both sides are told of an endpoint's health, against a real Kafka, a real Redis, web servers and a mail relay."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from confluent_kafka import TopicPartition
from pydantic import SecretStr

from connectors.courts.channels import Channels
from connectors.courts.endpoint import Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.courts.settings import CourtsSettings, SmtpSettings
from connectors.kafka.clients import consumer, fetch, partitions_of
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import INBOX, NOTICES, ensure_topics
from connectors.redis.client import connect
from connectors.redis.endpoints import GoneEndpoints, Outages, RestingEndpoints
from connectors.redis.errors import ViewUnavailableError
from connectors.redis.ledger import RedisLedger
from connectors.redis.settings import RedisSettings
from stream.core.delivery import Facts, Reason, Receipt
from stream.core.notice import Kind
from stream.core.notification import Notification
from stream.core.outage import UNSEEN_AFTER, Outage
from stream.services.courier import LAST, Courier, always
from stream.services.noticing import Noticing
from tests.clock import Clock
from tests.connectors.courts.cases import notification
from tests.connectors.courts.test_email import Relay
from tests.stream.engine.running import RecordingCourt

pytestmark = pytest.mark.integration
COURT = "440106"
FAILURES = 3
MAIL = f'[[endpoint]]\ncourt = "{COURT}"\nlevel = "duty_desk"\nchannel = "email"\nto = "duty@court.example"\n'
PULLS = f'[[endpoint]]\ncourt = "{COURT}"\nchannel = "inbox"\ntoken_env = "TOKEN"\n'


class Worker:
    """As much of a worker as sends and notices."""

    def __init__(self, name: str, site: Site, outages: Outages) -> None:
        self.channels = Channels(
            site.settings,
            GoneEndpoints(site.client, site.space),
            site.store,
            on_change=lambda endpoint, change: self.noticing.changed(endpoint, change),
            clock=site.clock,
        )
        stores = (GoneEndpoints(site.client, site.space), RestingEndpoints(site.client, site.space), outages)
        self.courier = Courier(self.channels)
        ways = (site.endpoints, self.channels, self.courier, site.records)
        self.noticing = Noticing(name, *ways, stores, site.ledger.waiting, site.clock)

    async def send(self, endpoint: Endpoint) -> Reason:
        """One attempt, and all that follows from it."""
        attempt = await self.channels.post(endpoint, notification())
        await self.noticing.under_way.settled()
        return attempt.outcome

    async def look(self) -> None:
        await self.noticing.look()
        await self.noticing.under_way.settled()


class Site:
    """A deployment with one court, and workers that tell it."""

    def __init__(self, kafka: KafkaSettings, client: redis.asyncio.Redis, mail_port: int, listed: Path) -> None:
        self.kafka, self.client, self.space = kafka, client, f"{kafka.topic_prefix}chakong"
        smtp = SmtpSettings(host="127.0.0.1", port=mail_port, sender="chakong@engine.example", security="none")
        limits: dict[str, Any] = {"failures_max": FAILURES, "failing_s": 0.0, "probe_first_s": 5.0, "in_flight_max": 1}
        self.settings = CourtsSettings(chakong_part_smtp=smtp, **limits)  # type: ignore[call-arg]
        self.endpoints = Endpoints.load(listed, channels=self.settings.channels(), environ={"TOKEN": "t" * 32})
        self.clock, self.records = Clock(), Records(kafka, "test-noticing")
        self.outages, self.ledger = Outages(client, self.space), RedisLedger(client, self.space)
        self.workers: list[Worker] = []

    def worker(self, outages: Outages | None = None) -> Worker:
        worker = Worker(f"w-{len(self.workers) + 1}", self, outages or self.outages)
        self.workers.append(worker)
        return worker

    @property
    def webhook(self) -> Endpoint:
        return self.endpoints.of(_Court())[0]

    async def store(self, court_code: str, news: Notification) -> None:
        await self.records.send_soon([Record(INBOX, court_code.encode(), news.body())])

    async def outage(self) -> Outage | None:
        return (await self.outages.all()).get(self.webhook.digest)

    def on(self, name: str) -> list[Any]:
        """All that stands on a topic."""
        client, topic = consumer(self.kafka, "test"), self.kafka.topic(name)
        places = [TopicPartition(topic, partition, 0) for partition in partitions_of(client, self.kafka, name)]
        left = sum(client.get_watermark_offsets(place, 10)[1] for place in places)
        client.assign(places)
        found: list[Any] = []
        while len(found) < left:
            found += [json.loads(record.value() or b"") for record in fetch(client, 100, 0.1)]
        client.close()
        return found

    async def wait_in_ledger(self, hits: int) -> None:
        """Hits that were tried in vain, and are to be tried again."""
        await self.ledger.mark_whole()
        for number in range(hits):
            facts = Facts(
                hit_at=(0, number),
                court=COURT,
                instruction_id=f"i-{number}",
                slot=f"s-{number}",
                respond_within_s=600,
                group_within_s=0,
                expires_at=self.clock() + dt.timedelta(days=1),
            )
            common: dict[str, Any] = {"hit_id": f"h-{number}", "order_id": "ZX-1", "order_version": 1, "at": self.clock()}
            planned = Receipt(**common, step="planned", outcome=Reason.NEW, facts=facts)
            next_at = self.clock() + dt.timedelta(seconds=30)
            tried = Receipt(**common, step="attempted", outcome=Reason.REFUSED, attempt=1, next_at=next_at)
            await self.ledger.record([planned, tried])


class _Court:
    code, province = COURT, "44"


@pytest.fixture
def dead() -> Iterator[RecordingCourt]:
    """A court's webhook that fails as often as it is told."""
    with _serving() as court:
        yield court


@pytest.fixture
def other() -> Iterator[RecordingCourt]:
    with _serving() as court:
        yield court


class _serving:  # a context manager
    def __enter__(self) -> RecordingCourt:
        self.court = RecordingCourt()
        self.court.daemon_threads, self.court.block_on_close = True, False
        threading.Thread(target=self.court.serve_forever, args=(0.05,), daemon=True).start()
        return self.court

    def __exit__(self, *_: object) -> None:
        self.court.shutdown()
        self.court.server_close()


Sites = Callable[[str], Any]


@pytest.fixture
def relay() -> Relay:
    return Relay()


@pytest.fixture
def opened(kafka: str, redis_url: str, topic_prefix: str, tmp_path: Path, relay: Relay) -> Sites:
    @asynccontextmanager
    async def made(entries: str) -> AsyncIterator[Site]:
        settings = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=2, sighting_partitions=1)
        ensure_topics(settings)
        listed = tmp_path / "endpoints.toml"
        listed.write_text(entries, "utf-8")
        async with connect(RedisSettings(url=SecretStr(redis_url))) as client, relay.listening() as mail_port:
            site = Site(settings, client, mail_port, listed)
            yield site
            for worker in site.workers:
                await worker.noticing.leave(1.0)
                await worker.channels.close()
            site.records.close()

    return made


def news_of(court: RecordingCourt) -> list[Any]:
    """What an endpoint was told of health, in order."""
    events = [json.loads(request.body) for request in court.requests]
    return [event["data"] for event in events if event["type"] == "chakong.endpoint.v1"]


async def test_a_court_is_told_once_whichever_workers_see_its_webhook_fail(
    opened: Sites, dead: RecordingCourt, relay: Relay
) -> None:
    dead.answers.extend([500] * 2 * FAILURES)
    async with opened(dead.entry(COURT) + PULLS + MAIL) as site:
        workers = [site.worker(), site.worker()]
        for _ in range(FAILURES):
            sent = await asyncio.gather(*(worker.send(site.webhook) for worker in workers))
            assert sent == [Reason.REFUSED] * 2
        for worker in workers:
            await worker.look()
        (letter,) = relay.envelopes
        (stored,) = site.on(INBOX)
        assert (stored["type"], stored["data"]["health"], stored["data"]["reason"]) == (
            "chakong.endpoint.v1",
            "down",
            "refused",
        )
        assert stored["data"]["court"]["code"] == COURT
        assert news_of(dead) == []
        notices = site.on(NOTICES)
        assert {(one["worker"], one["kind"], one["before"], one["after"]) for one in notices} == {
            ("w-1", "down", "closed", "open"),
            ("w-2", "down", "closed", "open"),
        }
        assert {one["failures"] for one in notices} == {FAILURES}
        assert len({one["id"] for one in notices}) == 2
        for told in (json.dumps(notices), json.dumps(stored), str(letter.content)):
            assert "hidden" not in told  # the token in the webhook's URL
        assert set(await RestingEndpoints(site.client, site.space).said()) == {"w-1", "w-2"}


async def test_a_court_that_nobody_could_tell_learns_what_it_missed_once_it_recovers(
    opened: Sites, dead: RecordingCourt
) -> None:
    dead.answers.extend([500] * 2 * FAILURES)
    async with opened(dead.entry(COURT)) as site:
        workers = [site.worker(), site.worker()]
        began = site.clock()
        for worker in workers:
            for _ in range(FAILURES):
                await worker.send(site.webhook)
        await site.wait_in_ledger(4)
        assert news_of(dead) == []
        site.clock.forward(6)
        for worker in workers:
            assert await worker.send(site.webhook) is Reason.DELIVERED
            await worker.look()
        (news,) = news_of(dead)
        assert (news["health"], news["waiting"], news["failures"]) == ("recovered", 4, FAILURES)
        assert dt.datetime.fromisoformat(news["since"]) == began
        assert dt.datetime.fromisoformat(news["recovered_at"]) == site.clock()
        assert sorted(one["kind"] for one in site.on(NOTICES)) == ["down", "down", "recovered", "recovered"]
        assert await RestingEndpoints(site.client, site.space).said() == {}


async def test_an_endpoint_that_answers_410_is_told_as_gone(opened: Sites, dead: RecordingCourt, relay: Relay) -> None:
    dead.answers.append(410)
    async with opened(dead.entry(COURT) + MAIL) as site:
        worker = site.worker()
        assert await worker.send(site.webhook) is Reason.ENDPOINT_GONE
        assert await worker.send(site.webhook) is Reason.ENDPOINT_GONE
        assert len(relay.envelopes) == 1
        (one,) = site.on(NOTICES)
        assert (one["kind"], one["after"], one["reason"], one["failures"]) == ("gone", "disabled", "endpoint_gone", 1)
        await worker.look()
        outage = await site.outage()
        assert outage is not None
        assert outage.said is Kind.GONE
        await site.client.hdel(f"{site.space}:endpoints", site.webhook.digest)  # type: ignore[misc]
        await worker.look()
        assert await site.outage() == outage
        site.clock.forward(UNSEEN_AFTER.total_seconds())
        await worker.look()
        assert await site.outage() is None


async def test_flapping_floods_no_court(opened: Sites, dead: RecordingCourt, relay: Relay) -> None:
    async with opened(dead.entry(COURT) + MAIL) as site:
        worker = site.worker()
        for _ in range(5):
            dead.answers.extend([500] * FAILURES)
            for _ in range(FAILURES):
                await worker.send(site.webhook)
            site.clock.forward(6)
            await worker.send(site.webhook)
            await worker.look()
        assert len(relay.envelopes) == 1
        assert [news["health"] for news in news_of(dead)] == ["recovered"]
        assert len(site.on(NOTICES)) == 10


async def test_the_news_of_a_hit_goes_first(opened: Sites, dead: RecordingCourt, other: RecordingCourt) -> None:
    dead.answers.append(410)
    async with opened(dead.entry(COURT) + other.entry(COURT)) as site:
        worker = site.worker()
        living = site.endpoints.of(_Court())[1]
        async with worker.channels.turn(living):  # the only turn: who comes now waits
            await worker.channels.post(site.webhook, notification())
            while not worker.courier._waiting[living.digest]:
                await asyncio.sleep(0.01)
            soon = site.clock() + dt.timedelta(hours=1)
            hit = asyncio.create_task(worker.courier.round(notification("h-1"), [living], always, soon))
            while worker.courier._waiting[living.digest] < 2:
                await asyncio.sleep(0.01)
        assert (await hit).delivered
        await worker.noticing.under_way.settled()
        assert [json.loads(request.body)["type"] for request in other.requests] == ["chakong.hit.v1", "chakong.endpoint.v1"]
        assert soon < LAST


async def test_what_a_worker_that_leaves_did_not_tell_another_tells(
    opened: Sites, dead: RecordingCourt, other: RecordingCourt
) -> None:
    dead.answers.append(410)
    async with opened(dead.entry(COURT) + other.entry(COURT)) as site:
        leaves, stays = site.worker(), site.worker()
        async with leaves.channels.turn(site.endpoints.of(_Court())[1]):
            await leaves.channels.post(site.webhook, notification())
            ends_at = time.monotonic() + 10
            while (outage := await site.outage()) is None or outage.claimed_until is None:
                assert time.monotonic() < ends_at
                await asyncio.sleep(0.01)
            await stays.look()
            assert news_of(other) == []
            assert await leaves.noticing.leave(0.05) >= 1
        await stays.look()
        assert [news["health"] for news in news_of(other)] == ["gone"]


async def test_an_outage_that_its_worker_took_to_its_grave_ends_by_telling_the_endpoint(
    opened: Sites, dead: RecordingCourt, relay: Relay
) -> None:
    dead.answers.extend([500] * (FAILURES + 1))
    async with opened(dead.entry(COURT) + MAIL) as site:
        dies, lives = site.worker(), site.worker()
        for _ in range(FAILURES):
            await dies.send(site.webhook)
        await RestingEndpoints(site.client, site.space).say("w-1", {})  # as if what it said had ended
        site.clock.forward(UNSEEN_AFTER.total_seconds())
        await lives.look()
        assert [one["health"] for one in news_of(dead)] == ["recovered"]  # which it refused: so it is not over
        outage = await site.outage()
        assert outage is not None
        assert (outage.said, outage.recovered_at, outage.tries) == (Kind.DOWN, None, 1)
        site.clock.forward(60)
        await lives.look()
        outage = await site.outage()
        assert outage is not None
        assert (outage.said, outage.recovered_at) == (Kind.RECOVERED, site.clock())
        assert len(relay.envelopes) == 1
        site.clock.forward(3600)
        await lives.look()
        assert await site.outage() is None


class Away(Outages):
    """Of a Redis that does not answer at first."""

    away = True

    async def update(self, digest: str, change: Callable[[Outage | None], Outage | None]) -> Outage | None:
        if self.away:
            raise ViewUnavailableError("unreachable", "Redis cannot be reached")
        return await super().update(digest, change)


async def test_what_could_not_be_noted_is_noted_later(opened: Sites, dead: RecordingCourt, relay: Relay) -> None:
    dead.answers.append(410)
    async with opened(dead.entry(COURT) + MAIL) as site:
        outages = Away(site.client, site.space)
        worker = site.worker(outages)
        await worker.send(site.webhook)
        assert relay.envelopes == []
        outages.away = False
        await worker.look()
        assert len(relay.envelopes) == 1
