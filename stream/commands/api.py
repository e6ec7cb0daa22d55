"""``chakong api``: the courts' door, over HTTP."""

from __future__ import annotations

import asyncio
import sys
from functools import cache
from typing import Final

import click
import structlog
from prometheus_client import start_http_server
from pydantic import ValidationError

from connectors.door.guard import Told
from connectors.door.server import server
from connectors.door.settings import DoorSettings
from connectors.kafka.errors import KafkaError
from deploy.local.errors import StackError
from matchers.wire import reason
from stream import metrics
from stream.core.audit.record import AuditUnavailableError
from stream.door import Ready, made_ready, opened
from stream.interpreter import settle
from stream.logs import log_to_stderr

CANNOT_START: Final = 2
NO_ROUTE: Final = "none"
"""The metrics' label of a request for what is not there."""
_log: Final = structlog.get_logger("api")
_requests: Final = cache(metrics.door_requests.labels)
_request_seconds: Final = cache(metrics.door_request_seconds.labels)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Where to listen, in place of CHAKONG_API_PORT.")
def api(port: int | None) -> None:
    """Open the door that courts and police ask at. Settings: CHAKONG_API_..., CHAKONG_KAFKA."""
    log_to_stderr()
    try:
        ready = made_ready(DoorSettings() if port is None else DoorSettings(port=port))
    except ValidationError as error:
        _give_up(reason(error))
    except (ValueError, OSError, KafkaError, StackError) as error:
        _give_up(str(error))
    try:
        asyncio.run(_serve(ready))
    except (AuditUnavailableError, KafkaError) as error:
        _give_up(str(error))


async def _serve(ready: Ready) -> None:
    async with opened(ready, _tell) as door:
        host, port = ready.settings.metrics_host, ready.settings.metrics_port
        metrics_server, _ = start_http_server(port, addr=host, registry=metrics.DOOR)
        settle()
        _log.info("started", metrics_port=metrics_server.server_port)
        await server(door, ready.settings, ready.known.clients).serve()


def _tell(told: Told) -> None:
    route = told.route or NO_ROUTE
    _requests(route, str(told.status)).inc()
    _request_seconds(route).observe(told.took_s)
    fields = told._asdict() | {"took_s": round(told.took_s, 4), "route": None}
    (_log.error if told.error else _log.info)("request", **{name: value for name, value in fields.items() if value is not None})


def _give_up(why: str) -> None:
    click.echo(f"chakong api: {why}", err=True)
    sys.exit(CANNOT_START)
