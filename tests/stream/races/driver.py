"""A run: workers, courts and a log that are real, driven through a schedule, and then left alone until all is quiet."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import redis.asyncio
from confluent_kafka import KafkaError, Message, Producer

from connectors.courts.misbehaviour import HANGS, RESETS, Misbehaviour
from connectors.courts.receiver import Received, Receiver
from connectors.courts.signature import new_secret
from connectors.kafka.clients import consumer, end_offsets, partitions_of
from connectors.kafka.records import put
from connectors.kafka.topics import HITS, INSTRUCTIONS, ORDERS, RECEIPTS
from connectors.redis.client import connect
from connectors.redis.index import RedisIndex
from connectors.redis.leases import InForce, Leases
from connectors.redis.ledger import RedisLedger
from deploy.local.addresses import Addresses
from deploy.local.deployment import Deployment
from deploy.local.process import Process
from matchers.keys import KeyHasher
from stream.core.delivery import Receipt
from stream.core.hit import Hit
from stream.core.instruction import StationInstruction
from stream.demo.trace import records
from stream.local import settings_of, wait_for_workers, wipe
from stream.services.rebuilding import rebuild_ledger
from stream.settings import WorkerSettings
from tests.factory import Fields, as_record, person_fields, sighting_fields
from tests.stream.engine.running import hit_id_of
from tests.stream.races.judge import Arrival, Log, Pair, Sent, judged
from tests.stream.races.schedule import COURTS, STEADY, Event, Fail, How, Kill, Order, Schedule, Sight
from tests.watchlists import orders
from watchlists.force import in_force_everywhere

WORKERS: Final = 2
ATTEMPT_S: Final = 2.0
SETTLE_S: Final = 180.0
"""What a worker that died had begun is taken up again after a minute, and may have to wait for its turn twice."""
QUIET_S: Final = 3.0
"""A log that has stood still for so long is judged; what must not come has had so long to come all the same."""
_POLL_S: Final = 0.1
_MISBEHAVIOURS: Final[Mapping[How, Misbehaviour]] = {
    "refuses": Misbehaviour(500),
    "hangs": HANGS,
    "resets": RESETS,
    "takes and refuses": Misbehaviour(500, keeps=True),
    "takes and hangs": Misbehaviour(wait_s=float("inf"), keeps=True),
}
_ENVIRONMENT: Final = {
    "CHAKONG_COURTS_TOTAL_S": str(ATTEMPT_S),
    "CHAKONG_COURTS_FAILING_S": "1",
    "CHAKONG_COURTS_PROBE_FIRST_S": "0.5",
    "CHAKONG_COURTS_PROBE_LONGEST_S": "2",
    "CHAKONG_RETRY_FIRST_S": "0.2",
    "CHAKONG_RETRY_LONGEST_S": "4",
    "CHAKONG_EXPECTED_KEYS": "10000",
}
"""Everything waits as it does in earnest, for a shorter time."""


class Court:
    """A court's endpoint: it misbehaves, or is not there at all, and comes back at the same place."""

    def __init__(self, code: str, arrivals: list[Arrival]) -> None:
        self.code, self._arrivals = code, arrivals
        self._secret = new_secret(os.urandom(32))
        self._receiver: Receiver | None = None
        self._port = 0

    async def start(self) -> None:
        if self._receiver is None:
            self._receiver = Receiver(self._secret, port=self._port, on_notification=self._on_notification)
            await self._receiver.start()
            self._port = self._receiver.port

    async def stop(self) -> None:
        if self._receiver is not None:
            receiver, self._receiver = self._receiver, None
            await receiver.stop()

    async def behave(self, how: How | None) -> None:
        """Misbehave from now on; None: behave."""
        if how == "is away":
            await self.stop()
            return
        await self.start()
        if self._receiver is not None:
            self._receiver.misbehave(self.code, None if how is None else _MISBEHAVIOURS[how])

    def entry(self) -> str:
        """The court's entry for the file of endpoints, once it has started."""
        if self._receiver is None:
            raise RuntimeError("the court has no endpoint yet")
        return self._receiver.entry(self.code)

    def _on_notification(self, received: Received) -> None:
        self._arrivals.append(Arrival(dt.datetime.now(dt.UTC), received.type, received.subject, received.order_id))


@dataclass(slots=True)
class Version:
    """An order's version on its way: its place in the log once Kafka has it, and from when it counted everywhere."""

    order: Order
    at_s: float
    place: tuple[int, int] | None = None
    in_force_s: float | None = None


