"""Puts operations on the audit record: many at once, grouped into one produce, each told when its own is durable.

A chain belongs to one process's life, under a writer id made at its start. Groups are stored one after the other, so what Kafka
has is always the beginning of the chain. Where a group may not be stored, its operations are refused, the chain ends, and the
next group begins a new one, under another id.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import uuid
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import structlog
from confluent_kafka import KafkaException

from connectors.audit.log import AuditLog
from connectors.audit.settings import AuditSettings
from connectors.kafka.errors import KafkaError
from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import AUDIT
from stream.core.audit.chain import Chain
from stream.core.audit.record import AuditUnavailableError, Begun, Entry
from stream.core.audit.signing import Signer

GROUP_MAX: Final = 500
WAITING_MAX: Final = 10_000
_IN_ORDER: Final[dict[str, Any]] = {
    "max.in.flight.requests.per.connection": 1,
    "message.timeout.ms": 0,  # what is given up is purged here, so that nothing is stored behind a gap
}


class _Waiting(NamedTuple):
    entry: Entry
    stored: asyncio.Future[None]

    def refuse(self, why: str) -> None:
        """Tell whoever waits that it is not on record; they may have given up meanwhile."""
        if not self.stored.done():
            self.stored.set_exception(AuditUnavailableError(why))


class AuditWriter:
    """The writer of one process; an ``Audit``. To be used on one event loop, between ``start`` and ``stop``."""

    def __init__(
        self,
        service: str,
        settings: AuditSettings,
        signer: Signer,
        kafka: KafkaSettings,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._service, self._settings, self._signer, self._kafka, self._clock = service, settings, signer, kafka, clock
        self._waiting: Final[deque[_Waiting]] = deque()
        self._came: Final = asyncio.Event()
        self._chain: Chain | None = None
        self._records: Records | None = None
        self._partition = 0
        self._log: Final = structlog.get_logger("audit")
        self._running: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._stopping = False

    @property
    def writer(self) -> str | None:
        """The id of the chain that is being written; None between two."""
        return None if self._chain is None else self._chain.writer

    async def start(self) -> None:
        """Begin a chain.

        Raises:
            AuditUnavailableError: its first record may not be stored.
        """
        try:
            await self._store([])
        except BaseException:
            await self._abandon()
            raise
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Store what waits and a last checkpoint, as far as that can be done."""
        self._stopping = True
        self._came.set()
        if self._running is not None:
            await self._running
        if self._alarm is not None:
            self._alarm.cancel()
        with contextlib.suppress(AuditUnavailableError):
            while self._waiting:
                await self._store_next()
            if self._chain is not None and self._chain.due_at() is not None:
                await self._store([], checkpoint=True)
        self._refuse(self._waiting)
        await self._abandon()

    async def write(self, entry: Entry) -> None:
        """Return once the entry is durable.

        Raises:
            AuditUnavailableError: it may not be. It may nevertheless come to stand in the log.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise AuditUnavailableError("too many operations wait to be put on the audit record")
        loop = asyncio.get_running_loop()
        one = _Waiting(entry, loop.create_future())
        self._waiting.append(one)
        self._came.set()
        limit = loop.call_later(self._settings.write_s_max, one.refuse, "the audit log did not take the record in time")
        try:
            await one.stored
        finally:
            limit.cancel()

    async def _run(self) -> None:
        while not self._stopping:
            await self._wait()
            try:
                await self._store_next()
            except AuditUnavailableError:  # each operation of the group was told
                continue
            except Exception as error:  # the next group may fare better; without this, none would
                self._log.error("audit_failed", error=type(error).__name__)

    async def _wait(self) -> None:
        """Until something waits or a checkpoint is due. One alarm does for all records until then."""
        due_at = None if self._chain is None else self._chain.due_at()
        wait_s = None if due_at is None else (due_at - self._clock()).total_seconds()
        if wait_s is not None and wait_s <= 0:
            return
        if wait_s is not None and self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(wait_s, self._ring)
        await self._came.wait()

    def _ring(self) -> None:
        self._alarm = None
        self._came.set()

    async def _store_next(self) -> None:
        group = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_MAX))]
        if not self._waiting:
            self._came.clear()
        group = [one for one in group if not one.stored.done()]  # whoever has given up is not on record
        due_at = None if self._chain is None else self._chain.due_at()
        try:
            await self._store(group, checkpoint=due_at is not None and due_at <= self._clock())
        except BaseException:
            self._refuse(group)
            await self._abandon()
            raise
        for one in group:
            if not one.stored.done():
                one.stored.set_result(None)

    async def _store(self, group: Sequence[_Waiting], *, checkpoint: bool = False) -> None:
        """Raises AuditUnavailableError."""
        if self._chain is not None and not group and not checkpoint:
            return
        try:
            async with asyncio.timeout(self._settings.write_s_max):
                raws = [] if self._chain is not None else [await self._begin()]
                chain, records = self._chain, self._records
                if chain is None or records is None:  # _begin makes both
                    raise AssertionError
                raws += self._made(chain, group, checkpoint)
                made = [Record(AUDIT, chain.writer.encode(), raw, self._partition) for raw in raws]
                await records.send_soon(made)
        except (TimeoutError, KafkaError, KafkaException) as error:
            self._log.error("audit_unavailable", error=type(error).__name__, writer=self.writer)
            raise AuditUnavailableError("the audit log cannot be written") from None

    async def _begin(self) -> bytes:
        """A new chain and its first record. Raises KafkaError."""
        log = AuditLog(self._kafka)
        seen, partitions = await asyncio.to_thread(lambda: (log.heads(), log.partitions()))
        writer = uuid.uuid4().hex
        self._partition = partitions[zlib.crc32(writer.encode()) % len(partitions)]
        self._records = Records(self._kafka, f"chakong-audit-{self._service}", 0, _IN_ORDER)
        self._chain = Chain(writer, self._signer, self._settings.intervals())
        begun = Begun(
            service=self._service,
            host=os.uname().nodename,
            process=os.getpid(),
            checkpoint_records=self._settings.checkpoint_records,
            seen=seen,
        )
        self._log.info("audit_chain_begun", writer=writer)
        return self._chain.begin(begun, self._clock())

    def _made(self, chain: Chain, group: Sequence[_Waiting], checkpoint: bool) -> list[bytes]:
        raws: list[bytes] = []
        for one in group:
            now = self._clock()
            due_at = chain.due_at()
            if due_at is not None and due_at <= now:
                raws.append(chain.checkpoint(now))
            try:
                raws.append(chain.append(one.entry, now))
            except ValueError as error:
                one.refuse(f"an entry that cannot be written: {error}")
        if checkpoint and chain.due_at() is not None:
            raws.append(chain.checkpoint(self._clock()))
        return raws

    def _refuse(self, group: Sequence[_Waiting] | deque[_Waiting]) -> None:
        for one in group:
            one.refuse("the audit log cannot be written")

    async def _abandon(self) -> None:
        """The chain ends where it is stored. What is not stored by now never is."""
        records, self._records, self._chain = self._records, None, None
        if records is not None:
            await asyncio.to_thread(records.abandon)
