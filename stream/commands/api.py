"""``chakong api``: the courts' door, over HTTP."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from typing import Final

import click
import structlog
import uvicorn
from prometheus_client import start_http_server
from pydantic import ValidationError

from connectors.audit.settings import AuditSettings
from connectors.audit.writer import AuditWriter
from connectors.door.app import Parts, build_door
from connectors.door.guard import Guard, Told
from connectors.door.settings import DoorSettings
from connectors.door.tokens import Tokens, TokensError
from connectors.kafka.errors import KafkaError
from connectors.kafka.places import Places
from connectors.kafka.records import Records
from connectors.kafka.topics import HITS, ensure_topics
from connectors.redis.client import connect
from connectors.redis.ledger import RedisLedger
from connectors.redis.reachability import ReachabilityView
from deploy.local.errors import StackError
from matchers.wire import reason
from stream import metrics
from stream.core.audit.record import AuditUnavailableError
from stream.local import settings_here
from stream.logs import log_to_stderr
from stream.services.bodies import Bodies
from stream.services.rules import RulesFollower
from stream.services.whose import LedgerHits
from stream.settings import WorkerSettings
from watchlists.policy import Policy

CANNOT_START: Final = 2
STOP_S: Final = 5
KEEP_ALIVE_S: Final = 75
NO_ROUTE: Final = "none"
"""The metrics' label of a request for what is not there."""


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Where to listen, in place of CHAKONG_API_PORT.")
def api(port: int | None) -> None:
    """Open the door that courts and police ask at. Settings: CHAKONG_API_..., CHAKONG_KAFKA."""
    log_to_stderr()
    try:
        settings = DoorSettings() if port is None else DoorSettings(port=port)
        settings.check_certificate()
        here = settings_here()
        audit = AuditSettings()
        signer = audit.signer()
        policy = Policy.national().with_overlays(here.overlays)
        tokens = Tokens.load(*(path for path in (settings.tokens, here.courts.endpoints) if path is not None))
        ensure_topics(here.kafka)
    except ValidationError as error:
        _give_up(reason(error))
    except (ValueError, TokensError, KafkaError, StackError) as error:
        _give_up(str(error))
    if not len(tokens):
        _give_up("nobody has a token: list some in CHAKONG_API_TOKENS, or as inboxes in CHAKONG_COURTS_ENDPOINTS")
    try:
        asyncio.run(_serve(settings, here, tokens, AuditWriter("api", audit, signer, here.kafka), policy))
    except AuditUnavailableError as error:
        _give_up(str(error))


async def _serve(settings: DoorSettings, here: WorkerSettings, tokens: Tokens, audit: AuditWriter, policy: Policy) -> None:
    await audit.start()
    records, client, bodies = Records(here.kafka, "chakong-api"), connect(here.redis), Bodies(Places(here.kafka, HITS))
    namespace = here.redis.namespace
    hits = LedgerHits(RedisLedger(client, namespace), bodies, ReachabilityView(client, namespace))
    rules = RulesFollower(here.kafka, policy, _now)
    rules.start()
    parts = Parts(tokens, records, here.kafka, hits, _now, _tell, audit, rules)
    metrics_server, _ = start_http_server(settings.metrics_port, addr=settings.metrics_host, registry=metrics.DOOR)
    structlog.get_logger("api").info("started", metrics_port=metrics_server.server_port)
    try:
        await _server(settings, build_door(settings, parts)).serve()
    finally:
        await audit.stop()
        await asyncio.to_thread(rules.stop)
        await asyncio.to_thread(records.close)
        await asyncio.to_thread(bodies.close)
        await client.aclose()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _server(settings: DoorSettings, door: Guard) -> uvicorn.Server:
    """uvicorn's own access log would hold paths and addresses, so it is off."""
    return uvicorn.Server(
        uvicorn.Config(
            door,
            host=settings.host,
            port=settings.port,
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.certificate_key,
            limit_concurrency=settings.requests_max,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_S,
            access_log=False,
            server_header=False,
            log_level="warning",
            lifespan="on",
        )
    )


def _tell(told: Told) -> None:
    route = told.route or NO_ROUTE
    metrics.door_requests.labels(route, str(told.status)).inc()
    metrics.door_request_seconds.labels(route).observe(told.took_s)
    log = structlog.get_logger("api")
    fields = told._asdict() | {"took_s": round(told.took_s, 4), "route": None}
    (log.error if told.error else log.info)("request", **{name: value for name, value in fields.items() if value is not None})


def _give_up(why: str) -> None:
    click.echo(f"chakong api: {why}", err=True)
    sys.exit(CANNOT_START)
