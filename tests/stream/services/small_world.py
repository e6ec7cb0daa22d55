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
from functools import partial
from typing import Any, Final, Literal

import msgspec

from connectors.courts.attempt import Attempt
from connectors.courts.endpoint import ANY_COURT, Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.courts.signature import new_secret
from connectors.kafka.records import Record
from connectors.kafka.topics import HITS, INSTRUCTIONS, RECEIPTS
from matchers.sighting import read_sighting
from stream.core.confirmation import Answer, Confirmation, Meaning, Respondent, latest
from stream.core.delivery import Reason, Receipt, RetryLadder
from stream.core.due import due_of, escalated_of
from stream.core.ending import Ending
from stream.core.escalation import Level
from stream.core.hit import Hit
from stream.core.memory import FixedRules, MemoryLedger
from stream.core.notification import Notification
from stream.core.resolve import resolve
from stream.core.story import is_being_withdrawn, told_on
from stream.services import delivering as delivering_module
from stream.services.bodies import Bodies
from stream.services.confirming import Confirming
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
from watchlists.rules import History

PASSPORT: Final = "E12345678"
COURTS: Final = {"A": "440106", "B": "440106", "C": "330100"}
LEVELS_AT: Final[dict[str, tuple[Level, ...]]] = {
    "440106": ("handler", "duty_desk", "enforcement_bureau"),
    "330100": ("handler", "enforcement_bureau"),
    ANY_COURT: ("high_court",),
}
"""Who can be told: at a court, and of all courts at one above them."""
PHONES: Final = {"李法官": "020-00000000", "王法官": "020-00000001", "another subject": "020-00000000"}
START: Final = dt.datetime(2026, 11, 24, 15, 0, tzinfo=dt.UTC)
WINDOW_S: Final = 600
LOOKS_MAX: Final = 500
Outcome = Literal["takes", "refuses", "takes and says nothing", "cannot be reached", "worker dies before", "worker dies after"]
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

    answers: deque[Outcome] = field(default_factory=deque)
    arrived: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    attempts: Counter[str] = field(default_factory=Counter)
    events: dict[str, Notification] = field(default_factory=dict)
    meanwhile: deque[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=deque)
    died: bool = False
    on_attempt: Callable[[Endpoint, Notification], None] = lambda _, __: None

    @asynccontextmanager
    async def turn(
        self, endpoint: Endpoint, _stale_s: float
    ) -> AsyncIterator[Callable[[Notification], Coroutine[Any, Any, Attempt]]]:
        yield partial(self.post, endpoint)

    async def post(self, endpoint: Endpoint, event: Notification) -> Attempt:
        self.on_attempt(endpoint, event)
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


class NoTests:
    """No endpoint of this world was ever tested: whatever is answered is answered of a hit."""

    async def test(self, _test_id: str) -> None:
        return None


