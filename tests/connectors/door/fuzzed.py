"""A door with all that stands behind it, in a thread of its own, for tests that ask it from outside; and things that are there.

Every role is somebody of the court 440106, its province and the station of the checks. There is one of each thing: a hit with
its story, an order in place and another to be released, a case, a debtor, a judgment, a question with its answer, an incident.
"""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import SecretStr

from connectors.kafka.places import Places
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import HITS
from connectors.redis.client import connect
from connectors.redis.incidents import IncidentsView
from connectors.redis.keyspace import delete_all
from connectors.redis.reachability import ReachabilityView
from connectors.redis.settings import RedisSettings
from deploy.local.addresses import Addresses
from matchers.keys import KeyHasher
from matchers.sighting import read_sighting
from stream.core.authority import Principal, Role
from stream.core.delivery import Reason, Receipt
from stream.core.explanation import past_object
from stream.core.feeds import case_id
from stream.core.memory import MemoryLedger
from stream.core.seals import SealVerifier
from stream.services.bodies import Bodies
from stream.services.engine_health import EngineHealth
from stream.services.instructing import facts_of
from stream.services.rebuilding import rebuild_incidents
from stream.services.resolving import hit_record
from stream.services.whose import LedgerHits, LedgerStories
from tests.connectors.door.bodies import BODIES, ORDER_ID
from tests.connectors.door.feeding import Fed, fed
from tests.connectors.door.matrix_things import COURT, NAME, grant_of
from tests.connectors.door.office import DIGESTS, Office, office, order_fields
from tests.connectors.door.running import Answered, now
from tests.stream.core.hits import AT, hit
from tests.stream.core.test_explanation import DETAINED, STAY, past_of
from watchlists.index import MemoryIndex

TOKENS: Final = {role: f"{role.value}-".ljust(40, "x") for role in Role}
WHO: Final = {token: Principal(role.value, (grant_of(role),), NAME, machine=False) for role, token in TOKENS.items()}
UNBOUNDED: Final = {
    "rate_per_s": 10_000,
    "rate_burst": 1_000_000,
    "check_rate_station_per_s": 10_000,
    "check_rate_police_per_s": 10_000,
}
OPENS_S_MAX: Final = 60.0


class Fuzzed(NamedTuple):
    """Where the door is, and what is there: an operation's path parameters that name it."""

    url: str
    there: Mapping[str, Mapping[str, str]]


class Replayed:
    """Replays a sighting against one order, and knows one that is named."""

    async def replay(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        seen = read_sighting(json.dumps(question["sighting"]).encode()) if "sighting" in question else STAY
        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(past_object(past_of(seen, DETAINED))))
        return found


@contextmanager
def fuzzed(stack: Addresses, folder: Path, verifier: SealVerifier) -> Iterator[Fuzzed]:
    opened, closing = threading.Event(), threading.Event()
    said: list[Fuzzed | BaseException] = []

    async def serve() -> None:
        async with _open(stack, folder, verifier) as door:
            said.append(door)
            opened.set()
            await asyncio.to_thread(closing.wait)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            said.append(error)
            opened.set()
            raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert opened.wait(OPENS_S_MAX), "the door did not open"
        assert isinstance(said[0], Fuzzed), said[0]
        yield said[0]
    finally:
        closing.set()
        thread.join()


@asynccontextmanager
async def _open(stack: Addresses, folder: Path, verifier: SealVerifier) -> AsyncIterator[Fuzzed]:
    name = f"t{uuid.uuid4().hex[:10]}"
    client, ledger = connect(RedisSettings(url=SecretStr(stack.redis))), MemoryLedger()
    kafka = KafkaSettings(bootstrap=stack.kafka, topic_prefix=f"{name}-", partitions=2, sighting_partitions=1)
    async with fed(kafka, client, KeyHasher(b"a secret of these tests"), name, folder) as views:
        bodies = Bodies(Places(kafka, HITS))
        parts = {
            **views.parts,
            **UNBOUNDED,
            "stories": LedgerStories(ledger, bodies),
            "hits": LedgerHits(ledger, bodies, ReachabilityView(client, name)),
            "replays": Replayed(),
            "health": EngineHealth(client, name, MemoryIndex(), kafka, now),
            "clock": now,
            "redis_url": stack.redis,
            "audit_s_max": 20.0,
        }
        async with office(stack.kafka, f"{name}-", folder, verifier, WHO, **parts) as here, views.kept(here.door):
            yield Fuzzed(here.door.url, await _things(here, views, ledger, IncidentsView(client, f"{name}-")))
        await asyncio.to_thread(bodies.close)
    await delete_all(client, name)
    await client.aclose()


async def _things(here: Office, views: Fed, ledger: MemoryLedger, incidents: IncidentsView) -> dict[str, dict[str, str]]:
    """One of each, put as whoever may would put it."""
    ended = order_fields(f"{ORDER_ID}-END")
    await here.placed(BODIES["put_order"])
    await here.placed(ended)
    case = case_id(COURT, BODIES["put_case"]["number"])
    debtor, judgment = str(uuid.uuid4()), views.documents.add(b"%PDF-1.7 a judgment")
    await _put(here, f"/v1/cases/{case}", "put_case")
    await _put(here, f"/v1/debtors/{debtor}", "put_debtor")
    await _put(here, f"/v1/judgments/{judgment}", "put_judgment")
    query = (await _post(here, "/v1/queries?wait=20", "ask_registry")).body["id"]
    incident = (await _post(here, "/v1/incidents", "open_incident")).body["id"]
    await rebuild_incidents(here.door.kafka, incidents)
    told = await _told(here, ledger)
    named: dict[tuple[str, ...], dict[str, str]] = {
        ("confirm_hit", "get_hit"): {"hit_id": told},
        ("put_order", "get_order"): {"order_id": ORDER_ID},
        ("release_order",): {"order_id": ended["id"]},
        ("get_document",): {"order_id": ORDER_ID, "sha256": DIGESTS[0]},
        ("put_document",): {"sha256": DIGESTS[0]},
        ("put_case", "get_case"): {"case_id": case},
        ("put_debtor", "remove_debtor"): {"debtor_id": debtor},
        ("put_judgment", "get_judgment"): {"sha256": judgment},
        ("get_registry_answer", "get_registry_photo"): {"query_id": query},
        ("get_incident", "move_incident"): {"incident_id": incident},
        ("get_rules", "get_rules_history", "change_court_rules", "change_police_rules"): {"province": "44"},
    }
    return {operation: names for operations, names in named.items() for operation in operations}


async def _told(here: Office, ledger: MemoryLedger) -> str:
    """A hit on the log that its court was told of."""
    found = hit(ORDER_ID, court={"code": COURT, "province": "44"})
    (place,) = await here.door.records.send_soon([hit_record(found)])
    fields = {"hit_id": found.id, "order_id": found.order_id, "order_version": 1, "at": AT}
    facts = facts_of(found, place)
    planned = Receipt(**fields, step="planned", outcome=Reason.NEW, facts=facts)
    await ledger.record([planned, Receipt(**fields, step="delivered", outcome=Reason.DELIVERED)])
    return found.id


async def _put(here: Office, path: str, operation: str) -> None:
    answered = await here.door.ask("PUT", path, COURT, BODIES[operation], {"If-None-Match": "*"})
    assert answered.status == 202, answered


async def _post(here: Office, path: str, operation: str) -> Answered:
    answered = await here.door.ask("POST", path, COURT, BODIES[operation], {"Idempotency-Key": "fuzz"})
    assert answered.status in (200, 202), answered
    return answered
