"""The audit log for auditors: pages of what is sought, proofs, and verifications, each bounded.

What is asked takes a reader's thread; a few at once, and one verification at a time, since it takes the processor, too.

    RuntimeError
    ├── BusyError       somebody else's verification is under way
    └── TooMuchError    more records than one request verifies
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from connectors.audit.log import AuditLog
from connectors.kafka.settings import KafkaSettings
from stream.core.audit.fault import Stored
from stream.core.audit.proof import Proof, prove
from stream.core.audit.record import Head
from stream.core.audit.search import Page, Sought, page_of
from stream.core.audit.signing import Keys
from stream.core.audit.verification import Verified, verify

T = TypeVar("T")
READERS: Final = 2
LOOKED_AT_MAX: Final = 20_000
"""Records that one page is sought among."""
VERIFIED_MAX: Final = 100_000
READ_S_MAX: Final = 40.0


class BusyError(RuntimeError):
    """A verification is under way."""


class TooMuchError(RuntimeError):
    """There are more records than one request verifies."""


class AuditReading:
    """Reads one deployment's log. Raises KafkaError where it cannot, and TimeoutError where that takes too long."""

    def __init__(self, kafka: KafkaSettings, keys: Keys, verified_max: int = VERIFIED_MAX) -> None:
        self._log: Final = AuditLog(kafka)
        self._keys, self._verified_max = keys, verified_max
        self._readers: Final = asyncio.Semaphore(READERS)
        self._verifying: Final = asyncio.Lock()

    async def page(self, sought: Sought, positions: Mapping[int, int] | None, limit: int) -> Page:
        """What is sought, oldest first, from these positions on; without them from ``sought.since`` on. It may be empty, and
        more lie beyond."""

        def read() -> Page:
            return page_of(self._log.stretches(positions, sought.since, sought.until, LOOKED_AT_MAX), sought, limit)

        async with self._readers:
            return await asyncio.to_thread(read)

    async def proof(self, writer: str, number: int, earlier: int | None) -> Proof:
        """The proof of a record, and that an earlier checkpoint is the beginning of the one used.

        Raises:
            NoProofError: there is no such record, or no checkpoint covers it yet.
            UnreadableError, pydantic.ValidationError: its chain is damaged.
        """

        def read() -> Proof:
            own = [stored.value for stored in _timely(self._log.records()) if stored.key == writer.encode()]
            return prove(own, number, earlier)

        async with self._readers:
            return await asyncio.to_thread(read)

    async def verification(self, since: dt.datetime | None, until: dt.datetime | None, known: Sequence[Head]) -> Verified:
        """What is wrong with the log, or with a part of it.

        Raises:
            BusyError, TooMuchError
        """
        if self._verifying.locked():
            raise BusyError
        partial = since is not None or until is not None

        def read() -> Iterable[Stored]:
            return _timely(self._few(self._log.records(since, until)))

        async with self._verifying:
            return await asyncio.to_thread(verify, read, self._keys, known, partial=partial)

    def _few(self, records: Iterator[Stored]) -> Iterator[Stored]:
        for count, stored in enumerate(records, 1):
            if count > self._verified_max:
                raise TooMuchError
            yield stored


def _timely(records: Iterable[Stored]) -> Iterator[Stored]:
    ends_at = time.monotonic() + READ_S_MAX
    for stored in records:
        if time.monotonic() > ends_at:
            raise TimeoutError("the log is too long to be read in one request")
        yield stored
