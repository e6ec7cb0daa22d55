"""The bulk import: many orders are checked at once, with their documents, and sent in the sequence of their file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Final, NamedTuple

from connectors.kafka.records import Record
from connectors.kafka.topics import ORDERS
from matchers.wire import UnreadableError
from stream.bulk import Row
from stream.core.bulk import advice
from stream.core.hit import Says
from stream.core.sealed_order import Checked, Documents, all_good, documents_of, refusal
from stream.core.seals import DocumentStore, SealVerifier
from watchlists.order import Release, read_order

WINDOW: Final = 64
"""Rows that are sent together, and after which the position is saved."""
AHEAD: Final = 4
"""Rows a worker that are looked at ahead of what is sent, so that no worker waits for Kafka."""


class Refusal(NamedTuple):
    """Why a row was refused: a short code, in words without anything of the subject, and what to do about it."""

    reason: str
    detail: str
    advice: tuple[Says, ...]


class Done(NamedTuple):
    """A row that was looked at. ``record`` is what is sent; None: it was refused."""

    row: Row
    order_id: str | None
    record: Record | None
    refusal: Refusal | None = None


class Importing:
    """Looks at rows and sends those that may be sent. What stands behind it may be slow; it holds few rows at once."""

    def __init__(
        self,
        documents: Documents,
        verifier: SealVerifier,
        keep: DocumentStore | None,
        send: Callable[[Sequence[Record]], None],
        workers: int,
    ) -> None:
        """``keep``: where the documents of good orders are kept; None: they are there already, or nothing is to be kept.

        ``send`` returns once all of it is durable.
        """
        self._documents, self._verifier, self._keep = documents, verifier, keep
        self._send, self._workers = send, workers

    def run(self, rows: Iterable[Row]) -> Iterator[list[Done]]:
        """Every row in its turn, a window at a time, once what was good of it is durable.

        Raises:
            OSError, DocumentError, TrustError, KafkaError: trouble of ours, which says nothing of a row.
        """
        with ThreadPoolExecutor(self._workers, "import") as pool:
            pending: deque[Future[Done]] = deque()
            left = iter(rows)
            try:
                while True:
                    pending += (pool.submit(self._look, row) for row in islice(left, self._ahead - len(pending)))
                    if not pending:
                        return
                    window = [pending.popleft().result() for _ in range(min(WINDOW, len(pending)))]
                    pending += (pool.submit(self._look, row) for row in islice(left, self._ahead - len(pending)))
                    self._send([one.record for one in window if one.record is not None])
                    yield window
            finally:
                for future in pending:
                    future.cancel()

    @property
    def _ahead(self) -> int:
        return WINDOW + AHEAD * self._workers

    def _look(self, row: Row) -> Done:
        try:
            if row.wrong is not None:
                raise row.wrong
            order = read_order(row.raw)
        except UnreadableError as error:
            return Done(row, None, None, Refusal(error.reason, error.detail, (advice(error.reason),)))
        record = Record(ORDERS, order.id.encode(), row.raw)
        if isinstance(order, Release):
            return Done(row, order.id, record)
        checked = documents_of(order, self._documents, self._verifier)
        if not all_good(checked):
            return Done(row, order.id, None, _refusal(checked))
        if self._keep is not None:
            for one in checked:
                self._keep.add(self._documents.get(one.sha256))
        return Done(row, order.id, record)


def _refusal(checked: Sequence[Checked]) -> Refusal:
    reasons = dict.fromkeys(one.verdict.reason for one in checked if not one.verdict.good)
    return Refusal("documents_refused", refusal(checked), tuple(dict.fromkeys(advice(reason) for reason in reasons)))
