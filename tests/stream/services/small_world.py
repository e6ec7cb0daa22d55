"""A small world for delivery: a log, an index, courts that fail as they are told, a worker that can die at any moment.

Everything between is the engine's own. Time stands still unless it is moved.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from connectors.courts.attempt import Attempt
from connectors.courts.endpoint import Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.courts.signature import new_secret
from connectors.kafka.records import Record
from connectors.kafka.topics import HITS, INSTRUCTIONS, RECEIPTS
from matchers.sighting import read_sighting
from stream.core.delivery import Reason, Receipt, RetryLadder
from stream.core.due import due_of
from stream.core.ending import Ending
from stream.core.hit import Hit
from stream.core.memory import MemoryLedger
from stream.core.notification import Notification
from stream.core.resolve import resolve
from stream.services import delivering as delivering_module
from stream.services.bodies import Bodies
from stream.services.courier import Courier
from stream.services.delivering import Delivering
from stream.services.escalating import Escalating
from stream.services.instructing import Instructing
from stream.services.reached import Reached
from stream.services.scribe import Scribe
from stream.services.standing import Fence
from stream.services.timekeeping import CLAIM_S, Timekeeping
from stream.services.withdrawing import Withdrawing
from tests.factory import person_fields, sighting_fields
from tests.watchlists import orders
from watchlists.index import Logged, MemoryIndex, Standings
from watchlists.policy import Policy

PASSPORT: Final = "E12345678"
COURTS: Final = {"A": "440106", "B": "440106", "C": "330100"}
START: Final = dt.datetime(2026, 11, 24, 15, 0, tzinfo=dt.UTC)
WINDOW_S: Final = 600
LOOKS_MAX: Final = 500
Answer = Literal["takes", "refuses", "takes and says nothing", "cannot be reached", "worker dies before", "worker dies after"]
delivering_module.FRESH_S = 0.0  # type: ignore[misc]  # here the fence is asked before each attempt, and is held to that


class WorkerDiedError(Exception):
    """The worker was killed."""


class Log:
    """Kafka, as far as delivery writes to it. After ``dies_after`` more batches the worker dies, its batch stored or not."""

    def __init__(self) -> None:
        self.topics: dict[str, list[bytes]] = defaultdict(list)
        self.dies_after: int | None = None
        self.stores_last = False
        self.died = False

    async def send_soon(self, records: Sequence[Record]) -> None:
        dies = self.dies_after == 0
        if not dies or self.stores_last:
            for record in records:
                self.topics[record.topic].append(record.value)
        if dies:
            self.dies_after = None
            self.died = True
            raise WorkerDiedError
        if self.dies_after is not None:
            self.dies_after -= 1

    def read(self, _partition: int, offset: int) -> bytes:
        return self.topics[HITS][offset]


@dataclass
class Court:
    """What arrived at the courts, by the event's type and subject, and what each attempt meets next."""

    answers: deque[Answer] = field(default_factory=deque)
    arrived: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    attempts: Counter[str] = field(default_factory=Counter)
    events: dict[str, Notification] = field(default_factory=dict)
    meanwhile: deque[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=deque)
    died: bool = False
    on_attempt: Callable[[Notification], None] = lambda _: None

    @asynccontextmanager
    async def turn(
        self, _endpoint: Endpoint, _stale_s: float
    ) -> AsyncIterator[Callable[[Notification], Coroutine[Any, Any, Attempt]]]:
        yield self.post

    async def post(self, event: Notification) -> Attempt:
        self.on_attempt(event)
        self.attempts[event.id] += 1
        answer = self.answers.popleft() if self.answers else "takes"
        if answer == "worker dies before":
            self.died = True
            raise WorkerDiedError
        if self.meanwhile:
            await self.meanwhile.popleft()()
        if answer == "cannot be reached":
            return Attempt(Reason.UNREACHABLE, True, "ConnectError")
        if answer == "refuses":
            return Attempt(Reason.REFUSED, True, "HTTP 500", may_have_arrived=True)
        self.arrived[event.type].add(event.subject)
        self.events[event.id] = event
        if answer == "worker dies after":
            self.died = True
            raise WorkerDiedError
        if answer == "takes and says nothing":
            return Attempt(Reason.TIMED_OUT, True, "no answer in time", may_have_arrived=True)
        return Attempt(Reason.DELIVERED, False, "HTTP 204", may_have_arrived=True)


