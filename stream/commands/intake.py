"""``chakong intake``: takes orders that courts send by Kafka, and lets on only those that bear their court's seals."""

from __future__ import annotations

import asyncio
import datetime as dt
import signal
import sys
from typing import Final

import click
import structlog
from prometheus_client import start_http_server
from pydantic import ValidationError

from connectors.documents.settings import DocumentsSettings
from connectors.documents.verifier import PdfSealVerifier
from connectors.kafka.errors import KafkaError
from connectors.kafka.records import Records
from connectors.kafka.topics import ensure_topics
from connectors.redis.errors import RedisError
from deploy.local.errors import StackError
from matchers.wire import reason
from stream import metrics
from stream.core.seals import DocumentStore
from stream.local import settings_here
from stream.logs import log_to_stderr
from stream.services.intake import Intake
from stream.settings import IntakeSettings, WorkerSettings
from stream.wiring import open_index

CANNOT_START: Final = 2


@click.command()
def intake() -> None:
    """Take orders from the topic `intake`, check their documents, and send them to `orders` or to `deadletters`.

    Run as many as you like. Settings: CHAKONG_INTAKE_..., CHAKONG_DOCUMENTS_..., and those of a worker.
    """
    log_to_stderr()
    try:
        settings, documents, here = IntakeSettings(), DocumentsSettings(), settings_here()
        store, verifier = documents.store(), documents.verifier()
        ensure_topics(here.kafka)
        with verifier:
            asyncio.run(_run(settings, here, store, verifier, documents.processes))
    except ValidationError as error:
        _give_up(reason(error))
    except (ValueError, OSError, KafkaError, RedisError, StackError) as error:
        _give_up(str(error))


async def _run(
    settings: IntakeSettings, here: WorkerSettings, store: DocumentStore, verifier: PdfSealVerifier, threads: int
) -> None:
    records = Records(here.kafka, "chakong-intake")
    server, _ = start_http_server(settings.metrics_port, addr=settings.metrics_host, registry=metrics.INTAKE)
    async with open_index(here) as index:
        taking = Intake(here.kafka, records, index, store, verifier, lambda: dt.datetime.now(dt.UTC), threads)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, taking.stop)
        structlog.get_logger("intake").info("started", metrics_port=server.server_port)
        try:
            await taking.run()
        finally:
            await asyncio.to_thread(records.close)


def _give_up(why: str) -> None:
    click.echo(f"chakong intake: {why}", err=True)
    sys.exit(CANNOT_START)