@dataclass(slots=True)
class Run:
    """One run over one schedule."""

    settings: WorkerSettings
    deployment: Deployment
    client: redis.asyncio.Redis
    courts: dict[str, Court]
    arrivals: list[Arrival]
    workers: dict[int, Process]
    versions: list[Version] = field(default_factory=list)
    sighted: list[tuple[Sight, Fields, float]] = field(default_factory=list)
    _on_their_way: deque[Version] = field(default_factory=deque)
    _producer: Producer | None = None

    async def drive(self, schedule: Schedule) -> None:
        """Place, run through the schedule at its own pace, and leave everything whole: courts behave, workers live."""
        self._producer = Producer({"bootstrap.servers": self.settings.kafka.bootstrap, "linger.ms": 1, "acks": "all"})
        watching = asyncio.create_task(self._watch())
        try:
            for order in schedule.placed:
                self._send(order)
            while any(version.in_force_s is None for version in self.versions):
                await self._wait(_POLL_S)
            await self._play(schedule.events)
            await asyncio.to_thread(self._producer.flush, 30)
        finally:
            watching.cancel()
        for court in self.courts.values():
            await court.behave(None)
        for number in self.workers:
            await self.start(number)

    async def settle(self) -> tuple[list[str], Log]:
        """Wait until nothing is wrong and nothing is open, or until nothing more may be hoped for. Returns what is wrong.

        The courts answer from this process, so it judges only while the log stands still.
        """
        ends_at = time.monotonic() + SETTLE_S
        judged_at = before = -1
        while time.monotonic() < ends_at:
            stands = await asyncio.to_thread(self._end)
            if stands == before and stands != judged_at:
                if not (await self.judge())[0]:
                    break
                judged_at = stands
            before = stands
            await asyncio.sleep(QUIET_S)
        return await self.judge()

    def _end(self) -> int:
        """How many records delivery has written so far."""
        client = consumer(self.settings.kafka, "races")
        try:
            return sum(
                offset
                for name in (HITS, RECEIPTS, INSTRUCTIONS)
                for offset in end_offsets(
                    client, self.settings.kafka.topic(name), partitions_of(client, self.settings.kafka, name)
                ).values()
            )
        finally:
            client.close()

    async def judge(self) -> tuple[list[str], Log]:
        """What is wrong now, by the log as it is now."""
        marks = await self._released_at()
        return await asyncio.to_thread(self._judged, marks)

    def _judged(self, released_at: Mapping[str, dt.datetime]) -> tuple[list[str], Log]:
        log = Log(
            [Hit.model_validate(one) for one in self._read(HITS)],
            [Receipt.model_validate(one) for one in self._read(RECEIPTS)],
            [StationInstruction.model_validate(one) for one in self._read(INSTRUCTIONS)],
            list(self.arrivals),
            released_at,
        )
        sent = [Sent(version.order, version.at_s, version.in_force_s) for version in self.versions]
        return judged(sent, self._pairs(), log, attempt_s=ATTEMPT_S, steady={STEADY}), log

    async def rebuilt_differently(self, log: Log) -> list[str]:
        """Hits whose stories are others than their receipts tell: in the ledger as it is, or in one that is built anew."""
        await self.stop()
        stories = log.stories()
        ledger = RedisLedger(self.client, self.settings.redis.namespace)
        found = await ledger.stories(list(stories))
        await ledger.wipe()
        await rebuild_ledger(self.settings.kafka, ledger)
        again = await ledger.stories(list(stories))
        return [
            *(
                f"hit {hit_id}: the ledger has another story than the receipts"
                for hit_id in stories
                if found[hit_id] != stories[hit_id]
            ),
            *(f"hit {hit_id}: a ledger built anew has another story" for hit_id in stories if again[hit_id] != stories[hit_id]),
        ]

    async def stop(self) -> None:
        """Stop the workers in good order."""
        await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in self.workers.values()))

    # -- steps -----------------------------------------------------------------------------------------------------------

    async def _play(self, events: Sequence[Event]) -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as slow:
            for event in events:
                await self._wait(began + event.at_s - time.monotonic())
                match event.what:
                    case Order():
                        self._send(event.what)
                    case Sight():
                        self._sight(event.what)
                    case Fail(court, how):
                        slow.create_task(self.courts[court].behave(how))
                    case Kill(number, starts):
                        slow.create_task(self.start(number) if starts else asyncio.to_thread(self.workers[number].kill))

    async def _wait(self, seconds: float) -> None:
        assert self._producer is not None
        self._producer.poll(0)
        await asyncio.sleep(max(seconds, 0.0))

    async def start(self, number: int) -> None:
        await asyncio.to_thread(lambda: self.deployment.start_worker(number, **_ENVIRONMENT))

    def _send(self, order: Order) -> None:
        assert self._producer is not None
        version = Version(order, time.time())
        self.versions.append(version)

        def stored(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                raise RuntimeError(f"an order is not stored: {error}")
            version.place = (message.partition(), message.offset())
            self._on_their_way.append(version)

        put(self._producer, self.settings.kafka.topic(ORDERS), _order_bytes(order), order.id.encode(), on_delivery=stored)

    def _sight(self, sight: Sight) -> None:
        assert self._producer is not None
        fields = sighting_fields(
            id=sight.id,
            occurred_at=dt.datetime.now(dt.UTC).isoformat(),
            station={"code": sight.station, "name": "天河路旅馆", "province": "44"},
            person=person_fields(sight.passport, "passport"),
        )
        self.sighted.append((sight, fields, time.time()))
        put(self._producer, self.settings.kafka.topic("sightings.hotel"), as_record(fields), sight.station.encode())

    async def _watch(self) -> None:
        """Note from when each version counted everywhere."""
        index = RedisIndex(self.client, KeyHasher(self.settings.secret()), self.settings.redis.namespace)
        leases = Leases(self.client, self.settings.redis.namespace)
        while True:
            live = await leases.live()
            everywhere = in_force_everywhere([lease.applied for lease in live.values()], await index.positions())
            for _ in range(len(self._on_their_way)):
                version = self._on_their_way.popleft()
                if version.place is not None and everywhere.get(version.place[0], 0) > version.place[1]:
                    version.in_force_s = time.time()
                else:
                    self._on_their_way.append(version)
            await asyncio.sleep(_POLL_S)

    # -- what became of it -----------------------------------------------------------------------------------------------

    def _pairs(self) -> list[Pair]:
        seeking: dict[str, set[str]] = {}
        for version in self.versions:
            if version.order.passport is not None:
                seeking.setdefault(version.order.passport, set()).add(version.order.id)
        return [
            Pair(hit_id_of(order_id, fields), order_id, sight, at_s)
            for sight, fields, at_s in self.sighted
            for order_id in sorted(seeking.get(sight.passport, ()))
        ]

    async def _released_at(self) -> dict[str, dt.datetime]:
        """When the index had each release, of those of which that is noted."""
        released = {version.order.id: version.order.version for version in self.versions if version.order.passport is None}
        marks = await InForce(self.client, self.settings.redis.namespace).of(list(released))
        found = {id_: of[version] for id_, version in released.items() if (of := marks.get(id_, {})) and version in of}
        return {
            id_: mark.arrived_at + dt.timedelta(seconds=mark.legs.index_s)
            for id_, mark in found.items()
            if mark.legs is not None
        }

    def _read(self, name: str) -> list[Any]:
        return [msgspec.json.decode(record.value() or b"") for record in records(self.settings.kafka, name)]


def _order_bytes(order: Order) -> bytes:
    if order.passport is None:
        return orders.release(order.id, order.version, court=order.court).raw
    action = "place" if order.version == 1 else "amend"
    placed = orders.order(order.id, order.version, [order.passport], court=order.court, action=action, phone=order.phone)
    return placed.raw


@asynccontextmanager
async def running(folder: Path, addresses: Addresses) -> AsyncIterator[Run]:
    """Workers that screen and courts that listen; nothing of it is left in the servers afterwards."""
    arrivals: list[Arrival] = []
    deployment = Deployment(folder, addresses, f"races-{uuid.uuid4().hex[:8]}-")
    deployment.prepare()
    courts = {code: Court(code, arrivals) for code in COURTS}
    for court in courts.values():
        await court.start()
    deployment.endpoints_file.write_text("\n".join(court.entry() for court in courts.values()), "utf-8")
    settings = settings_of(deployment)
    client = connect(settings.redis)
    workers = {number: deployment.worker(number) for number in range(1, WORKERS + 1)}
    run = Run(settings, deployment, client, courts, arrivals, workers)
    try:
        for number in workers:
            await run.start(number)
        await asyncio.to_thread(wait_for_workers, deployment, list(workers.values()), lambda _: None)
        yield run
    finally:
        await run.stop()
        await client.aclose()
        await asyncio.gather(*(court.stop() for court in courts.values()))
        await asyncio.to_thread(wipe, settings)