class World:
    """Orders, sightings, and one worker at a time that delivers."""

    def __init__(self) -> None:
        self.now = START
        self.log, self.court = Log(), Court()
        self.index, self.ledger = _WatchedIndex(), MemoryLedger()
        self.policy = Policy.national()
        self.versions: Counter[str] = Counter()
        self.released: set[str] = set()
        self.withdrawn_at: dict[tuple[str, int], dt.datetime] = {}
        self.endings: deque[Ending] = deque()
        self.delivered_up_to = 0
        self.began_with: set[int] = set()
        self._position = 0
        self._sightings = 0
        self.court.on_attempt = self._hold_to_the_fence
        self._start()

    def _start(self) -> None:
        """A worker, new or in place of one that died."""
        endpoints = Endpoints(
            Endpoint.of(court, f"https://court.example/{court}", new_secret(b"0" * 32)) for court in set(COURTS.values())
        )
        ladder = RetryLadder(park_s=0.0)  # every wait is waited in the ledger, so that the clock can be moved
        self.bodies = Bodies(self.log)  # type: ignore[arg-type]
        scribe = Scribe(self.log, self.ledger, self.clock)  # type: ignore[arg-type]
        fence = Fence(self.index, Reached(dict))
        instructing = Instructing(self.ledger, self.policy, self.bodies, scribe, self.clock)
        tellers = (endpoints, Courier(self.court), scribe, fence, self.bodies, instructing)  # type: ignore[arg-type]
        self.withdrawing = Withdrawing(self.ledger, *tellers, self._withdrawn, ladder=ladder, clock=self.clock)
        self.delivering = Delivering(self.ledger, self.policy, *tellers, self.withdrawing, ladder=ladder, clock=self.clock)
        escalating = Escalating(
            endpoints,
            tellers[1],
            scribe,
            fence,
            self.withdrawing,
            ladder=ladder,
            clock=self.clock,  # type: ignore[arg-type]
        )
        self.timekeeping = Timekeeping(self.ledger, self.bodies, self.delivering, self.withdrawing, escalating, self.clock)

    async def _withdrawn(self, order_id: str, version: int, at: dt.datetime) -> None:
        self.withdrawn_at[order_id, version] = at

    def clock(self) -> dt.datetime:
        return self.now

    # -- what happens outside --------------------------------------------------------------------------------------------

    async def order(self, id_: str, handler: str = "李法官") -> None:
        """Place it, or amend it: another handler is another answer, another passport is another subject."""
        self.versions[id_] += 1
        action = "place" if self.versions[id_] == 1 else "amend"
        passport = "E00000000" if handler == "another subject" else PASSPORT
        court = COURTS[id_]
        await self._apply(
            orders.order(id_, self.versions[id_], [passport], court=court, action=action, handler=handler), action
        )

    async def release(self, id_: str) -> None:
        if self.versions[id_] and id_ not in self.released:
            self.versions[id_] += 1
            self.released.add(id_)
            await self._apply(orders.release(id_, self.versions[id_], court=COURTS[id_]), "release")

    async def _apply(self, logged: Logged, action: str) -> None:
        await self.index.apply(0, self._position, self._position + 1, [logged])
        self._position += 1
        if action != "place":
            record = logged.record
            self.endings.append(
                Ending(
                    order_id=record.id,
                    version=record.version,
                    court=record.court.code,
                    action="release" if action == "release" else "amend",
                    reason="fulfilled" if action == "release" else None,
                    at=self.now,
                )
            )

    async def sight(self, station: str) -> None:
        """Somebody is seen: what resolving would make of it lies in the topic ``hits`` from then on."""
        self._sightings += 1
        fields = sighting_fields(id=str(self._sightings), person=person_fields(PASSPORT, "passport"), station={"code": station})
        sighting = read_sighting(json.dumps(fields).encode())
        found = await self.index.lookup(list(sighting.keys()))
        for hit in resolve(sighting, found.orders, self.policy, self.now):
            windowed = hit.model_copy(update={"group_within_s": WINDOW_S if station == "grouped" else 0})
            self.log.topics[HITS].append(msgspec.json.encode(windowed.model_dump(mode="json")))

    # -- what the worker does --------------------------------------------------------------------------------------------

    async def work(self) -> None:
        """Deliver, withdraw and keep time until nothing is left to do now; a worker that dies is followed by another."""
        while True:
            try:
                await self._deliver()
                await self._withdraw()
                await self._keep_time()
            except* WorkerDiedError:
                self.log.died = self.court.died = False
                self._start()
                await self.ledger.record(self.receipts())  # as a worker does when it starts
                self.now += dt.timedelta(seconds=CLAIM_S)
            else:
                if self.delivered_up_to == len(self.log.topics[HITS]) and not self.endings:
                    return

    async def _keep_time(self) -> None:
        for _ in range(LOOKS_MAX):
            if not await self.timekeeping.look():
                return
            await self.timekeeping.under_way.settled()
            if self.log.died or self.court.died:  # whatever is taken up is worked on by tasks of its own, which end alone
                raise WorkerDiedError
        stories = await self.ledger.stories(list(self.hits()))
        due = {hit_id: story for hit_id, story in stories.items() if (what := due_of(story)) and what.at <= self.now}
        raise AssertionError(f"what is due is taken up and stays due: {due}")

    async def _deliver(self) -> None:
        while self.delivered_up_to < len(self.log.topics[HITS]):
            offset = self.delivered_up_to
            hit = Hit.model_validate(msgspec.json.decode(self.log.topics[HITS][offset]))
            first = offset not in self.began_with
            self.began_with.add(offset)
            await self.delivering.deliver(hit, (0, offset), first=first)
            self.delivered_up_to += 1

    async def _withdraw(self) -> None:
        while self.endings:
            await self.withdrawing.ended(self.endings[0], self.delivering.again)
            self.endings.popleft()

    # -- what must be true -----------------------------------------------------------------------------------------------

    def _hold_to_the_fence(self, event: Notification) -> None:
        order_id = event.data["order_id"]
        if event.type == "chakong.hit.v1" and order_id in self.index.seen_released:
            raise AssertionError(f"an attempt began after the fence had seen the release of {order_id}")

    def hits(self) -> dict[str, Hit]:
        """The newest version of each hit."""
        hits = (Hit.model_validate(msgspec.json.decode(raw)) for raw in self.log.topics[HITS])
        return {hit.id: hit for hit in hits}

    def receipts(self) -> list[Receipt]:
        return [Receipt.model_validate(msgspec.json.decode(raw)) for raw in self.log.topics[RECEIPTS]]

    def instructions(self) -> dict[str, dict[str, Any]]:
        """What each station holds for each sighting: the record of the highest revision."""
        newest: dict[str, dict[str, Any]] = {}
        for raw in self.log.topics[INSTRUCTIONS]:
            told = msgspec.json.decode(raw)
            before = newest.get(told["sighting_id"])
            if before is None or told["revision"] >= before["revision"]:
                newest[told["sighting_id"]] = told
        return newest


class _WatchedIndex(MemoryIndex):
    """Remembers of which orders it has told anybody that they are released."""

    def __init__(self) -> None:
        super().__init__()
        self.seen_released: set[str] = set()

    async def standings(self, order_ids: Sequence[str]) -> Standings:
        found = await super().standings(order_ids)
        self.seen_released |= {id_ for id_, standing in found.of.items() if standing.held.released}
        return found
