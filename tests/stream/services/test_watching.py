"""The watch from end to end: real Kafka, real Redis, a real web server at the other end; only the clock is ours."""

from __future__ import annotations

import datetime as dt
import json
import threading
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.courts.channels import Channels
from connectors.courts.endpoint import Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.courts.settings import CourtsSettings
from connectors.door.incidents import Desk
from connectors.kafka.errors import NotDurableError
from connectors.kafka.incidents import IncidentLog
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ensure_topics
from connectors.redis.client import connect
from connectors.redis.endpoints import GoneEndpoints, Outages, RestingEndpoints
from connectors.redis.incidents import IncidentsView
from connectors.redis.leases import Leases, LeaseState
from connectors.redis.ledger import RedisLedger
from connectors.redis.settings import RedisSettings
from stream import metrics
from stream.core.escalation import AnyLevel
from stream.core.incident import IncidentKind
from stream.core.incident_due import Limits
from stream.core.incident_life import Incident
from stream.core.incident_record import By
from stream.core.silence import Pattern
from stream.core.watching import Source, Thresholds
from stream.services.courier import Courier
from stream.services.noticing import Noticing
from stream.services.observing import Observing
from stream.services.rebuilding import rebuild_incidents
from stream.services.telling import Telling
from stream.services.watching import Views, Watching
from tests.clock import Clock
from tests.connectors.courts.cases import notification
from tests.factory import sighting_bytes
from tests.stream.core.incidents import START, opening
from tests.stream.engine.running import RecordingCourt
from watchlists.index import MemoryIndex

COURT = "440106"
MINUTE, HOUR = 60.0, 3600.0
PLACES: tuple[tuple[str, str, AnyLevel], ...] = (
    ("webhook", COURT, "handler"),
    ("fallback", COURT, "handler"),
    ("high", "44", "high_court"),
    ("command", "nation", "national_command"),
    ("police", "44", "province_police"),
    ("ministry", "00", "national_police"),
)
CLERK = By(id=COURT, roles=("clerk",), side="court")
NOBODY_SCREENS = Thresholds(lag_s=1e9)
"""Nobody screens here, so screening lags."""


@dataclass
class World:
    """As much of a worker as watches and tells, both sides, and a clock that one moves."""

    kafka: KafkaSettings
    server: RecordingCourt
    endpoints: Endpoints
    view: IncidentsView
    records: Records
    ground: Observing
    views: Views
    clock: Clock = field(default_factory=Clock)
    faults: list[tuple[str, str]] | None = None

    def __post_init__(self) -> None:
        self.clock.at = START  # no day of UTC ends while a test runs
        client, space = self.view._client, self.kafka.topic_prefix
        gone = GoneEndpoints(client, space)
        self.channels = Channels(
            CourtsSettings(), gone, on_change=lambda endpoint, change: self.noticing.changed(endpoint, change), clock=self.clock
        )
        courier, ledger = Courier(self.channels), RedisLedger(client, space)
        stores = (gone, RestingEndpoints(client, space), self.views.outages)
        ways = (self.endpoints, self.channels, courier, self.records)
        self.noticing = Noticing("w-1", *ways, stores, ledger.waiting, self.clock)
        self.log = IncidentLog(self.records, self.view, self.clock, keeps_view=True)
        self.telling = Telling(self.endpoints, courier, self.log, self.view, Limits(), self.clock)
        self.watching = self.watcher()
        self.desk = Desk(self.view, IncidentLog(self.records, self.view, self.clock), Limits(), self.clock)

    def watcher(self, thresholds: Thresholds = NOBODY_SCREENS) -> Watching:
        parts = (self.endpoints, self.log, self.telling)
        return Watching("w-1", self.ground, self.views, *parts, self.found, thresholds, self.clock)

    async def found(self) -> list[tuple[str, str]] | None:
        return self.faults

    async def look(self, forward_s: float = 0.0) -> None:
        self.clock.forward(forward_s)
        await self.watching.look()
        await self.telling.under_way.settled()

    async def send(self, province: str, topic: str = "sightings.hotel") -> None:
        station = {"code": f"{province}0106-H-0012", "province": province}
        await self.records.send_soon([Record(topic, b"k", sighting_bytes(station=station))])

    async def fail(self, endpoint: Endpoint) -> None:
        """An attempt at an endpoint that is gone, and all that follows from it."""
        self.server.answers.append(410)
        await self.channels.post(endpoint, notification())
        await self.noticing.under_way.settled()

    async def all(self) -> dict[str, Incident]:
        return {one.opening.about: one for one in await self.view.some([place.id for place in await self.view.after(None, 99)])}

    async def resolve(self, incident: Incident, key: str = "k-1") -> None:
        """By the door, and as the workers follow."""
        await self.desk.move(incident, "resolved", CLERK, key, "线路已修复")
        await rebuild_incidents(self.kafka, self.view)

    def told(self, incident: Incident) -> list[tuple[str, str]]:
        """Who was told of it, and of what."""
        return [(path, event["data"]["step"]) for path, event in self.events(incident)]

    def events(self, incident: Incident) -> list[tuple[str, Any]]:
        read = ((request.path.strip("/"), json.loads(request.body)) for request in list(self.server.requests))
        return [(path, event) for path, event in read if event["subject"] == incident.id]


