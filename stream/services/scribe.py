"""The scribe: every step of a hit's story is a receipt, durable in the log first and then in the ledger's view."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from connectors.kafka.records import Record, Records
from connectors.kafka.topics import RECEIPTS
from stream import metrics
from stream.core.delivery import Reason, Receipt, Step, answer_of
from stream.core.hit import Hit
from stream.core.ports import Contributions, Ledger
from stream.services.patience import ledger_answer
from stream.services.resolving import send_for_sure
from stream.together import Together


class Scribe:
    """Writes receipts. When ``record`` returns, log and view both have them: whoever looks next sees them."""

    def __init__(self, records: Records, ledger: Ledger, clock: Callable[[], dt.datetime]) -> None:
        self.send = Together(partial(send_for_sure, records))
        self._view, self._clock = Together(ledger.record), clock

    def receipt(self, hit: Hit, step: Step, outcome: Reason, **fields: Any) -> Receipt:
        """The receipt of a step that is taken now."""
        return Receipt(
            hit_id=hit.id,
            order_id=hit.order_id,
            order_version=hit.order_version,
            at=self._clock(),
            step=step,
            outcome=outcome,
            answer=answer_of(hit),
            **fields,
        )

    async def record(self, receipts: Sequence[Receipt]) -> Contributions:
        """Write receipts, and wait for log and view. Returns the station instructions that changed by that."""
        await self.send([_record(receipt) for receipt in receipts])
        for receipt in receipts:
            metrics.deliveries.labels(receipt.step, receipt.outcome.value).inc()
        # The log has it, but who releases the order now looks at the view: nobody goes on before it has it, too.
        return await ledger_answer(lambda: self._view(receipts))


def _record(receipt: Receipt) -> Record:
    return Record(RECEIPTS, receipt.hit_id.encode(), msgspec.json.encode(receipt.model_dump(mode="json", exclude_none=True)))
