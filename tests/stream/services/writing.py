"""A writer of views, as a worker runs it, for as long as a test needs one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from connectors.kafka.records import Records
from connectors.kafka.settings import KafkaSettings
from stream.services.view_writer import ViewWriter
from stream.services.views import View


@asynccontextmanager
async def written(kafka: KafkaSettings, group: str, views: Sequence[View], records: Records) -> AsyncIterator[None]:
    """While the views follow the log."""
    writer = ViewWriter(kafka, group, views, records)
    running = asyncio.create_task(writer.run())
    try:
        yield
    finally:
        writer.stop()
        await running
