"""What the tests of the routes share: one verifier of seals, whose process is started once; and both platforms at once: a door,
the writer of its views, and a registry over made-up people.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from connectors.documents.store import DirectoryDocuments
from connectors.documents.verifier import PdfSealVerifier
from connectors.kafka.ends import Ends
from connectors.kafka.settings import KafkaSettings
from connectors.redis.client import connect
from connectors.redis.keyspace import delete_all
from connectors.redis.settings import RedisSettings
from deploy.local.addresses import Addresses
from matchers.keys import KeyHasher
from stream.core.authority import Grant, Principal, Role
from stream.core.feeds import case_id
from synthetic.people import Person
from tests.connectors.documents.sealed import NOW, write_trust
from tests.connectors.door.feeding import KNOWN, fed
from tests.connectors.door.running import OURS, Answered, Door, opened
from tests.factory import Fields
from tests.stream.core.cases import case_facts

CLERK, HANDLER, OTHER_HANDLER, POLICE, SUPERVISOR, ELSEWHERE, STATION, AUDITOR = (
    f"{name}-{'x' * 32}"
    for name in ("clerk", "handler", "other-handler", "police", "supervisor", "elsewhere", "station", "auditor")
)
WHO = {
    CLERK: Principal("clerk", (Grant(Role.CLERK, OURS),), "书记员", "clerk.card", machine=False),
    HANDLER: Principal("handler", (Grant(Role.HANDLER, OURS),), "李法官", "handler.card", machine=False),
    OTHER_HANDLER: Principal("other", (Grant(Role.HANDLER, OURS),), "张法官", "other.card", machine=False),
    POLICE: Principal("police", (Grant(Role.POLICE, province="44"),), credential="police.token"),
    SUPERVISOR: Principal("supervisor", (Grant(Role.SUPERVISOR, province="44"),), credential="supervisor.token"),
    ELSEWHERE: Principal("elsewhere", (Grant(Role.SUPERVISOR, province="31"),), credential="elsewhere.token"),
    STATION: Principal("station", (Grant(Role.STATION, station="440106-B-0001"),), credential="station.token"),
    AUDITOR: Principal("auditor", (Grant(Role.AUDITOR),), credential="auditor.token"),
}


@dataclass
class Platforms:
    """The door and what stands behind it."""

    door: Door
    documents: DirectoryDocuments
    namespace: str

    async def put(self, path: str, body: object, who: str = OURS, **headers: str) -> Answered:
        return await self.door.ask("PUT", path, who, body, headers or {"If-None-Match": "*"})

    async def post(self, path: str, body: object, who: str = OURS, **headers: str) -> Answered:
        return await self.door.ask("POST", path, who, body, headers)

    async def put_case(self, *parties: Fields, who: str = OURS, **changes: Any) -> str:
        """A new case with a number of its own; returns its id."""
        facts = case_facts(*parties, **{"number": f"(2026)粤0106执{uuid.uuid4().int % 10**9}号", **changes})
        id_ = case_id(facts["court"]["code"], facts["number"])
        taken = await self.put(f"/v1/cases/{id_}", facts, who)
        assert taken.status == 202, taken.body
        return id_

    def count(self, topic: str) -> int:
        """How many records stand on a topic."""
        ends = Ends(self.door.kafka)
        try:
            return sum(ends.now(topic).values())
        finally:
            ends.close()

    def person(self, number: int) -> Person:
        """One of those whom the registry knows."""
        return KNOWN[number]


@pytest.fixture(scope="session")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PdfSealVerifier]:
    with PdfSealVerifier(write_trust(tmp_path_factory.mktemp("seals") / "trust"), lambda: NOW, processes=1) as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platforms(stack: Addresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platforms]:
    folder, name = tmp_path_factory.mktemp("platforms"), f"t{uuid.uuid4().hex[:10]}"
    kafka = KafkaSettings(bootstrap=stack.kafka, topic_prefix=f"{name}-", partitions=2, sighting_partitions=1)
    client, hasher = connect(RedisSettings(url=SecretStr(stack.redis))), KeyHasher(b"a secret of these tests")
    async with (
        fed(kafka, client, hasher, name, folder) as feeding,
        opened(stack.kafka, f"{name}-", people=WHO, **feeding.parts) as door,
        feeding.kept(door),
    ):
        yield Platforms(door, feeding.documents, name)
    await delete_all(client, name)
    await client.aclose()