@pytest.fixture
async def world(kafka: str, redis_url: str, topic_prefix: str) -> AsyncIterator[World]:
    settings = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=1, sighting_partitions=1)
    ensure_topics(settings)
    async with AsyncExitStack() as cleanup:
        server = RecordingCourt()
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        cleanup.callback(server.server_close)
        cleanup.callback(server.shutdown)
        client = await cleanup.enter_async_context(connect(RedisSettings(url=SecretStr(redis_url))))
        records, ground = Records(settings, "tests"), Observing(settings)
        cleanup.callback(records.close)
        cleanup.callback(ground.close)
        url = f"http://127.0.0.1:{server.server_port}/"
        listed = [Endpoint.of(of, url + path, server.secret, level=level, http_allowed=True) for path, of, level in PLACES]
        view = IncidentsView(client, topic_prefix)
        views = Views(view, Leases(client, topic_prefix), Outages(client, topic_prefix), MemoryIndex())
        made = World(settings, server, Endpoints(listed), view, records, ground, views)
        cleanup.push_async_callback(made.channels.close)
        yield made


async def test_S4_5_a_source_that_falls_silent_and_an_endpoint_that_fails_open_one_incident_each_and_both_sides_are_told(
    world: World,
) -> None:
    usual = Pattern(rates=(1200.0,) * 48, at=world.clock(), last_at=world.clock(), hour=0.0)
    await world.view.save_patterns({Source("sightings.hotel", province): usual for province in ("44", "31")})
    await world.look()
    (webhook, *_) = world.endpoints
    await world.fail(webhook)
    for province in ("44", "31", "31", "31", "31", "31"):
        await world.send(province)
        await world.look(5 * MINUTE)
    incidents = await world.all()
    assert {about: one.opening.kind for about, one in incidents.items()} == {
        "sightings.hotel 44": IncidentKind.SILENT_SOURCE,
        f"{COURT} handler webhook {webhook.redacted}": IncidentKind.FAILING_ENDPOINT,
    }
    silent, failing = incidents["sightings.hotel 44"], next(one for about, one in incidents.items() if about.startswith(COURT))
    assert sorted(world.told(silent)) == [("high", "opened"), ("police", "opened")]
    assert sorted(world.told(failing)) == [("fallback", "opened"), ("police", "opened")]
    for incident in incidents.values():
        expected = str(uuid.uuid5(uuid.UUID(incident.id), '["chakong.incident.v1","opened"]'))
        assert {event["id"] for _, event in world.events(incident)} == {expected}
        for side in ("court", "police"):
            noticed = incident.round.noticed_at(side)
            assert noticed is not None
            assert noticed - incident.opened_at <= dt.timedelta(minutes=5)

    # It goes on: nothing is opened anew, and nobody told twice. Then it comes again, which is not yet to resolve it.
    for _ in range(3):
        await world.look(MINUTE)
    await world.send("44")
    await world.look(10 * MINUTE)
    incidents = await world.all()
    assert len(incidents) == 2
    assert len(world.told(silent)) == 2
    assert [step.step for step in incidents["sightings.hotel 44"].steps].count("cleared") == 1
    await world.resolve(incidents["sightings.hotel 44"])
    await world.look()
    assert sorted(world.told(silent))[1::2] == [("high", "resolved"), ("police", "resolved")]
    assert len(await world.view.unsettled()) == 1
    assert not [number for number in ("11010519491231002X", "王伟") if number in json.dumps(world.events(silent))]


async def test_S4_5_an_overdue_incident_escalates_level_by_level_until_it_is_resolved(world: World) -> None:
    await world.log.open(opening(IncidentKind.ODD_QUERYING, "someone", court=COURT))
    await world.look()
    (incident,) = (await world.all()).values()
    assert sorted(world.told(incident)) == [("police", "opened"), ("webhook", "opened")]
    await world.look(3.9 * HOUR)
    assert len(world.told(incident)) == 2
    await world.look(0.1 * HOUR)
    assert sorted(world.told(incident))[:2] == [("high", "overdue"), ("ministry", "overdue")]
    assert metrics.incidents_overdue.labels("not_acknowledged")._value.get() == 1
    await world.desk.move(incident, "acknowledged", By(id="44", roles=("police",), side="police"), "k", None)
    await rebuild_incidents(world.kafka, world.view)
    await world.look(4 * HOUR)
    (last,) = [event for path, event in world.events(incident) if path == "command"]
    assert (last["data"]["level"], last["data"]["why"], last["data"]["is_last"]) == (
        "national_command",
        "not_acknowledged",
        True,
    )
    step = '["chakong.incident.v1","overdue.national_command"]'
    assert last["id"] == str(uuid.uuid5(uuid.UUID(incident.id), step))
    await world.resolve((await world.all())["someone"])
    for _ in range(2):
        await world.look(24 * HOUR)
    everybody = ["command", "high", "ministry", "police", "webhook"]
    assert sorted(path for path, step in world.told(incident) if step == "resolved") == everybody
    assert await world.view.unsettled() == []


