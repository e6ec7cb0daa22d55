"""A door that takes documents and orders, with all that stands behind it, and courts that seal."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer

from connectors.documents.cipher import Cipher
from connectors.documents.store import DirectoryDocuments
from connectors.door.app import Papers
from connectors.door.orders import Views
from connectors.kafka.clients import at, consumer, fetch, partitions_of
from connectors.kafka.ends import Ends
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ORDERS, ensure_topics
from connectors.redis.leases import InForceMark
from stream.core.authority import Grant, Principal, Role
from stream.core.lacking import Lack
from stream.core.reachability import Reach
from stream.core.seals import SealVerifier
from synthetic.seals import pdf
from tests.connectors.documents.sealed import AT, COURT, OTHER, province
from tests.connectors.door.running import Answered, Door, opened
from tests.watchlists import orders
from watchlists.glance import glance
from watchlists.index import Logged, MemoryIndex
from watchlists.order import Court, Order

CLERK, HANDLER, SUPERVISOR, NEIGHBOUR, AUDITOR = ("clerk-" * 6, "handler-" * 5, "super-" * 6, "neighbour-" * 4, "auditor-" * 5)
PEOPLE: Final = {
    CLERK: Principal("clerk", (Grant(Role.CLERK, COURT),), "陈书记员", machine=False),
    HANDLER: Principal("handler", (Grant(Role.HANDLER, COURT),), "李法官", machine=False),
    SUPERVISOR: Principal("supervisor", (Grant(Role.SUPERVISOR, province="44"),), machine=False),
    NEIGHBOUR: Principal(OTHER, (Grant(Role.COURT_SYSTEM, OTHER),)),
    AUDITOR: Principal("auditor", (Grant(Role.AUDITOR),), machine=False),
}
"""Who comes to the office; a token each."""
PLACE: Final = {"If-None-Match": "*"}


class NoLacks:
    """Everything is in order."""

    def of(self, order: Order) -> tuple[Lack, ...]:
        return (Lack.NO_COURT_PROVINCE,) if order.court.province is None else ()

    def handler(self, court: Court) -> tuple[Reach, ...]:
        return ()


class Marked(dict[str, dict[int, InForceMark]]):
    """Times of effect, as they are told to it."""

    async def of(self, order_ids: Sequence[str]) -> dict[str, dict[int, InForceMark]]:
        return {id_: self.get(id_, {}) for id_ in order_ids}


class Office(NamedTuple):
    door: Door
    index: MemoryIndex
    marks: Marked
    store: DirectoryDocuments

    async def put_document(self, data: bytes, who: str = COURT, digest: str | None = None) -> Answered:
        path = f"/v1/documents/{digest or hashlib.sha256(data).hexdigest()}"
        return await self.door.ask("PUT", path, who, data, {"Content-Type": "application/pdf", "Accept-Language": "en"})

    async def put_order(self, fields: Mapping[str, Any], who: str = COURT, **headers: str) -> Answered:
        return await self.door.ask("PUT", f"/v1/orders/{fields['id']}", who, dict(fields), headers)

    async def release(self, order_id: str, who: str = COURT, reason: str = "fulfilled", key: str = "k-1") -> Answered:
        path, headers = f"/v1/orders/{order_id}/release", {"Idempotency-Key": key}
        return await self.door.ask("POST", path, who, {"reason": reason}, headers)

    async def placed(self, fields: Mapping[str, Any]) -> None:
        """Put its documents, and it."""
        for data in DOCUMENTS:
            assert (await self.put_document(data)).status == 200
        answered = await self.put_order(fields, **PLACE)
        assert answered.status == 202, answered

    def sent(self) -> list[dict[str, Any]]:
        """All that stands in ``orders``."""
        client = consumer(self.door.kafka, "test")
        try:
            ends = Ends(self.door.kafka).now(ORDERS)
            client.assign([at(self.door.kafka.topic(ORDERS), partition, 0) for partition in ends])
            found: list[dict[str, Any]] = []
            while len(found) < sum(ends.values()):
                found += [json.loads(record.value() or b"") for record in fetch(client, 100, 0.1)]
            return found
        finally:
            client.close()


def _sealed(text: str) -> bytes:
    return province().seal.put_on(pdf([text]), AT)


DOCUMENTS: Final = (_sealed("拘留决定书"), _sealed("协助执行通知书"))
DIGESTS: Final = tuple(hashlib.sha256(data).hexdigest() for data in DOCUMENTS)


def order_fields(id_: str = "ZX-1", version: int = 1, **changes: Any) -> dict[str, Any]:
    """A judicial detention of this court that lists both documents, or as it is amended."""
    action = "place" if version == 1 else "amend"
    fields: dict[str, Any] = json.loads(orders.order(id_, version, ["E12345678"], action=action).raw)
    fields["court"] = {"code": COURT, "province": "44"}
    for listed, digest in zip(fields["documents"], DIGESTS, strict=True):
        listed["sha256"] = digest
    return fields | changes


@asynccontextmanager
async def office(
    kafka: str,
    topic_prefix: str,
    folder: Path,
    verifier: SealVerifier,
    people: Mapping[str, Principal] = PEOPLE,
    **settings: Any,
) -> AsyncIterator[Office]:
    """``settings``: of the door, and its other parts by their names."""
    here = KafkaSettings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=2, sighting_partitions=1)
    ensure_topics(here)
    index, marks, ends = MemoryIndex(), Marked(), Ends(here)
    store = DirectoryDocuments(folder / "kept", Cipher(bytes(32)))

    async def lacks() -> NoLacks:
        return NoLacks()

    following = asyncio.create_task(_follow(here, index))
    papers = Papers(store, verifier, Views(index, marks, lacks, ends))
    async with opened(kafka, topic_prefix, papers=papers, people=people, index=index, **settings) as door:
        try:
            yield Office(door, index, marks, store)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            ends.close()


async def _follow(kafka: KafkaSettings, index: MemoryIndex) -> None:
    """What the index writer does, for an index in memory."""
    client: Consumer = consumer(kafka, "follow")
    try:
        partitions = await asyncio.to_thread(partitions_of, client, kafka, ORDERS)
        client.assign([at(kafka.topic(ORDERS), partition, 0) for partition in partitions])
        while True:
            for record in await asyncio.to_thread(fetch, client, 10, 0.05):
                raw, offset = record.value() or b"", record.offset()
                await index.apply(record.partition(), offset, offset + 1, [Logged(glance(raw), raw)])
    finally:
        client.close()
