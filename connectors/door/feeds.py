"""Courts' feeds on their way in and out (S2.1): cases, dishonest debtors, judgments.

In: durable on their topics first, and in effect from there. Out: from views that hold all that was on the log when they
were asked, so what was acknowledged is seen.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Final, Protocol

from connectors.door.problems import ProblemError
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import CASES, DEBTORS, JUDGMENTS
from matchers.keys import Key
from stream.core.feeds import CaseRecord, Debtor, DebtorRecord, DebtorRemoval, FeedRecord, JudgmentRecord
from stream.core.seals import DocumentError, DocumentStore, MissingDocumentError

_TOPICS: Final[dict[type[FeedRecord], str]] = {
    CaseRecord: CASES,
    DebtorRecord: DEBTORS,
    DebtorRemoval: DEBTORS,
    JudgmentRecord: JUDGMENTS,
}


class Held(Protocol):
    """What is held of the feeds now. Everything raises ViewUnavailableError or KafkaError where that cannot be said."""

    async def case(self, case_id: str) -> CaseRecord | None: ...

    async def debtor(self, debtor_id: str) -> Debtor | None: ...

    async def debtors_of(self, key: Key) -> list[DebtorRecord]:
        """The entries of whoever has a document or code, by id."""

    async def judgment(self, sha256: str) -> JudgmentRecord | None: ...


class Feeds:
    """Takes records in, and shows what is held. ``documents`` None: this deployment keeps none."""

    def __init__(
        self,
        held: Held,
        records: Records,
        documents: DocumentStore | None,
        clock: Callable[[], dt.datetime],
        durable_s_max: float,
    ) -> None:
        self.held = held
        self.now = clock
        self._records, self._documents, self._durable_s_max = records, documents, durable_s_max

    async def put(self, record: FeedRecord) -> None:
        """Return once the record is durable. Raises NotDurableError, TimeoutError: it may not be; a repeat is harmless."""
        value = record.model_dump_json(exclude_none=True).encode()
        async with asyncio.timeout(self._durable_s_max):
            await self._records.send_soon([Record(_TOPICS[type(record)], record.id.encode(), value)])

    async def document(self, sha256: str) -> bytes | None:
        """A document of the store; None where it is not there.

        Raises ProblemError: ``unavailable``: the store cannot give it.
        """
        if self._documents is None:
            raise ProblemError("unavailable", headers={"retry-after": "60"})
        try:
            return await asyncio.to_thread(self._documents.get, sha256)
        except MissingDocumentError:
            return None
        except (DocumentError, OSError):
            raise ProblemError("unavailable", headers={"retry-after": "60"}) from None
