"""``chakong registry``: the police's side of the fast query."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Final

import click
import structlog
from prometheus_client import start_http_server
from pydantic import ValidationError

from connectors.audit.settings import AuditSettings
from connectors.audit.writer import AuditWriter
from connectors.kafka.errors import KafkaError
from connectors.kafka.records import Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ensure_topics
from connectors.police.answering import Answering, Told
from connectors.police.settings import RegistrySettings
from connectors.police.sql import SqlRegistry, populate
from deploy.local.errors import StackError
from matchers.wire import reason
from stream import metrics
from stream.core.audit.record import AuditUnavailableError
from stream.local import settings_here
from stream.logs import log_to_stderr
from stream.services.registry import RegistryService, now
from synthetic.population import population

CANNOT_START: Final = 2


@click.command()
@click.option("--populate", "people", type=click.IntRange(1, 1_000_000), help="Fill CHAKONG_REGISTRY_URL with made-up people.")
@click.option("--seed", default=7, show_default=True, help="Of the made-up people: those of `chakong generate` with this seed.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Made once questions are taken.")
def registry(people: int | None, seed: int, ready_file: Path | None) -> None:
    """Answer courts' questions about parties of their cases. Settings: CHAKONG_REGISTRY_..., CHAKONG_KAFKA.

    With --populate nothing is answered: tables are made and filled, and the command ends.
    """
    log_to_stderr()
    try:
        settings = RegistrySettings()
        if people is not None:
            click.echo(f"{populate(settings.url, population(seed, people)):,} rows of {people:,} made-up people.", err=True)
            return
        kafka, audit = settings_here().kafka, AuditSettings()
        writer = AuditWriter("registry", audit, audit.signer(), kafka)
        adapter = SqlRegistry(settings.urls(), settings.within_s())
        ensure_topics(kafka)
        asyncio.run(_serve(settings, kafka, adapter, writer, ready_file))
    except ValidationError as error:
        _give_up(reason(error))
    except (ValueError, KafkaError, StackError, AuditUnavailableError) as error:
        _give_up(str(error))


async def _serve(
    settings: RegistrySettings, kafka: KafkaSettings, adapter: SqlRegistry, audit: AuditWriter, ready_file: Path | None
) -> None:
    await audit.start()
    records = Records(kafka, "chakong-registry")
    answering = Answering(adapter, settings.within_s(), now, _tell)
    service = RegistryService(kafka, answering, records, audit, settings.in_flight_max)
    metrics_server, _ = start_http_server(settings.metrics_port, addr=settings.metrics_host, registry=metrics.REGISTRY)
    structlog.get_logger("registry").info("started", metrics_port=metrics_server.server_port)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, service.stop)
    try:
        await service.run(lambda: None if ready_file is None else ready_file.touch())
    finally:
        await audit.stop()
        await asyncio.to_thread(records.close)
        adapter.close()


def _tell(told: Told) -> None:
    metrics.registry_sources.labels(told.source, told.outcome).inc()
    metrics.registry_source_seconds.labels(told.source).observe(told.took_s)


def _give_up(why: str) -> None:
    click.echo(f"chakong registry: {why}", err=True)
    sys.exit(CANNOT_START)