async def test_S4_5_news_is_owed_until_somebody_takes_it(world: World) -> None:
    world.server.answers.extend([503, 503])
    await world.log.open(opening(IncidentKind.BY_HAND, "nation"))
    await world.look()
    (incident,) = (await world.all()).values()
    assert incident.round.noticed_at("court") is incident.round.noticed_at("police") is None
    await world.look(30)
    assert len(world.told(incident)) == 2
    await world.look(30)
    (incident,) = (await world.all()).values()
    assert incident.round.noticed_at("court") == incident.round.noticed_at("police") == world.clock()
    assert len({event["id"] for _, event in world.events(incident)}) == 1


async def test_S4_5_what_is_open_is_not_opened_again_and_what_comes_back_is_reopened(world: World) -> None:
    other = IncidentLog(world.records, world.view, world.clock, keeps_view=True)
    odd = opening(IncidentKind.ODD_QUERYING, "someone", court=COURT)
    for log in (world.log, other, world.log):
        await log.open(odd)
    (incident,) = (await world.all()).values()
    assert len(incident.steps) == 1
    await world.look()
    await world.resolve(incident)
    for log in (other, world.log):
        await log.open(odd)
    (incident,) = (await world.all()).values()
    assert [step.step for step in incident.steps if step.step != "told"] == ["opened", "resolved", "reopened"]
    await world.look()
    assert sorted(step for _, step in world.told(incident)) == ["opened", "opened", "reopened", "reopened"]
    world.clock.forward(48 * HOUR)
    await other.open(odd)
    assert len(await world.all()) == 1  # it is open still


async def test_S4_5_the_other_watchers_open_what_they_see(world: World) -> None:
    world.watching = world.watcher(Thresholds(dead_letters=3))
    await world.look()
    await world.views.leases.renew("w", LeaseState(applied={}, state="screening", at=world.clock(), fill=0.9))
    world.faults = [("chain-1", "removed")]
    await world.send("44")
    await world.records.send_soon([Record("orders", b"ZX", b"{}"), *[Record("deadletters", b"t", b"{}")] * 3])
    for _ in range(7):
        await world.views.leases.renew("w", LeaseState(applied={}, state="screening", at=world.clock(), fill=0.9))
        await world.look(2 * MINUTE)
    kinds = {one.opening.kind for one in (await world.all()).values()}
    assert kinds == {
        IncidentKind.LAG,
        IncidentKind.STALE_INDEX,
        IncidentKind.FILTER_FULL,
        IncidentKind.AUDIT_GAP,
        IncidentKind.DEAD_LETTERS,
    }
    world.faults = []
    await world.look(10 * MINUTE)
    gap = (await world.all())["chain-1"]
    assert (gap.is_open, gap.standing) == (True, None)


async def test_a_resolved_condition_that_still_stands_is_not_opened_again_before_it_has_passed(world: World) -> None:
    world.faults = [("chain-1", "removed")]
    await world.look()
    await world.resolve((await world.all())["chain-1"])
    for faults, steps in (
        (world.faults, ["opened", "resolved"]),
        ([], ["opened", "resolved", "cleared"]),
        (world.faults, ["opened", "resolved", "cleared", "reopened"]),
    ):
        world.faults = faults
        await world.look(MINUTE)
        assert [step.step for step in (await world.all())["chain-1"].steps if step.step != "told"] == steps


async def test_S4_5_a_step_that_is_not_on_record_is_an_error_and_a_repeat_makes_it_one(world: World) -> None:
    away = Records(world.kafka.model_copy(update={"bootstrap": "127.0.0.1:1"}), "tests", options={"message.timeout.ms": 300})
    odd = opening(IncidentKind.ODD_QUERYING, "someone")
    try:
        with pytest.raises(NotDurableError):
            await IncidentLog(away, world.view, world.clock).open(odd)
    finally:
        away.abandon()
    assert await world.all() == {}
    for _ in range(2):
        await IncidentLog(world.records, world.view, world.clock).open(odd)
    assert await rebuild_incidents(world.kafka, world.view) == 2
    assert [len(one.steps) for one in (await world.all()).values()] == [1]


async def test_S4_5_without_redis_each_process_writes_an_opening_once(world: World) -> None:
    async with connect(RedisSettings(url=SecretStr("redis://127.0.0.1:1/0"))) as nowhere:
        for _ in range(2):
            log = IncidentLog(world.records, IncidentsView(nowhere, "t"), world.clock, keeps_view=True)
            for _ in range(3):
                await log.open(opening(IncidentKind.STALE_INDEX, "orders"))
    assert await rebuild_incidents(world.kafka, world.view) == 2
    assert [len(one.steps) for one in (await world.all()).values()] == [1]


async def test_one_worker_watches_and_another_follows_it(world: World) -> None:
    assert await world.view.take_watching("w-1")
    assert not await world.view.take_watching("w-2")
    await world.watching.leave()
    assert await world.view.take_watching("w-2")