class World:
    """Orders, sightings, and one worker at a time that delivers."""

    def __init__(self) -> None:
        self.now = START
        self.log, self.court = Log(), Court()
        self.index, self.ledger = _WatchedIndex(), MemoryLedger()
        self.rules = FixedRules(History(Policy.national()))
        self.versions: Counter[str] = Counter()
        self.released: set[str] = set()
        self.withdrawn_at: dict[tuple[str, int], dt.datetime] = {}
        self.endings: deque[Ending] = deque()
        self.confirmations: deque[Confirmation] = deque()
        self.taken: dict[str, list[Confirmation]] = defaultdict(list)
        self.broken: list[AssertionError] = []
        self.delivered_up_to = 0
        self.began_with: set[int] = set()
        self._position = 0
        self._sightings = 0
        self.court.on_attempt = self._hold_to_what_is_known
        self._start()

    def _start(self) -> None:
        """A worker, new or in place of one that died."""
        endpoints = Endpoints(
            Endpoint.of(place, f"https://court.example/{place}/{level}", new_secret(b"0" * 32), level=level)
            for place, levels in LEVELS_AT.items()
            for level in levels
        )
        ladder = RetryLadder(park_s=0.0)  # every wait is waited in the ledger, so that the clock can be moved
        self.bodies = Bodies(self.log)  # type: ignore[arg-type]
        scribe = Scribe(self.log, self.ledger, self.clock)  # type: ignore[arg-type]
        fence = Fence(self.index, Reached(dict))
        instructing = Instructing(self.ledger, self.rules, self.bodies, scribe, self.clock)
        tellers = (endpoints, Courier(self.court), scribe, fence, self.bodies, instructing)  # type: ignore[arg-type]
        self.withdrawing = Withdrawing(self.ledger, *tellers, self._withdrawn, ladder=ladder, clock=self.clock)
        self.delivering = Delivering(self.ledger, self.rules, *tellers, self.withdrawing, ladder=ladder, clock=self.clock)
        rounds = RetryLadder(first_s=0.001, longest_s=0.001)  # what is not waited for in the ledger is waited for in earnest
        escalating = Escalating(self.ledger, *tellers[:4], self.withdrawing, ladder=rounds, clock=self.clock)  # type: ignore[arg-type]
        self.confirming = Confirming(self.ledger, self.bodies, scribe, None, NoTests())  # type: ignore[arg-type]
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
            orders.order(
                id_, self.versions[id_], [passport], court=court, action=action, handler=handler, phone=PHONES[handler]
            ),
            action,
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
        for hit in resolve(sighting, found.orders, self.rules.so_far().at(self.now), self.now):
            windowed = hit.model_copy(update={"group_within_s": WINDOW_S if station == "grouped" else 0})
            self.log.topics[HITS].append(msgspec.json.encode(windowed.model_dump(mode="json")))

    async def answer(self, hit_id: str, answer: Answer, minutes: int) -> None:
        """The court answers a hit: that lies in the topic ``confirmations`` from then on. No two answers come at one moment."""
        self.now += dt.timedelta(seconds=1)
        self.confirmations.append(
            Confirmation(
                id=f"{len(self.taken)}-{self.now.timestamp()}",
                hit_id=hit_id,
                at=self.now,
                by=Respondent(court=self.hits()[hit_id].court.code),
                answer=answer,
                minutes=minutes if answer == "needs_minutes" else None,
            )
        )

    # -- what the worker does --------------------------------------------------------------------------------------------

    async def work(self) -> None:
        """Deliver, withdraw and keep time until nothing is left to do now; a worker that dies is followed by another."""
        while True:
            try:
                await self.deliver()
                await self._withdraw()
                await self.confirm()
                await self._keep_time()
                if self.broken:
                    raise self.broken[0]
            except* WorkerDiedError:
                self.log.died = self.court.died = False
                self._start()
                await self.ledger.record(self.receipts())  # as a worker does when it starts
                self.now += dt.timedelta(seconds=CLAIM_S)
            else:
                if self.delivered_up_to == len(self.log.topics[HITS]) and not self.endings and not self.confirmations:
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

    async def deliver(self) -> None:
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

    async def confirm(self) -> None:
        """Take over what courts answered."""
        while self.confirmations:
            said = self.confirmations[0]
            await self.confirming.take(msgspec.json.encode(said.model_dump(mode="json")))
            if self.confirmations and self.confirmations[0] is said:
                self.taken[said.hit_id].append(self.confirmations.popleft())

    # -- what must be true -----------------------------------------------------------------------------------------------

    def _hold_to_what_is_known(self, endpoint: Endpoint, event: Notification) -> None:
        """Kept as well as raised: who keeps time logs what went wrong with one hit, and goes on with the others."""
        try:
            self._hold_to(endpoint, event)
        except AssertionError as error:
            self.broken.append(error)
            raise

    def _hold_to(self, endpoint: Endpoint, event: Notification) -> None:
        order_id = event.data["order_id"]
        if event.type != "chakong.withdrawal.v1" and order_id in self.index.seen_released:
            raise AssertionError(f"an attempt began after the fence had seen the release of {order_id}")
        if event.type == "chakong.overdue.v1":
            self._hold_to_the_chain(endpoint, event)

    def _hold_to_the_chain(self, endpoint: Endpoint, event: Notification) -> None:
        """Nobody is told that a hit is overdue which was answered or is void, nor out of turn, nor of another court's hit."""
        hit, told = self.hits()[event.subject], event.data
        story = told_on({}, [receipt for receipt in self.receipts() if receipt.hit_id == hit.id])
        last = latest(self.taken[hit.id])
        if last is not None and last.meaning is Meaning.ENDS:
            raise AssertionError(f"{hit.id} was answered ({last.answer}), and {told['level']} is told: {story}")
        if is_being_withdrawn(story):
            raise AssertionError(f"{hit.id} is being withdrawn, and {told['level']} is told: {story}")
        before = [one.level for one in sorted(escalated_of(story), key=lambda one: one.at)]
        if [*before, told["level"]] != list(self.chain(hit)[: len(before) + 1]):
            raise AssertionError(f"{hit.id}: {told['level']} is told after {before}")
        about = (told["hit_id"], told["order_id"], told["court"]["code"], told["case_number"])
        if about != (hit.id, hit.order_id, COURTS[hit.order_id], hit.case_number):
            raise AssertionError(f"{hit.id}: the notice tells of {about}")
        if (endpoint.level, endpoint.court) not in ((told["level"], hit.court.code), ("high_court", ANY_COURT)):
            raise AssertionError(f"{hit.id}: {told['level']} is told at {endpoint.redacted}")

    def chain(self, hit: Hit) -> tuple[Level, ...]:
        """Who is above the handler of a hit."""
        return LEVELS_AT[hit.court.code][1:] + LEVELS_AT[ANY_COURT]

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
