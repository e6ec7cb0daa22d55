"""Checks at the door, before a real Kafka and an index in a real Redis: who may ask, what is on record, what is kept of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Final

import pytest
import redis.asyncio
from confluent_kafka import TopicPartition

from connectors.kafka.clients import consumer, fetch, partitions_of
from connectors.kafka.records import Record
from connectors.kafka.topics import ORDERS
from connectors.redis.index import RedisIndex
from deploy.local.stack import Stack
from matchers.keys import KeyHasher
from stream.core.authority import Grant, Principal, Role
from stream.core.hit import hit_id
from tests.connectors.door.running import OURS, Door, opened
from tests.factory import ID, PLATE, VIN, as_record, changed
from tests.stream.core.asked import AT, BORDER, OFFICE, exit_check, restriction, seizure, vehicle_check
from watchlists.index import Logged
from watchlists.order import read_order

STATION, POLICE, ELSEWHERE = "station-" * 5, "police-" * 6, "elsewhere-" * 4
OTHERS: Final = MappingProxyType(
    {
        STATION: Principal(OFFICE, (Grant(Role.STATION, province="44", station=OFFICE),), credential="office.token"),
        POLICE: Principal("44", (Grant(Role.POLICE, province="44"),), credential="44.token"),
        ELSEWHERE: Principal("31", (Grant(Role.POLICE, province="31"),), credential="31.token"),
    }
)
VEHICLE, EXIT = "/v1/checks/vehicle", "/v1/checks/exit"
SEALED: Final = (seizure("ZX-1"), restriction("ZX-2"), restriction("ZX-3", requirement="report_only"))


class Ground:
    """A door and the index that its checks are answered by; orders come to both, as the index writer would bring them."""

    def __init__(self, door: Door, index: RedisIndex, client: redis.asyncio.Redis) -> None:
        self.door, self.index, self.client = door, index, client
        self._applied = 0

    async def order(self, *orders: dict[str, Any], indexed: bool = True) -> None:
        raws = [as_record(one) for one in orders]
        await self.door.records.send_soon([Record(ORDERS, b"", raw, 0) for raw in raws])
        if indexed:
            start, self._applied = self._applied, self._applied + len(raws)
            await self.index.apply(0, start, self._applied, [Logged(read_order(raw), raw) for raw in raws])

    async def ask(self, path: str, asked: dict[str, Any], who: str = POLICE) -> Any:
        return await self.door.ask("POST", path, who, asked, {})

    async def until(self, path: str, status: int, reason: str | None = None) -> Any:
        """Ask until it is answered so: what the door knows of log and index is moments old."""
        said = None
        for _ in range(150):
            said = await self.ask(path, vehicle_check() if path == VEHICLE else exit_check())
            if (said.status, said.body.get("reason")) == (status, reason):
                return said
            assert said.body.get("answer") != "clear", said
            await asyncio.sleep(0.1)
        raise AssertionError(f"not answered with {status} {reason}, but {said}")

    def kept(self, topic: str) -> list[tuple[bytes | None, dict[str, Any]]]:
        """All that stands on a topic."""
        client, name, found = consumer(self.door.kafka, "test"), self.door.kafka.topic(topic), []
        places = [TopicPartition(name, partition, 0) for partition in partitions_of(client, self.door.kafka, topic)]
        left = sum(client.get_watermark_offsets(place, 10)[1] for place in places)
        client.assign(places)
        while len(found) < left:
            found += [(record.key(), json.loads(record.value() or b"")) for record in fetch(client, 100, 0.1)]
        client.close()
        return found


@asynccontextmanager
async def ground(
    kafka: str, redis_url: str, prefix: str, orders: Sequence[dict[str, Any]], **settings: Any
) -> AsyncIterator[Ground]:
    async with redis.asyncio.Redis.from_url(redis_url, socket_timeout=2.0) as client:
        index = RedisIndex(client, KeyHasher(b"a secret of the tests"), prefix)
        async with opened(kafka, prefix, people=OTHERS, index=index, clock=lambda: AT, **settings) as door:
            made = Ground(door, index, client)
            await made.order(*orders)
            yield made


@pytest.fixture
async def ours(kafka: str, redis_url: str, topic_prefix: str) -> AsyncIterator[Ground]:
    async with ground(kafka, redis_url, topic_prefix, SEALED) as made:
        yield made


async def test_S3_2_a_positive_is_a_sighting_under_the_id_of_its_hit_and_a_repeat_is_the_same(ours: Ground) -> None:
    asked = vehicle_check(occurred_at=AT.isoformat())
    said, again = await ours.ask(VEHICLE, asked, STATION), await ours.ask(VEHICLE, asked, STATION)
    assert (said.status, said.body["answer"], said.body["instruction"]["instruction"]) == (
        200,
        "blocked",
        "refuse_registration",
    )
    assert said.body["instruction"]["hit_ids"] == [hit_id("ZX-1", OFFICE, asked["id"])]
    assert [who["phone"] for who in said.body["instruction"]["call"]] == ["020-00000000"]
    assert said.body == again.body
    (key, first), (_, second) = await asyncio.to_thread(ours.kept, "sightings.vehicle")
    assert (key, first) == (OFFICE.encode(), second)
    assert (first["id"], first["vehicle"], first["inspection"]) == (
        asked["id"],
        asked["vehicle"],
        {"occasion": asked["occasion"]},
    )


async def test_S3_1_a_positive_that_lets_pass_is_a_sighting_too(ours: Ground) -> None:
    assert (await ours.ask(EXIT, exit_check())).body["answer"] == "blocked"
    await ours.order(
        {
            **restriction("ZX-2"),
            "version": 2,
            "action": "amend",
            "control": restriction("ZX-3", requirement="report_only")["control"],
        }
    )
    said = await ours.ask(EXIT, exit_check())
    assert (said.body["answer"], said.body["instruction"]["instruction"]) == ("clear", "report_only")
    assert len(await asyncio.to_thread(ours.kept, "sightings.border")) == 2


async def test_S3_2_what_finds_nothing_leaves_one_audit_entry_that_names_no_vehicle(ours: Ground) -> None:
    clear = vehicle_check(vehicle={"plate": "粤B54321", "vin": "LSVAU033292654321"}, id="粤B54321")
    assert (await ours.ask(VEHICLE, clear, STATION)).body["answer"] == "clear"
    blocked = await ours.ask(VEHICLE, vehicle_check(), STATION)
    assert await asyncio.to_thread(ours.kept, "sightings.vehicle") != []
    entries = await asyncio.to_thread(ours.door.audited)
    told = [(one.operation, one.outcome, one.object and (one.object.kind, one.object.id)) for one in entries]
    instruction = ("instruction", blocked.body["instruction"]["id"])
    assert told == [
        ("check_vehicle", "done", ("station", OFFICE)),
        ("check_vehicle", "begun", instruction),
        ("check_vehicle", "done", instruction),
    ]
    written = "".join(one.model_dump_json() for one in entries)
    for secret in ("粤B54321", "LSVAU033292654321", PLATE, VIN):
        assert secret not in written
    assert blocked.body["instruction"]["hit_ids"][0] in (entries[1].detail or "")


async def test_S3_2_many_at_once_are_each_told_their_own(ours: Ground) -> None:
    plates = [f"粤C{number}" for number in range(10_000, 10_040)]
    await ours.order(*(seizure(f"ZX-C{plate}", plate=plate, vin=None) for plate in plates[::2]))
    said = await asyncio.gather(
        *(ours.ask(VEHICLE, vehicle_check(vehicle={"plate": plate, "plate_class": "02"})) for plate in plates)
    )
    assert [one.body["answer"] for one in said] == ["blocked", "clear"] * 20
    assert [one.body["instruction"]["order_ids"] for one in said[::2]] == [[f"ZX-C{plate}"] for plate in plates[::2]]


async def test_S5_2_a_desk_asks_for_itself_and_a_platform_for_its_province(ours: Ground) -> None:
    elsewhere = changed(vehicle_check(), "station", {"code": "310101-V-0001", "province": "31"})
    nowhere = changed(vehicle_check(), "station", {"code": OFFICE})
    for who, asked, status in (
        (STATION, vehicle_check(), 200),
        (STATION, nowhere, 200),
        (STATION, changed(vehicle_check(), "station.code", BORDER), 404),
        (STATION, changed(vehicle_check(), "station.province", "31"), 422),
        (POLICE, vehicle_check(), 200),
        (POLICE, elsewhere, 404),
        (POLICE, nowhere, 404),
        (ELSEWHERE, elsewhere, 200),
        (ELSEWHERE, vehicle_check(), 404),
        (OURS, vehicle_check(), 403),
    ):
        assert (await ours.ask(VEHICLE, asked, who)).status == status, (who, asked)
    stations = [sighting["station"] for _, sighting in await asyncio.to_thread(ours.kept, "sightings.vehicle")]
    assert sorted(station["province"] for station in stations) == ["31", "44", "44", "44"]


async def test_what_is_asked_wrongly_is_said_without_what_was_sent(ours: Ground) -> None:
    for asked in (changed(exit_check(), "person.document.type", ID), exit_check(occurred_at="2026-11-24T00:00:00+08:00")):
        refused = await ours.ask(EXIT, asked)
        assert (refused.status, ID in json.dumps(refused.body)) == (422, False)
        assert refused.body["detail"].startswith("body.")


async def test_a_platform_may_ask_more_often_than_a_desk(kafka: str, redis_url: str, topic_prefix: str) -> None:
    rates = {"check_rate_station_per_s": 0.5, "rate_burst": 1, "rate_per_s": 0.01}
    async with ground(kafka, redis_url, topic_prefix, SEALED, **rates) as made:
        assert [(await made.ask(EXIT, exit_check())).status for _ in range(4)] == [200] * 4
        assert [(await made.ask(VEHICLE, vehicle_check(), STATION)).status for _ in range(2)] == [200, 429]


async def test_S3_2_while_the_index_cannot_be_relied_on_nothing_is_clear(module_stack: Stack, topic_prefix: str) -> None:
    addresses = module_stack.find()
    assert addresses is not None
    async with ground(addresses.kafka, addresses.redis, topic_prefix, [], check_behind_s_max=1.0, check_s_max=0.5) as made:
        empty = await made.until(VEHICLE, 503, "empty")
        assert (empty.body["answer"], empty.body["says"]["en"]) == ("cannot_say", "the index is empty")
        assert (empty.headers["content-type"], empty.headers["retry-after"]) == ("application/problem+json", "1")
        await made.order(restriction("ZX-2"))
        assert (await made.until(VEHICLE, 200)).body["answer"] == "clear"

        await asyncio.to_thread(module_stack.redis.pause)
        await made.until(VEHICLE, 503, "index_away")
        await asyncio.to_thread(module_stack.redis.resume)
        assert (await made.until(VEHICLE, 200)).body["answer"] == "clear"

        await made.order(seizure("ZX-1"), indexed=False)
        for _ in range(40):  # the index may lack it for a moment, which is borne
            if (behind := await made.ask(VEHICLE, vehicle_check())).body.get("reason") == "behind":
                break
            await asyncio.sleep(0.1)
        assert behind.body["reason"] == "behind"
        await made.until(EXIT, 503, "behind")
        await made.index.apply(0, 1, 2, [Logged(read_order(as_record(seizure("ZX-1"))), as_record(seizure("ZX-1")))])
        assert (await made.until(VEHICLE, 200)).body["answer"] == "blocked"

        await made.index.wipe()
        await made.until(VEHICLE, 503, "empty")
        await made.index.apply(0, 0, 1, [Logged(read_order(as_record(restriction("ZX-2"))), as_record(restriction("ZX-2")))])
        assert (await made.ask(VEHICLE, vehicle_check())).body["reason"] in ("behind", "rebuilding", "log_away")
        await made.index.apply(0, 1, 3, [Logged(read_order(as_record(seizure("ZX-1"))), as_record(seizure("ZX-1")))])
        await made.until(VEHICLE, 503, "other_log")


async def test_S3_2_while_the_log_is_away_no_answer_is_given(module_stack: Stack, topic_prefix: str) -> None:
    addresses = module_stack.find()
    assert addresses is not None
    async with ground(addresses.kafka, addresses.redis, topic_prefix, SEALED) as made:
        await made.until(VEHICLE, 200)
        await asyncio.to_thread(module_stack.kafka.pause)
        nobodys = vehicle_check(vehicle={"vin": VIN[::-1]})
        answers = await asyncio.gather(made.ask(VEHICLE, vehicle_check()), made.ask(VEHICLE, nobodys))
        assert [one.status for one in answers] == [503, 503]
        await asyncio.to_thread(module_stack.kafka.resume)
        await made.until(VEHICLE, 200)
