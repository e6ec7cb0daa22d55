"""A question leaves only once it is on the audit record, with its purpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from connectors.door.registry import Registry
from connectors.kafka.records import Record, Records
from connectors.redis.queries import KnownQuery
from stream.core.audit.record import AuditUnavailableError
from tests.stream.core.cases import AT, question


class EmptyLog:
    """Nothing was asked before."""

    async def known(self, query_id: str) -> KnownQuery:
        return KnownQuery(None, None)


class Sent:
    """What was put on the log, in order with what was put on record."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    async def send_soon(self, records: Sequence[Record]) -> None:
        self.steps += [record.topic for record in records]

    async def on_record(self) -> None:
        self.steps.append("audit")

    async def unavailable(self) -> None:
        raise AuditUnavailableError("the audit record cannot be written")


async def test_S5_2_what_is_not_on_record_is_not_asked() -> None:
    sent = Sent()
    registry = Registry(cast(Any, None), cast(Any, EmptyLog()), cast(Records, sent), lambda: AT, 5.0)
    with pytest.raises(AuditUnavailableError):
        await registry.ask(question(), sent.unavailable)
    assert sent.steps == []
    await registry.ask(question(), sent.on_record)
    assert sent.steps == ["audit", "queries"]
