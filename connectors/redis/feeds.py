"""The views of the topics ``cases``, ``debtors`` and ``judgments`` in Redis, packed as the index is (``buckets``).

<ns>:feeds:<feed>:<number>       tag of a record -> version, court, tags of its keys, the packed record
<ns>:feeds:<feed>:key:<number>   tag of a key -> tags of the records that hold it; debtors only
<ns>:feeds:positions             topic and partition -> the next offset; moved in the same step as the entries
<ns>:feeds:sizes                 how many buckets and entries each map has, and whose secret named the keys

    RuntimeError
    └── ViewMovedError    (stream.core.ports) another writer wrote first, or the view was wiped; nothing was applied
"""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

import redis.asyncio

from connectors.kafka.topics import CASES, DEBTORS, JUDGMENTS
from connectors.redis.bodies import Bodies, unpack
from connectors.redis.errors import ViewUnavailableError, server_name, translated
from connectors.redis.feed_scripts import APPLY, FIND, KEY_BYTES, READ, TAG_BYTES
from connectors.redis.keyspace import delete_all
from connectors.redis.scripts import with_lengths
from matchers.keys import Key, KeyHasher
from stream.core.feeds import (
    CaseRecord,
    Debtor,
    DebtorRecord,
    FeedRecord,
    JudgmentRecord,
    read_case,
    read_debtor,
    read_judgment,
)
from stream.core.ports import ViewMovedError

RECORDS_MAX: Final = 200
_HEAD: Final = struct.Struct(">Q")
_LENGTH: Final = struct.Struct(">I")
R = TypeVar("R", bound=FeedRecord)


class Written(NamedTuple):
    """A readable record of a feed, and its bytes."""

    record: FeedRecord
    raw: bytes


class Feed(NamedTuple, Generic[R]):
    """A feed: its topic, and how its records are read."""

    topic: str
    read: Callable[[bytes], R]


CASE_FEED: Final = Feed[CaseRecord](CASES, read_case)
DEBTOR_FEED: Final = Feed[Debtor](DEBTORS, read_debtor)
JUDGMENT_FEED: Final = Feed[JudgmentRecord](JUDGMENTS, read_judgment)
FEEDS: Final[Mapping[str, Feed[Any]]] = {feed.topic: feed for feed in (CASE_FEED, DEBTOR_FEED, JUDGMENT_FEED)}


class FeedsView:
    """One round trip each, but for ``wipe``. Raises ViewUnavailableError: Redis is away, or another secret's."""

    def __init__(self, client: redis.asyncio.Redis, hasher: KeyHasher, namespace: str) -> None:
        self._client, self._hasher, self._namespace = client, hasher, namespace
        self._server, self._bodies = server_name(client), Bodies()
        self._read, self._find, self._apply = (client.register_script(script) for script in (READ, FIND, APPLY))

    async def case(self, case_id: str) -> CaseRecord | None:
        return await self._record(CASE_FEED, case_id)

    async def debtor(self, debtor_id: str) -> Debtor | None:
        """An entry of the list, or that it was removed."""
        return await self._record(DEBTOR_FEED, debtor_id)

    async def judgment(self, sha256: str) -> JudgmentRecord | None:
        return await self._record(JUDGMENT_FEED, sha256)

    async def held(self, topic: str, id_: str) -> FeedRecord | None:
        """Whatever a feed holds under an id."""
        found: FeedRecord | None = await self._record(FEEDS[topic], id_)
        return found

    async def debtors_of(self, key: Key) -> list[DebtorRecord]:
        """The entries of whoever has a document or code, by id. A tag only nominates: the key itself decides."""
        values = await self._run(self._find, DEBTORS, self._key_tag(key))
        found = [read_debtor(body) for value in values if (body := _body(value)) is not None]
        listed = [record for record in found if isinstance(record, DebtorRecord) and key in record.keys()]
        return sorted(listed, key=lambda record: record.id)

    async def apply(self, topic: str, partition: int, start: int, end: int, records: Sequence[Written]) -> list[str]:
        """Apply the readable records between two offsets at once; returns ``applied``, ``stale`` or ``other_court`` of each.

        Raises:
            ViewMovedError: another writer wrote first, or the view was wiped; nothing was applied.
        """
        rows = b"".join(self._row(written) for written in records)
        answer = await self._run(self._apply, topic, f"{topic}:{partition}", str(start), str(end), rows)
        if answer[0] == b"moved":
            raise ViewMovedError(f"{topic} {partition} stands at {int(answer[1])}, not {start}")
        return [one.decode() for one in answer[1:]]

    async def positions(self, topic: str) -> dict[int, int]:
        """How far in a topic the view is, by partition."""
        with translated(ViewUnavailableError, self._server):
            asked = cast(Awaitable[dict[bytes, bytes]], self._client.hgetall(f"{self._namespace}:feeds:positions"))
            found = {place.decode().rpartition(":"): int(offset) for place, offset in (await asked).items()}
        return {int(partition): offset for (of, _, partition), offset in found.items() if of == topic}

    async def wipe(self) -> None:
        """Delete the views, and nothing else; the positions first, so that whoever reads meanwhile knows."""
        with translated(ViewUnavailableError, self._server):
            await self._client.delete(f"{self._namespace}:feeds:positions")
            await delete_all(self._client, self._namespace, "feeds")

    async def _record(self, feed: Feed[R], id_: str) -> R | None:
        (value,) = await self._run(self._read, feed.topic, _tag(id_))
        body = _body(value)
        record = None if body is None else feed.read(body)
        return record if record is not None and record.id == id_ else None

    def _row(self, written: Written) -> bytes:
        record = written.record
        keys = b"".join(self._key_tag(key) for key in record.keys())
        fields = (record.court.code.encode(), keys, self._bodies.pack(written.raw))
        return b"".join((_tag(record.id), _HEAD.pack(record.version), *with_lengths(*fields)))

    def _key_tag(self, key: Key) -> bytes:
        return self._hasher.hash_key(key).to_bytes(KEY_BYTES, "big")

    async def _run(self, script: Callable[..., Awaitable[object]], feed: str, *arguments: bytes | str) -> list[bytes]:
        with translated(ViewUnavailableError, self._server):
            return cast(list[bytes], await script(args=[self._namespace, feed, self._hasher.fingerprint, *arguments]))


def _tag(id_: str) -> bytes:
    """A record's tag: its UUID, or the first half of its digest."""
    return bytes.fromhex(id_.replace("-", ""))[:TAG_BYTES]


def _body(value: bytes) -> bytes | None:
    if not value:
        return None
    place = _HEAD.size
    for _ in range(2):
        place += _LENGTH.size + _LENGTH.unpack_from(value, place)[0]
    return unpack(value[place + _LENGTH.size :])
